"""What Ragas' metrics should have found, computed again from the judge's replies, which are counted and checked on the way.

A reply is the JSON object as the judge gave it, in the order in which Ragas asks. Each function gives the value and what decided; it
raises JudgeError where a verdict is missing, too many, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.judges.transport import JudgeError
from evals.text import sentences


@dataclass(frozen=True)
class Asked:
    """What a metric of Ragas is given; named as its arguments are."""

    user_input: str
    response: str
    retrieved_contexts: list[str]
    reference: str
    language: str


Found = tuple[float, dict[str, Any]]  # the value computed again, and what decided


def _exactly(replies: Sequence[Mapping[str, Any]], wanted: int) -> Sequence[Mapping[str, Any]]:
    if len(replies) != wanted:
        raise JudgeError(f"Ragas asked {len(replies)} times instead of {wanted}")
    return replies


def _binary(verdicts: Sequence[Any], wanted: int) -> list[int]:
    """As many verdicts as there should be, each 0 or 1."""
    if len(verdicts) != wanted:
        raise JudgeError(f"the judge gave {len(verdicts)} verdicts for {wanted} statements")
    if any(verdict not in (0, 1) for verdict in verdicts):
        raise JudgeError(f"the judge gave a verdict other than 0 and 1: {next(v for v in verdicts if v not in (0, 1))}"[:80])
    return list(verdicts)


def _verdicts(reply: Mapping[str, Any], wanted: int) -> list[int]:
    return _binary([row["verdict"] for row in reply["statements"]], wanted)


def faithfulness(replies: Sequence[Mapping[str, Any]], _: Asked) -> Found:
    stated, judged = _exactly(replies, 2)
    verdicts = _verdicts(judged, len(stated["statements"]))
    return sum(verdicts) / len(verdicts), {"statements": len(verdicts), "supported": sum(verdicts)}


def groundedness(replies: Sequence[Mapping[str, Any]], _: Asked) -> Found:
    ratings = [reply["rating"] for reply in _exactly(replies, 2)]
    if any(rating not in (0, 1, 2) for rating in ratings):
        raise JudgeError(f"the judge gave a rating other than 0, 1 and 2: {ratings}"[:80])
    return sum(ratings) / 4, {"ratings": ratings}


def precision(replies: Sequence[Mapping[str, Any]], asked: Asked) -> Found:
    wanted = len(asked.retrieved_contexts)
    useful = _binary([reply["verdict"] for reply in _exactly(replies, wanted)], wanted)
    at = [sum(useful[: n + 1]) / (n + 1) for n in range(wanted) if useful[n]]
    return (sum(at) / len(at) if at else 0.0), {"contexts": wanted, "useful": sum(useful)}


def recall(replies: Sequence[Mapping[str, Any]], asked: Asked) -> Found:
    """The judge itself cuts the reference: fewer statements than sentences means that it left some out."""
    [reply] = _exactly(replies, 1)
    attributed = _binary([row["attributed"] for row in reply["classifications"]], len(reply["classifications"]))
    needed = max(1, len(sentences(asked.reference, asked.language)))
    if len(attributed) < needed:
        raise JudgeError(f"the judge classified {len(attributed)} statements of a reference of {needed} sentences")
    return sum(attributed) / len(attributed), {"statements": len(attributed), "attributed": sum(attributed)}


def noise(replies: Sequence[Mapping[str, Any]], asked: Asked) -> Found:
    """Of the answer's statements, the share that the reference does not support and a context does that also supports the reference."""
    per_context = 2 * len(asked.retrieved_contexts)
    true, said, *judged = _exactly(replies, per_context + 3)
    truths, statements = len(true["statements"]), len(said["statements"])
    relevant = [any(_verdicts(reply, truths)) for reply in judged[:per_context:2]]
    supported = [_verdicts(reply, statements) for reply in judged[1:per_context:2]]
    right = _verdicts(judged[-1], statements)
    misled = [any(r and s[n] for r, s in zip(relevant, supported, strict=True)) and not right[n] for n in range(statements)]
    return sum(misled) / statements, {"statements": statements, "misled": sum(misled), "wrong": statements - sum(right)}
