"""HTML of what people were shown and what they said: both were written by others, and run in the direction of their own language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from evals.store import Disagreement
from workbench.cards import Mark, isolated, quoted, safe, text_block, verdict_badge
from workbench.conflict_rows import Before, Vote, words

# What an item shows, in the order it is read, and what we call it.
_CONTEXT = {"question": "question", "answer": "answer"}
_JUDGED = {"claim": "claim", "sentence": "sentence", "text": "text", "text_a": "text A", "text_b": "text B"}
_LONGEST = 600  # characters of a text in a list
_BEHIND = {"evidence": "evidence", "passage": "cited passage", "evidence_a": "evidence of A", "evidence_b": "evidence of B"}


def judged(data: Mapping[str, Any]) -> str:
    """The text an item is about, of whatever rubric."""
    return next((str(data[key]) for key in _JUDGED if data.get(key)), "")


def shown_block(tag: str, data: Mapping[str, Any], votes: Sequence[Vote] = ()) -> str:
    """Everything the annotators were shown; in the evidence, the words that anybody marked are marked."""
    marks = merged(span for vote in votes for span in vote.spans)
    blocks = [_titled(name, text_block(tag, str(data[key]))) for key, name in (_CONTEXT | _JUDGED).items() if data.get(key)]
    blocks += [_titled(name, evidence_block(tag, str(data[key]), marks)) for key, name in _BEHIND.items() if data.get(key)]
    return "".join(blocks)


def evidence_block(tag: str, text: str, marks: Iterable[tuple[int, int]] = ()) -> str:
    """Evidence line by line as annotators read it; `marks`: spans of the whole, sorted, apart."""
    spans, lines, start = list(marks), [], 0
    for line in text.split("\n"):
        end = start + len(line)
        inside = [Mark(max(a, start) - start, min(b, end) - start, "pl-decides") for a, b in spans if a < end and b > start]
        if line.strip():
            lines.append(quoted(tag, line, inside))
        start = end + 1
    return "".join(lines)


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches that anybody marked.

    >>> merged([(5, 9), (0, 3), (2, 4), (9, 9)])
    [(0, 4), (5, 9)]
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def votes_block(votes: Iterable[Vote]) -> str:
    """Who said what, when and how fast, with their remark and what they said before."""
    return "".join(vote_block(vote) for vote in votes)


def vote_block(vote: Vote) -> str:
    seconds = "" if vote.seconds is None else f" · {vote.seconds:.0f} s"
    head = f"{verdict_badge(vote.verdict)}<b>{isolated(vote.name)}</b>{_script(vote.simulated)}"
    return (
        f'<div class="pl-vote" dir="ltr"><div>{head}</div><div class="pl-meta">{when(vote.at)}{seconds}</div>'
        f"{_remark(vote.comment)}{''.join(_before(vote.before))}</div>"
    )


def others_block(others: Iterable[tuple[str, bool, str]]) -> str:
    """What others said, in a line: name, simulated or not, verdict."""
    said = (f"<span>{verdict_badge(verdict)}{isolated(name)}{_script(simulated)}</span>" for name, simulated, verdict in others)
    return f'<div class="pl-others" dir="ltr">{" ".join(said)}</div>'


def when(at: str) -> str:
    """``2026-11-22 12:00`` of an ISO time."""
    return isolated(at[:16].replace("T", " "))


def _before(edits: Iterable[Before]) -> Iterator[str]:
    for edit in edits:
        yield f'<div class="pl-before">said <b>{isolated(words(edit.verdict))}</b> until {when(edit.at)}{_remark(edit.comment)}</div>'


def _remark(comment: str | None) -> str:
    return f'<div class="pl-remark" dir="auto">{safe(comment)}</div>' if comment else ""


def _script(simulated: bool) -> str:
    return ' <span class="pl-badge pl-unknown-badge">simulated</span>' if simulated else ""


def _titled(name: str, block: str) -> str:
    return f'<div class="pl-label">{isolated(name)}</div>{block}'


def disagreement_block(one: Disagreement) -> str:
    """A text, what somebody said of it, and what the others say."""
    text = text_block(one.item.language, judged(one.item.data)[:_LONGEST])
    where = f'<span class="pl-meta">{when(one.at)} · {isolated(one.item.queue)}</span>'
    own = f'<div dir="ltr"><b>they:</b> {verdict_badge(one.verdict)}{where}</div>'
    return f'<div class="pl-vote">{text}{own}{_remark(one.comment)}{others_block(one.others)}</div>'
