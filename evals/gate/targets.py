"""From "so many more labelled cases" to "so many cases drawn in all", by language: what a top-up asks the sampler for.

Cases are drawn by language (`annotators.asking.sampling`), so a need of a category or of the whole is spread over the languages as their
cases are. What is drawn already and waits for people counts. Targets are totals: asking for the same total twice draws nothing twice, and
labels that came in between change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from evals.gate.evidence import Evidence
from evals.statistics.power import neyman_allocation


def targets(evidence: Evidence, more: int, by_slice: Mapping[str, int]) -> dict[str, int]:
    """Language → cases that must have been drawn in all for `more` labelled cases, at least those `by_slice` asks for in each language.

    Only languages that need any; at most the cases that say anything.
    """
    arms = (evidence.champion, evidence.candidate)
    asked = [case for case in evidence.cases if any(arm.claims.get(case.case_id) for arm in arms)]
    cases = Counter(case.language for case in asked)
    drawn = Counter(case.language for case in asked if case.case_id in evidence.champion.drawn)
    waiting = Counter(case.language for case in asked if case.case_id in evidence.champion.drawn and _waits(evidence, case.case_id))
    languages = sorted(cases)
    wanted = {tag: by_slice.get(f"language={tag}", 0) for tag in languages}
    room = [max(0, cases[tag] - drawn[tag] + waiting[tag] - wanted[tag]) for tag in languages]
    further = neyman_allocation(max(0, more - sum(wanted.values())), [cases[tag] for tag in languages], [1.0] * len(languages), room)
    total = {tag: drawn[tag] + max(0, wanted[tag] + extra - waiting[tag]) for tag, extra in zip(languages, further, strict=True)}
    return {tag: min(count, cases[tag]) for tag, count in total.items() if min(count, cases[tag]) > drawn[tag]}


def _waits(evidence: Evidence, case_id: str) -> bool:
    """Some claim of it that was put before people has no vote yet."""
    return any(claim not in arm.votes for arm in (evidence.champion, evidence.candidate) for claim in arm.queued.get(case_id, ()))
