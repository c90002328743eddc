"""What a rail is: one check of a text, and what it objects to, with offsets. A rail never rewrites; `guardrails.apply` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from evals.identity import content_id
from evals.records import Action, Feature, Finding, Passage

Target = Literal["input", "evidence", "output"]
TARGETS: tuple[Target, ...] = ("input", "evidence", "output")
MAX_HITS = 50  # findings of one rail in one text
WITHHELD: tuple[Action, ...] = ("block", "escalate")  # nothing of the text is shown
Span = tuple[int, int, str]  # start, end, what it is: never the text itself


@dataclass(frozen=True)
class Context:
    """Where a text stands: the feature, what it is there, and for outputs the passages they rest on.

    `action` is the policy's, for whatever the rail finds. `marketplace`: the storefront (ISO 3166 code), where one is known.
    """

    feature: Feature
    target: Target
    action: Action = "block"
    passages: tuple[Passage, ...] = ()
    marketplace: str | None = None
    secrets: tuple[str, ...] = ()  # texts that an output must not repeat: what the model was told (rail ``leak``)


@dataclass(frozen=True)
class Hit:
    """One thing a rail objects to: ``text[start:end]`` in code points, start < end <= len(text)."""

    start: int
    end: int
    action: Action
    detail: str


class Rail(Protocol):
    """One row of RAILS. `mask` stands where `guardrails.apply` took something out.

    `reach`: how many characters to either side of a hit's beginning decide on it, the hit itself included (a run without white space may
    be longer). None: the rail judges the whole text. An answer that is streamed is held back by the longest reach of its rails
    (`guardrails.stream`).
    """

    @property
    def name(self) -> str: ...
    @property
    def targets(self) -> frozenset[Target]: ...
    @property
    def mask(self) -> str: ...
    @property
    def reach(self) -> int | None: ...
    def check(self, text: str, language: str, context: Context) -> list[Hit]:
        """What the rail objects to, in order. Deterministic, and linear in the length of the text."""
        ...


@dataclass(frozen=True)
class SpanRail:
    """A rail made of a function that yields spans; all rails here are one."""

    name: str
    targets: frozenset[Target]
    mask: str
    find: Callable[[str, str, Context], Iterable[Span]]
    reach: int | None = None

    def check(self, text: str, language: str, context: Context) -> list[Hit]:
        """Spans in order, clipped to the text, empty ones left out; ``[]`` for a target that is not the rail's.

        From the MAX_HITS-th on, one hit covers the rest: a hostile text must not fill the store.
        """
        if context.target not in self.targets:
            return []
        spans = list(_clean(self.find(text, language, context), len(text)))
        if len(spans) > MAX_HITS:
            rest = spans[MAX_HITS - 1 :]
            spans[MAX_HITS - 1 :] = [(rest[0][0], max(end for _, end, _ in rest), f"{len(rest)} more")]
        return [Hit(start, end, context.action, detail) for start, end, detail in spans]


def _clean(spans: Iterable[Span], length: int) -> Iterator[Span]:
    for start, end, detail in sorted({(max(0, s), min(e, length), d) for s, e, d in spans}):
        if start < end:
            yield start, end, detail


@dataclass(frozen=True)
class Draft:
    """A finding before its output has a name: same fields as `evals.records.Finding` without the ids."""

    rail: str
    action: Action
    target: Target
    start: int
    end: int
    detail: str
    source_id: str | None = None

    def finding(self, output_id: str) -> Finding:
        """The finding of that output."""
        parts = (output_id, self.rail, self.target, self.source_id, self.start, self.end, self.detail)
        return Finding(
            content_id("finding", *parts),
            output_id,
            self.rail,
            self.action,
            self.target,
            self.start,
            self.end,
            self.detail,
            self.source_id,
        )
