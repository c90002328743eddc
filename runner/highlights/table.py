"""The aspect table: how many reviews speak of each aspect, and how. Counts of parts add up to the counts of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from evals.records import AspectRow, Polarity
from runner.highlights.mentions import Opinion

SUPPORT = 2  # reviews: what one person says is not what reviewers say


@dataclass
class AspectTable:
    """Opinions counted by (aspect, polarity); one opinion a review and aspect, so the three counts of a row sum to its reviews.

    >>> table = AspectTable()
    >>> table.add([Opinion("sound", "positive", ())])
    >>> table.add([Opinion("sound", "negative", ())])
    >>> table.rows()
    [AspectRow(aspect='sound', positive=1, neutral=0, negative=1, reviews=2)]
    """

    counts: Counter[tuple[str, Polarity]] = field(default_factory=Counter)

    def add(self, opinions: Iterable[Opinion]) -> None:
        """Count one review's opinions."""
        self.counts.update((opinion.aspect, opinion.polarity) for opinion in opinions)

    def merge(self, other: AspectTable) -> AspectTable:
        """The table of both sets of reviews; no review may be in both."""
        return AspectTable(self.counts + other.counts)

    def rows(self) -> list[AspectRow]:
        """All rows, those of most reviews first, then by name."""
        rows = [self._row(aspect) for aspect in {aspect for aspect, _ in self.counts}]
        return sorted(rows, key=lambda row: (-row.reviews, row.aspect))

    def top(self, limit: int) -> list[AspectRow]:
        """The first `limit` rows that SUPPORT reviews or more speak of."""
        return [row for row in self.rows() if row.reviews >= SUPPORT][:limit]

    def _row(self, aspect: str) -> AspectRow:
        positive, neutral, negative = (self.counts[aspect, name] for name in ("positive", "neutral", "negative"))
        return AspectRow(aspect, positive, neutral, negative, positive + neutral + negative)
