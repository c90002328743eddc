"""What is cut nowhere and what is no statement: citation marks, quotations, brackets."""

from __future__ import annotations

import re

MARK = re.compile(r"\[\s*(\d{1,3}(?:\s*,\s*\d{1,3})*)\s*\]")
# Quotations on one line; an opening quote without its partner must not swallow the rest. Hebrew writes acronyms with the same mark.
_PAIRS = "|".join(rf"{o}[^{o}{c}\n]{{0,1000}}[{c}]" for o, c in ("“”", "«»", "「」", "『』", ("„", "“”"), "»«"))
QUOTATION = re.compile(rf"{_PAIRS}|(?<!\w)”[^”\n]{{0,1000}}”|(?<!\w)״(?:[^״\n]|(?<=\w)״(?=\w)){{0,1000}}״")
STRAIGHT = re.compile(r'"[^"\n]{1,1000}"')
BRACKETED = re.compile(r"\([^()\n]{0,1000}\)|（[^（）\n]{0,1000}）|\{[^{}\n]{0,1000}\}")


def citations_in(text: str) -> tuple[int, ...]:
    """The numbers of the [n] marks in order of first appearance, each once.

    >>> citations_in("Good [2], light [1, 2].")
    (2, 1)
    """
    return tuple(dict.fromkeys(int(n) for mark in MARK.finditer(text) for n in mark.group(1).split(",")))


def without_citations(text: str) -> str:
    """The statement itself, for comparing."""
    return MARK.sub(" ", text).strip()
