"""Contact data: what leads from a review to a person. E-mail addresses, phone numbers, payment cards, bank accounts, links.

Handles without an announcing link (``my wechat is abc``), names and street addresses are not found: they need a model, and a rail
that guesses names would cut every review that thanks a host.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import regex
import yaml

from evals.paths import DATA
from guardrails import numbers
from guardrails.base import Context, Span, SpanRail

_AT = regex.compile(r"[@＠]|\s?[\[({]\s?(?:at|a|ät|arroba|chiocciola)\s?[\])}]\s?", regex.IGNORECASE)
_LOCAL = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-'") | {chr(c) for c in range(0xC0, 0x250)}
_DOT = r"(?:\.|\s?[\[({]\s?(?:dot|punkt|punto|ponto|point)\s?[\])}]\s?)"
_DOMAIN = regex.compile(rf"(?:[\p{{Latin}}0-9-]{{1,63}}{_DOT}){{1,5}}\p{{Latin}}{{2,24}}(?![\p{{Latin}}0-9])", regex.IGNORECASE)
_URL = r"[A-Za-z0-9\-._~:/?#@!$&*+,;=%]"  # no brackets, no quotes


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, plain or spelt (``name (at) example (dot) org``), by looking left and right of each at sign: linear time.

    >>> list(emails("to joe.doe+shop@mail.example.org."))
    [(3, 32, 'e-mail address')]
    """
    for at in _AT.finditer(text):
        start = at.start()
        while start > 0 and at.start() - start < 64 and text[start - 1] in _LOCAL:
            start -= 1
        domain = _DOMAIN.match(text, at.end(), at.end() + 255)
        if start < at.start() and domain:
            yield start, domain.end(), "e-mail address"


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


CONTACT = SpanRail("contact", frozenset({"input", "evidence", "output"}), "•••", _find)
