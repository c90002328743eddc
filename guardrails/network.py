"""Addresses of machines and of money without a bank: IP and MAC addresses, crypto wallets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import regex
from stdnum import bitcoin

from evals.text import fold
from guardrails.base import Span

MIN_DIGITS = 9  # of an address nothing announces: firmware is 4.2.11.30, an address 16.244.11.141; "C::D" is code
_IPV4 = regex.compile(r"(?<![\p{Latin}\p{N}.])\d{1,3}(?:\.\d{1,3}){3}(?![\p{Latin}\p{N}]|\.\d)")
_IPV6 = regex.compile(r"(?<![\p{Latin}\p{N}:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\p{Latin}\p{N}:])")
_MAC = regex.compile(r"(?<![\p{Latin}\p{N}:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\p{Latin}\p{N}:-])")
_COIN = regex.compile(r"(?<![\p{Latin}\p{N}])(?:0x[0-9A-Fa-f]{40}|bc1[02-9a-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})(?![\p{Latin}\p{N}])")
_ANNOUNCES_IP = regex.compile(r"(?<!\p{L})(?:ip|ipv4|server|host|dns|ping)(?!\p{L})[^.\d]{0,15}$")
_VERSION = regex.compile(r"(?:(?<!\p{L})v|version|firmware|update|build|release|software|driver|ver\.)\W{0,3}$")


def ips(text: str) -> Iterator[Span]:
    """IP addresses of the public network: an address of a home network leads to nobody.

    >>> [text[s:e] for text in ["from 86.121.97.248 and 192.168.1.100, firmware 86.121.97.248"] for s, e, _ in ips(text)]
    ['86.121.97.248']
    """
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            before = fold(text[max(0, match.start() - 20) : match.start()])
            if _is_public(match.group()) and not _VERSION.search(before):
                enough = sum(c.isalnum() for c in match.group()) >= MIN_DIGITS
                if enough or _ANNOUNCES_IP.search(before):
                    yield match.start(), match.end(), "IP address"


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def macs(text: str) -> Iterator[Span]:
    """Hardware addresses.

    >>> list(macs("it shows 00:1B:44:11:3A:B7"))
    [(9, 26, 'MAC address')]
    """
    yield from ((match.start(), match.end(), "MAC address") for match in _MAC.finditer(text))


def wallets(text: str) -> Iterator[Span]:
    """Wallets: Bitcoin by its check digits, Ethereum by its form.

    >>> list(wallets("pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"))
    [(4, 38, 'crypto wallet')]
    """
    for match in _COIN.finditer(text):
        if match.group().startswith("0x") or bitcoin.is_valid(match.group()):
            yield match.start(), match.end(), "crypto wallet"
