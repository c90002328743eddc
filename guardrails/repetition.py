"""Outputs that are stuck: the same characters, words or sentences over and over, as models that lost the thread write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from evals.text import sentences
from guardrails.base import Context, Span, SpanRail
from guardrails.phrases import folded

PERIODS = 200  # characters of the longest unit that is looked for
LEAST = 80  # characters that a loop of several characters must run: "very very very good" is praise
TIMES = 5  # times in a row
RUN = 60  # times one character in a row: joy and anger hold a key down
RULE = 200  # ... where it is no letter or digit: dots, dashes and blanks make lines
SENTENCES = 3  # times the same sentence, anywhere
SENTENCE = 24  # characters from which a sentence counts; of a wide script half as many
_WIDE_FROM = "\u2e80"


def loops(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of a text that repeat a unit of up to PERIODS characters.

    For each period p the places where a character equals the one p before it are counted in runs: PERIODS passes, each linear.
    """
    codes: npt.NDArray[np.uint32] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    for period in range(1, min(PERIODS, len(codes) // TIMES) + 1):
        same = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate(([-1], same, [len(codes) - period]))
        wanted = RUN - 1 if period == 1 else max(LEAST, TIMES * period) - period
        for at in np.flatnonzero(np.diff(edges) - 1 >= wanted):
            start, end = int(edges[at] + 1), int(edges[at + 1] + period)
            if end - start >= RULE or any(map(str.isalnum, text[start : start + period])):
                yield start, end


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    end = -1
    begun = 0
    for start, stop in sorted(spans):
        if start > end:
            if end > 0:
                yield begun, end
            begun, end = start, stop
        end = max(end, stop)
    if end > 0:
        yield begun, end


def repeated(text: str, tag: str) -> Iterator[tuple[int, int]]:
    """The later occurrences of a sentence that stands SENTENCES times in `text`, whatever is between them.

    >>> list(repeated("The sound is clear and warm. " * 3, "en"))
    [(29, 57), (58, 86)]
    """
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for sentence in sentences(text, tag):
        plain = " ".join(folded(sentence.text).text.split())
        if len(plain) * (2 if plain[:1] >= _WIDE_FROM else 1) >= SENTENCE and any(map(str.isalpha, plain)):
            places[plain].append((sentence.start, sentence.end))
    for spans in places.values():
        if len(spans) >= SENTENCES:
            yield from spans[1:]


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    for start, end in _merged([*loops(text), *repeated(text, language)]):
        yield start, end, "says the same again and again"


REPETITION = SpanRail("repetition", frozenset({"output"}), "…", _find)
