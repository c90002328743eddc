"""Contact data: what leads from a review to a person. E-mail addresses, phone numbers, payment cards, bank accounts, links, IP addresses,
wallets. Street addresses, numbers of identity and announced names have rails of their own.

Handles without an announcing link (``my wechat is abc``) are not found, nor names that nothing announces: they need a model, and a rail
that guesses names would cut every review that thanks a host.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import regex
import yaml

from evals.paths import DATA
from guardrails import network, numbers
from guardrails.base import Context, Span, SpanRail

_AT = regex.compile(
    r"[@＠]|\s?[\[({（]\s?(?:at|a|ät|arroba|chiocciola|arobase|apenstaartje|zavináč|małpa|snabel-a|et|アット)\s?[\])}）]\s?",
    regex.IGNORECASE,
)
_LOCAL = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-'")
_LOCAL |= {chr(c) for c in range(0xC0, 0x250)} | {chr(ord(c) + 0xFEE0) for c in _LOCAL}  # full-width forms
_DOT = r"(?:[.．]|\s?[\[({（]\s?(?:dot|punkt|punto|ponto|point|ドット)\s?[\])}）]\s?)"
_DOMAIN = regex.compile(rf"(?:[\p{{Latin}}\d-]{{1,63}}{_DOT}){{1,5}}\p{{Latin}}{{2,24}}(?![\p{{Latin}}\d])", regex.IGNORECASE)
# Domains in other scripts end in one of few names; what stands before the at sign is then a word of that script.
_NATIVE_DOMAIN = regex.compile(
    r"(?:[\p{L}\p{M}\d-]{1,63}\.){1,3}(?:भारत|ভারত|భారత్|இந்தியா|சிங்கப்பூர்|বাংলা|السعودية|امارات|مصر|ישראל|한국|中国|中國|公司|网络|新加坡|ελ|ευ)(?![\p{L}\p{M}\d])"
)
_URL = r"[A-Za-z0-9\-._~:/?#@!$&*+,;=%]"  # no brackets, no quotes


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, plain or spelt (``name (at) example (dot) org``), by looking left and right of each at sign: linear time.

    >>> list(emails("to joe.doe+shop@mail.example.org."))
    [(3, 32, 'e-mail address')]
    """
    for at in _AT.finditer(text):
        start = at.start()
        while start > 0 and at.start() - start < 64 and (text[start - 1] in _LOCAL or text[start - 1].isdecimal()):
            start -= 1
        domain = _DOMAIN.match(text, at.end(), at.end() + 255)
        if not domain and (domain := _NATIVE_DOMAIN.match(text, at.end(), at.end() + 255)):
            start = _native_start(text, at.start())
        if start < at.start() and domain:
            yield start, domain.end(), "e-mail address"


def _native_start(text: str, end: int) -> int:
    start = end
    while start > 0 and end - start < 64 and (text[start - 1] in _LOCAL or regex.match(r"[\p{L}\p{M}\p{N}]", text[start - 1])):
        start -= 1
    return start


@cache
def _link() -> regex.Pattern[str]:
    hosts = yaml.safe_load((DATA / "guardrails" / "contact.yaml").read_text(encoding="utf-8"))["short_links"]
    short = "|".join(regex.escape(host) for host in hosts)
    return regex.compile(
        rf"(?:\b(?:h[tx]{{2}}ps?|ftp)://{_URL}{{1,2000}}|(?<![\p{{Latin}}0-9.@])(?:www\.[a-z0-9-]{{1,63}}\.{_URL}{{2,2000}}|(?:{short})/{_URL}{{1,200}}))",
        regex.IGNORECASE,
    )


def links(text: str) -> Iterator[Span]:
    """Links with a scheme, with ``www.``, and those of shorteners and messengers; punctuation behind them is not theirs.

    >>> list(links("see https://a.example/b?c=1, or t.me/joe!"))
    [(4, 27, 'link'), (32, 40, 'link')]
    """
    for match in _link().finditer(text):
        yield match.start(), match.start() + len(match.group().rstrip(".,;:!?*_~'")), "link"


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    yield from emails(text)
    yield from links(text)
    yield from numbers.cards(text)
    yield from numbers.ibans(text)
    yield from numbers.phones(text, language)
    yield from network.ips(text)
    yield from network.macs(text)
    yield from network.wallets(text)


CONTACT = SpanRail("contact", frozenset({"input", "evidence", "output"}), "•••", _find)
