"""What serving took: tail latency, generated length, cost. The verdict of one requirement; arrays in, `Cell` out.

Seconds are those the caller waited for one answer, tokens those generated. The two runs were not interleaved on one machine, so a busy hour
would show as a difference: every reason says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evals.gate.evidence import Arm, Evidence
from evals.gate.policy import Requirement
from evals.gate.verdicts import Cell, unverified
from evals.records import Case
from evals.statistics.clusters import Floats, Ints, codes
from evals.statistics.intervals import Interval
from evals.statistics.quantiles import tail
from evals.statistics.ratios import ratio_of_rates

NOTE = "runs were not interleaved: a busy machine would show here"


def tail_cell(evidence: Evidence, requirement: Requirement) -> Cell:
    """An exact binomial statement about the share of slow answers. A failed answer, or one without a time, is a slow one."""
    quantile, seconds, confidence = requirement.quantile or 0.5, requirement.seconds or 0.0, requirement.confidence
    level, what = 2 * confidence - 1, "first tokens" if requirement.time == "first_token" else "answers"
    read = _first_token if requirement.time == "first_token" else _total
    times = [read(evidence.candidate, case.case_id) for case in evidence.cases]
    if all(time is None for time in times):
        streamed = "was streamed, so no first token was timed" if requirement.time == "first_token" else "was timed"
        return unverified(f"no output of the candidate {streamed}", level)
    slow = sum(time is None or time > seconds for time in times)
    statement = tail(slow, len(times), quantile, confidence)
    interval = replace(statement.rate, clusters=len({case.product_id for case in evidence.cases}), method="exact binomial")
    said = f"{slow} of {len(times)} {what} took longer than {seconds:g} s"
    counts = {"cases": len(times), "slow": slow, "not_timed": sum(time is None for time in times)}
    method = f"p{100 * quantile:g} at {100 * confidence:g} % confidence"
    cell = Cell(statement.verdict, said, interval, 1 - quantile, method, counts=counts)
    return replace(cell, needed=statement.requests_needed) if statement.verdict == "inconclusive" else cell


def cost_cell(evidence: Evidence, requirement: Requirement, alpha: float) -> Cell:
    """Seconds per generated token, candidate over champion on machines of one price; or the candidate's price of a million of them."""
    if requirement.max_usd_per_million_tokens is not None:
        return _price(evidence, requirement, alpha, requirement.max_usd_per_million_tokens)
    most, arms = requirement.max_ratio or 1.0, _named(evidence)
    found = _timed_together(evidence, arms, alpha, most)
    if isinstance(found, Cell):
        return found
    (ours, theirs), counts = found.arms, found.counts
    interval = ratio_of_rates(ours.seconds, ours.tokens, theirs.seconds, theirs.tokens, found.products, 1 - 2 * alpha)
    return _at_most(interval, most, "ratio of totals", counts, f"{most:g} times the champion's", NOTE)


def length_cell(evidence: Evidence, requirement: Requirement, alpha: float) -> Cell:
    """Generated tokens, candidate over champion: a cheaper model may not win by saying less. MLPerf Inference, rules for language models.

    A case without an output of the candidate counts as length 0.
    """
    level, least = 1 - 2 * alpha, requirement.share or 0.0
    for name, arm in _named(evidence):
        if not any(served.generated_tokens for served in arm.served.values()):
            return replace(unverified(f"the {name} generates no tokens, so a length does not exist", level), line=least)
    ours, theirs = (np.array([_tokens(arm, case) for case in evidence.cases], dtype=float) for _, arm in _named(evidence))
    products, ones = _products(evidence.cases), np.ones(len(evidence.cases))
    interval = ratio_of_rates(ours, ones, theirs, ones, products, level)
    cell = Cell("inconclusive", interval.reason or f"the interval contains {least:.3g}", interval, least, "ratio of totals",
                counts={"cases": len(evidence.cases)})  # fmt: skip
    if interval.low is not None and interval.low >= least:
        return replace(cell, verdict="pass", reason=f"shown to be at least {100 * least:g} % of the champion's generated length")
    if interval.high is not None and interval.high < least:
        return replace(cell, verdict="fail", reason=f"shown to be less than {100 * least:g} % of the champion's generated length")
    return cell


# ---------------------------------------------------------------------------------------------- times and tokens


@dataclass(frozen=True)
class _Timed:
    """Seconds and generated tokens by case."""

    seconds: Floats
    tokens: Floats


@dataclass(frozen=True)
class _Together:
    """The cases that every arm was timed on."""

    arms: Sequence[_Timed]
    products: Ints
    counts: dict[str, int]


def _timed_together(evidence: Evidence, arms: Sequence[tuple[str, Arm]], alpha: float, line: float) -> _Together | Cell:
    """Or the reason why nothing was measured."""
    level = 1 - 2 * alpha
    for name, arm in arms:
        if not any(served.generated_tokens for served in arm.served.values()):
            return replace(unverified(f"the {name} generates no tokens, so a cost per token does not exist", level), line=line)
    timed = [case for case in evidence.cases if all(_total(arm, case.case_id) is not None for _, arm in arms)]
    if not timed:
        where = "in both runs" if len(arms) > 1 else "in the candidate's run"
        return replace(unverified(f"no case was timed {where}", level), line=line)
    found = [
        _Timed(
            np.array([arm.served[case.case_id].total_s for case in timed], dtype=float),
            np.array([arm.served[case.case_id].generated_tokens for case in timed], dtype=float),
        )
        for _, arm in arms
    ]
    return _Together(found, _products(timed), {"cases": len(timed), "not_timed": len(evidence.cases) - len(timed)})


def _price(evidence: Evidence, requirement: Requirement, alpha: float, most: float) -> Cell:
    """USD for a million generated tokens, one answer after the other: what a server that batches costs less."""
    found = _timed_together(evidence, _named(evidence)[:1], alpha, most)
    if isinstance(found, Cell):
        return found
    ours, ones = found.arms[0], np.ones(found.counts["cases"])
    usd = ours.seconds * (requirement.usd_per_hour or 0.0) / 3600
    interval = ratio_of_rates(usd, ours.tokens / 1e6, ones, ones, found.products, 1 - 2 * alpha)
    return _at_most(interval, most, "ratio of totals", found.counts, f"{most:g} USD per million generated tokens", "one answer at a time")


def _at_most(interval: Interval, most: float, method: str, counts: dict[str, int], said: str, note: str) -> Cell:
    cell = Cell("inconclusive", note, interval, most, method, counts=counts)
    if interval.low is None or interval.high is None:
        return replace(cell, reason=interval.reason or note)
    if interval.high <= most:
        return replace(cell, verdict="pass", reason=f"shown to be at most {said} ({note})")
    if interval.low > most:
        return replace(cell, verdict="fail", reason=f"shown to be more than {said} ({note})")
    return cell


def _named(evidence: Evidence) -> tuple[tuple[str, Arm], tuple[str, Arm]]:
    return ("candidate", evidence.candidate), ("champion", evidence.champion)


def _products(cases: Sequence[Case]) -> Ints:
    return codes(np.array([case.product_id for case in cases], dtype=str))[0]


def _first_token(arm: Arm, case_id: str) -> float | None:
    served = arm.served.get(case_id)
    if served is None or arm.status.get(case_id) == "error":
        return None
    return served.total_s if served.first_token_s is None and arm.status.get(case_id) == "blocked" else served.first_token_s


def _total(arm: Arm, case_id: str) -> float | None:
    served = arm.served.get(case_id)
    return None if served is None or arm.status.get(case_id) == "error" else served.total_s


def _tokens(arm: Arm, case: Case) -> int:
    served = arm.served.get(case.case_id)
    return 0 if served is None or arm.status.get(case.case_id) == "error" else served.generated_tokens
