"""Which cases people see, drawn so that the estimate later is unbiased and the two arms can be compared claim by claim.

The unit of sampling is the case: both runs' outputs for a case are judged or neither, so that differences are paired. Every item stores why
its case is before people and with what probability; what was not drawn (flagged by a rail) stays out of every estimate.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from annotators.asking.budget import LabellingPlan, QueuePlan, remaining, week_of
from annotators.asking.items import ARMS, Answered, Asking, items_of
from annotators.asking.sampling import Candidate, Drawn, draw, uncertainty
from annotators.labeling import CLAIM_V2, Rubric, rubric_named
from evals.errors import InputError
from evals.gate.drawn import chances, together
from evals.records import Arm, Claim, Feature, QueueItem, Run
from evals.store import Store
from guardrails import WITHHELD

_ANY = Drawn("random audit", 1.0)
JUDGE = "grounded"  # the metric whose scores of claims say where a judge is unsure


@dataclass(frozen=True)
class EnqueueSummary:
    """`probabilities`: smallest and largest chance of a drawn case per language. `flagged`: cases queued only because a rail withheld
    something in them. `skipped`: rubrics that do not apply to the feature."""

    eligible: int
    sampled: int
    flagged: int
    items: int
    new_items: int
    probabilities: Mapping[str, tuple[float, float]]
    skipped: tuple[str, ...] = ()


def enqueue(
    store: Store,
    champion_run_id: str,
    candidate_run_id: str,
    *,
    seed: int,
    now: str,
    plan: LabellingPlan | None = None,
    fraction: float | None = None,
    overlap: int | None = None,
    rubrics: Sequence[str] = (CLAIM_V2.name,),
    totals: Mapping[str, int] | None = None,
    dry_run: bool = False,
) -> EnqueueSummary:
    """Queue what `rubrics` ask about a sample of the cases that both runs have answered; asked again it adds nothing, asked for more it
    keeps what it drew.

    How many cases: a `fraction` of each language's, or so many in all as `totals` says by language, else what the `plan` leaves of this
    week's budget. How many people per item: `overlap`, else the plan's. With a plan those cases are drawn more often about which the judge
    is unsure; without, all alike. Cases in which a rail withheld something are queued too, as ``flagged``: they are for looking at. With
    `dry_run` nothing is stored. Raises InputError for runs that cannot be compared.
    """
    champion, candidate = _comparable(store, champion_run_id, candidate_run_id)
    if not 0 < (1 if fraction is None else fraction) <= 1 or (overlap or 1) < 1 or (plan is None and None in (fraction, overlap)):
        raise InputError(f"a fraction in (0, 1] and an overlap of at least 1, or a plan that says them: {fraction}, {overlap}")
    answered = _answered(store, champion, candidate)
    asked = [rubric for rubric in map(rubric_named, rubrics) if champion.feature in rubric.features]
    draws = [
        _Draw(store, answered, _asking(rubric, champion.feature, plan, overlap, seed, now), plan, fraction, totals) for rubric in asked
    ]
    items = [list(one.items()) for one in draws]
    return EnqueueSummary(
        eligible=len(answered),
        sampled=max((len(one.drawn) for one in draws), default=0),
        flagged=max((len(one.flagged) for one in draws), default=0),
        items=sum(map(len, items)),
        new_items=sum((one.new_items if dry_run else one.store_items)(mine) for one, mine in zip(draws, items, strict=True)),
        probabilities=_ranges(answered, draws[0].drawn) if draws else {},
        skipped=tuple(sorted(set(rubrics) - {rubric.name for rubric in asked})),
    )


def _asking(rubric: Rubric, feature: Feature, plan: LabellingPlan | None, overlap: int | None, seed: int, now: str) -> Asking:
    if overlap is not None or plan is None:
        return Asking(rubric, overlap or 1, seed, now)
    planned = plan.queue(feature, rubric.name)
    return Asking(rubric, planned.overlap, seed, now, planned.second_opinions)


class _Draw:
    """The sample under one rubric, of the cases about which it asks anything. It depends on the two runs and the seed alone: a smaller
    budget keeps some of the cases that a larger one draws."""

    def __init__(
        self,
        store: Store,
        answered: Sequence[Answered],
        asking: Asking,
        plan: LabellingPlan | None,
        fraction: float | None,
        totals: Mapping[str, int] | None,
    ) -> None:
        self.store, self.asking = store, asking
        self.answered = answered = [one for one in answered if any(True for _ in items_of(one, asking, _ANY))]
        self.run_ids = [run.run_id for run in answered[0].runs.values()] if answered else []
        already = self._already()
        audit_share = 1.0 if plan is None or not answered else self._plan(plan).audit_share
        self.drawn = draw(
            _candidates(store, answered, audit_share),
            self._budget(plan, fraction, totals, already),
            audit_share=audit_share,
            seed=asking.seed,
            experiment="/".join(self.run_ids),
            already=already,
        )
        is_claim = asking.rubric.subject == "claim"
        self.flagged = _flagged(store, self.run_ids, answered) - self.drawn.keys() if is_claim else set()

    def _plan(self, plan: LabellingPlan) -> QueuePlan:
        return plan.queue(self.answered[0].case.feature, self.asking.rubric.name)

    def _budget(
        self, plan: LabellingPlan | None, fraction: float | None, totals: Mapping[str, int] | None, already: Mapping[str, float]
    ) -> Mapping[str, int]:
        """Cases per language in all."""
        if totals is not None:
            return totals
        return self._week(plan, already) if plan and fraction is None else _shares(self.answered, fraction or 1.0)

    def _week(self, plan: LabellingPlan, already: Mapping[str, float]) -> dict[str, int]:
        """Cases per language in all: those drawn before, and what is left of this week's budget, whichever runs used it up."""
        if not self.answered:
            return {}
        feature, rubric = self.answered[0].case.feature, self.asking.rubric.name
        week = Counter[str]()
        for language, day, cases in self.store.queue.drawn_by_day(feature, rubric):
            week[language] += cases if week_of(day) == week_of(self.asking.now) else 0
        mine = Counter(one.case.language for one in self.answered if one.case.case_id in already)
        return {
            language: mine[language] + remaining(plan, feature, rubric, language, week[language])
            for language in {one.case.language for one in self.answered}
        }

    def _already(self) -> dict[str, float]:
        """Cases drawn before, with their probability: for these two runs together, else for the one of them that was compared before."""
        rubric = self.asking.rubric.name
        samples = [chances(item for item in self.store.queue.items(run_id=run_id) if item.rubric == rubric) for run_id in self.run_ids]
        if not any(samples):
            return {}
        asked = [{one.case.case_id for one in self.answered if self._asks(one, arm)} for arm in ARMS]
        eligible = {one.case.case_id for one in self.answered}
        return {case_id: probability for case_id, probability in together(samples, asked).items() if case_id in eligible}

    def _asks(self, one: Answered, arm: Arm) -> bool:
        """Whether there is an item about this arm's output."""
        if self.asking.rubric.subject == "claim":
            return bool(one.claims[arm])
        return any(item.run_id == one.runs[arm].run_id for item in items_of(one, self.asking, _ANY))

    def items(self) -> Iterator[QueueItem]:
        for one in self.answered:
            case_id = one.case.case_id
            if case_id in self.drawn:
                yield from items_of(one, self.asking, self.drawn[case_id])
            elif case_id in self.flagged:
                yield from items_of(one, self.asking, Drawn("flagged", 1.0))

    def new_items(self, items: Sequence[QueueItem]) -> int:
        """How many are not queued yet."""
        return len(items) - len(self.store.queue.named(item.item_id for item in items))

    def store_items(self, items: Sequence[QueueItem]) -> int:
        """How many were new."""
        drawn = {case_id: (one.why, one.probability) for case_id, one in self.drawn.items()}
        return self.store.queue.add_sample(items, self.run_ids, self.asking.rubric.name, drawn)


def _shares(answered: Sequence[Answered], fraction: float) -> dict[str, int]:
    """The number of cases that is a fraction of each language's, rounded up."""
    counts = Counter(one.case.language for one in answered)
    return {language: math.ceil(round(fraction * count, 9)) for language, count in counts.items()}


def _comparable(store: Store, champion_run_id: str, candidate_run_id: str) -> tuple[Run, Run]:
    champion, candidate = store.runs.run(champion_run_id), store.runs.run(candidate_run_id)
    if champion.dataset_id != candidate.dataset_id:
        raise InputError(f"runs {champion_run_id} and {candidate_run_id} are over different datasets: nothing is paired")
    if champion.run_id == candidate.run_id:
        raise InputError(f"run {champion_run_id} cannot be compared with itself")
    return champion, candidate


def _answered(store: Store, champion: Run, candidate: Run) -> list[Answered]:
    """The cases both runs have answered, in the order of the dataset."""
    runs: dict[Arm, Run] = {"champion": champion, "candidate": candidate}
    outputs = {arm: {output.case_id: output for output in store.runs.outputs(runs[arm].run_id)} for arm in ARMS}
    claims: dict[Arm, dict[str, list[Claim]]] = {arm: defaultdict(list) for arm in ARMS}
    for arm in ARMS:
        for claim in store.runs.claims(runs[arm].run_id):
            claims[arm][claim.output_id].append(claim)
    return [
        Answered(case, runs, mine, {arm: claims[arm][mine[arm].output_id] for arm in ARMS})
        for case in store.runs.cases(champion.dataset_id)
        if all(case.case_id in outputs[arm] for arm in ARMS)
        for mine in [{arm: outputs[arm][case.case_id] for arm in ARMS}]
    ]


def _candidates(store: Store, answered: Sequence[Answered], audit_share: float) -> list[Candidate]:
    """With the judge's uncertainty, unless all are drawn alike anyway."""
    if audit_share == 1 or not answered:
        return [Candidate(one.case.case_id, one.case.language, None) for one in answered]
    scores = {arm: _judged(store, answered[0].runs[arm]) for arm in ARMS}
    return [
        Candidate(case.case_id, case.language, uncertainty(*(scores[arm].get(case.case_id, []) for arm in ARMS)))
        if any(case.case_id in scores[arm] for arm in ARMS)
        else Candidate(case.case_id, case.language, None)
        for case in (one.case for one in answered)
    ]


def _judged(store: Store, run: Run) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for score in store.runs.scores(run.run_id, JUDGE, "claim"):
        if score.value is not None:
            found[score.case_id].append(score.value)
    return found


def _flagged(store: Store, run_ids: Collection[str], answered: Sequence[Answered]) -> set[str]:
    withheld = {finding.output_id for run_id in run_ids for finding in store.runs.findings(run_id) if finding.action in WITHHELD}
    return {one.case.case_id for one in answered if any(output.output_id in withheld for output in one.outputs.values())}


def _ranges(answered: Sequence[Answered], drawn: Mapping[str, Drawn]) -> dict[str, tuple[float, float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for one in answered:
        if one.case.case_id in drawn:
            found[one.case.language].append(drawn[one.case.case_id].probability)
    return {language: (min(values), max(values)) for language, values in sorted(found.items())}
