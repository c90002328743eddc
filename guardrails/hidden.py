"""Characters nobody sees: what a reader judges and what a model reads must be the same text.

Joiners stay where a script or an emoji needs them (U+200C, U+200D), as do direction marks (U+200E, U+200F), the soft hyphen,
a variation selector, and the tag characters of a flag emoji; runs of them that no script needs carry a message or hide one.
Marks piled on a letter ("Zalgo") go too: no script of the 28 languages needs four of the general ones on one letter.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from guardrails.base import Span, SpanRail

_FLAG = "\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{2,8}\U000e007f"
_ZERO = r"\u200b\u2060-\u2064\ufeff\u180e\u3164\uffa0\u115f\u1160\u17b4\u17b5\u2800\u034f\u206a-\u206f\ufff9-\ufffb\U0001d173-\U0001d17a"
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_ANY = regex.compile(
    rf"[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e01ef{_ZERO}{_CONTROL}]|[\u200c-\u200f\u00ad]{{3}}|[\ufe00-\ufe0f]{{2}}|[{_MARKS}]{{4}}|\p{{Mn}}{{9}}"
)
_HIDDEN = regex.compile(
    rf"(?P<flag>{_FLAG})"
    r"|(?P<bidi>[\u202a-\u202e\u2066-\u2069]+)"
    r"|(?P<tag>[\U000e0000-\U000e007f]+)"
    rf"|(?P<zero>[{_ZERO}]+)"
    r"|(?P<run>[\u200c-\u200f\u00ad]{3,}+|[\ufe00-\ufe0f]{2,}+|(?<!\p{Han})[\U000e0100-\U000e01ef]+|[\U000e0100-\U000e01ef]{2,}+)"
    rf"|(?P<pile>[{_MARKS}]{{4,}}+|\p{{Mn}}{{9,}}+)"
    rf"|(?P<control>[{_CONTROL}]+)"
)
_MEANING = {
    "bidi": "text direction override",
    "tag": "invisible tag characters",
    "zero": "zero-width characters",
    "control": "control characters",
    "run": "a run of invisible joiners or selectors",
    "pile": "piled-up combining marks",
}


def spans(text: str) -> Iterator[Span]:
    """Runs of hidden characters.

    >>> list(spans("safe\\u202egnp.exe"))
    [(4, 5, 'text direction override: 1')]
    """
    for match in _HIDDEN.finditer(text) if _ANY.search(text) else ():
        if match.lastgroup and match.lastgroup != "flag":
            yield match.start(), match.end(), f"{_MEANING[match.lastgroup]}: {len(match.group())}"


HIDDEN = SpanRail("hidden", frozenset({"input", "evidence", "output"}), "", lambda text, _language, _context: spans(text))
