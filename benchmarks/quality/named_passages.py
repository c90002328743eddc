"""RAGTruth's answers to questions name the passages they rest on in words, ``(Passage 2)``; ours cite them, ``[2]``. Read as the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from evals.claims import claims_of
from evals.grounding.evidence import runs_in
from evals.records import Claim, Output

_MORE = r"(?:(?:\s?(?:,|&|and|or))+\s?(?:passage\s?)?\d\b)*"
_NAMED = re.compile(rf"\(?\s?\bpassages?\s?(?P<these>\d\b{_MORE})(?::\d+)?\s?\)?", re.IGNORECASE)
_SOURCE = re.compile(r"(?:^|\n)passage \d:")
_ENTRY = re.compile(r"(?:[*•-]|\d{1,2}[.)])\s")


def texts_of(source: str) -> list[str]:
    """The passages of a source in order: ``passage 1:… passage 2:…``."""
    return [text.strip() for text in _SOURCE.split(source) if text.strip()]


def claims_citing(output: Output, tag: str) -> Iterator[Claim]:
    """Claims that cite the passages they name and say the rest; a list's entry that names none cites those of its heading."""
    numbers = {passage.number for passage in output.passages}
    headings = _headings(output.text)
    for claim in claims_of(output, tag):
        text = _NAMED.sub(" ", claim.text)
        line = output.text.count("\n", 0, claim.start + len(claim.text) - len(claim.text.lstrip()))
        if runs_in(text):
            yield replace(claim, text=text, citations=tuple(sorted((_named(claim.text) or headings[line]) & numbers)))


def _named(text: str) -> frozenset[int]:
    return frozenset(int(number) for said in _NAMED.finditer(text) for number in re.findall(r"\d", said["these"]))


def _headings(text: str) -> list[frozenset[int]]:
    """For each line the passages that the heading of its list names."""
    found, named = [], frozenset[int]()
    for line in map(str.strip, text.split("\n")):
        if line and not _ENTRY.match(line):
            named = _named(line) if line.endswith(":") else frozenset()
        found.append(named)
    return found
