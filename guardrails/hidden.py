"""Characters nobody sees: what a reader judges and what a model reads must be the same text.

Joiners stay where a script or an emoji needs them (U+200C, U+200D), as do direction marks (U+200E, U+200F), the soft hyphen,
variation selectors, and the tag characters of a flag emoji.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from guardrails.base import Span, SpanRail

_FLAG = "\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{2,8}\U000e007f"
_HIDDEN = regex.compile(
    rf"(?P<flag>{_FLAG})"
    r"|(?P<bidi>[\u202a-\u202e\u2066-\u2069]+)"
    r"|(?P<tag>[\U000e0000-\U000e007f]+)"
    r"|(?P<zero>[\u200b\u2060-\u2064\ufeff\u180e\u3164\uffa0]+)"
    r"|(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]+)"
)
_MEANING = {
    "bidi": "text direction override",
    "tag": "invisible tag characters",
    "zero": "zero-width characters",
    "control": "control characters",
}


def spans(text: str) -> Iterator[Span]:
    """Runs of hidden characters.

    >>> list(spans("safe\\u202egnp.exe"))
    [(4, 5, 'text direction override: 1')]
    """
    for match in _HIDDEN.finditer(text):
        if match.lastgroup and match.lastgroup != "flag":
            yield match.start(), match.end(), f"{_MEANING[match.lastgroup]}: {len(match.group())}"


HIDDEN = SpanRail("hidden", frozenset({"input", "evidence", "output"}), "", lambda text, _language, _context: spans(text))
