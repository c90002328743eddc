"""The evidence of an output as a judge is shown it, numbered, and where in it a quote stands."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

import regex

from evals.judges.material import aspect_name, heading
from evals.judges.prompts import cut, harmless
from evals.records import AspectRow, Case, Output, Passage

MAX_PASSAGE, MAX_EVIDENCE = 6_000, 60_000  # characters of one passage, of all of it
MIN_QUOTE = 2  # letters and digits; shorter only where the passage is no longer
_WORD = regex.compile(r"\S+")


@dataclass(frozen=True)
class Evidence:
    """`texts` by number; behind each stands a passage, of which it is the beginning (after a heading where it is the bare value of an
    attribute), or an aspect's counts.

    `cut`: some of it was left out, so that "it is not in there" means nothing.
    """

    texts: Mapping[int, str]
    passages: Mapping[int, Passage]
    aspects: Mapping[int, str]
    cut: bool
    headings: Mapping[int, int] = field(default_factory=dict)  # their lengths
    _folded: dict[int, Folded] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, case: Case, output: Output, row: str) -> Evidence:
        """Passages keep their numbers, which the reader of the output sees; the aspect table's rows, each written by the pattern `row`,
        are counted on from there."""
        passages = _numbered(output)
        first = max(passages, default=0) + 1
        counted = dict(enumerate(output.aspects, first))
        rows = {number: _row(case, one, row) for number, one in counted.items()}
        left, missing = MAX_EVIDENCE - sum(map(len, rows.values())), False
        headings = {number: heading(case, passage) for number, passage in passages.items()}
        texts: dict[int, str] = {}
        for number, passage in passages.items():
            texts[number], shorter = cut(headings[number] + passage.text, max(0, min(MAX_PASSAGE, left)))
            missing, left = missing or shorter, left - len(texts[number])
        shown = {number: text for number, text in texts.items() if text}
        kept = {number: passages[number] for number in shown}
        aspects = {number: one.aspect for number, one in counted.items()}
        return cls(shown | rows, kept, aspects, missing, {number: len(text) for number, text in headings.items()})

    def find(self, number: int, quote: str) -> tuple[int, int] | str | None:
        """Where a quote stands in the passage of that number (in its own text, without heading), or in the counts; as `Folded.find`."""
        if number not in self._folded:
            self._folded[number] = Folded.of(self.texts[number])
        found = self._folded[number].find(quote)
        if not isinstance(found, tuple):
            return found
        before = self.headings.get(number, 0)
        return (max(0, found[0] - before), found[1] - before) if found[1] > before else None


def _numbered(output: Output) -> dict[int, Passage]:
    passages = [passage for passage in output.passages if passage.text.strip()]
    numbers = [passage.number for passage in passages]
    usable = len(set(numbers)) == len(numbers) and min(numbers, default=1) > 0
    return dict(zip(numbers if usable else range(1, len(passages) + 1), passages, strict=True))


def _row(case: Case, row: AspectRow, pattern: str) -> str:
    name = aspect_name(case, row.aspect)
    return pattern.format(aspect=name, positive=row.positive, negative=row.negative, neutral=row.neutral)


@dataclass(frozen=True)
class Folded:
    """A text with every run of white space as one space, and where its words began before."""

    text: str
    starts: tuple[int, ...]  # of the words, in `text`
    before: tuple[int, ...]  # the same in the text as it was

    @classmethod
    def of(cls, text: str) -> Folded:
        words = [(match.start(), match.group()) for match in _WORD.finditer(harmless(text))]
        starts, at = [], 0
        for _, word in words:
            starts.append(at)
            at += len(word) + 1
        return cls(" ".join(word for _, word in words), tuple(starts), tuple(start for start, _ in words))

    def find(self, quote: str) -> tuple[int, int] | str | None:
        """Where `quote` stands, in the text as it was; None where it does only after composing characters; else why it does not count.

        >>> Folded.of("It  lasts\\n two days.").find("lasts two")
        (4, 14)
        >>> Folded.of("It lasts two days.").find("three")
        'is not in'
        """
        said = Folded.of(quote).text
        if not said or (sum(map(str.isalnum, said)) < MIN_QUOTE and said != self.text):
            return "is missing or too short for"
        at = self.text.find(said)
        if at >= 0:
            return self._was(at), self._was(at + len(said) - 1) + 1
        return None if unicodedata.normalize("NFC", said) in unicodedata.normalize("NFC", self.text) else "is not in"

    def _was(self, at: int) -> int:
        word = bisect_right(self.starts, at) - 1
        return self.before[word] + at - self.starts[word]
