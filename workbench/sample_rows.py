"""Behind the page Sample: what every scorer and every person says of a claim, on what evidence, and how far the scorer is certified."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from evals.claims.kinds import kind_of
from evals.records import Case, Certificate, Claim, Finding, Label, Passage, Run, Score
from evals.store import Store
from evals.trust.certificates import standing
from workbench.queries import BETTER_IS_HIGHER, Sample, sample

ASIDE = ("citation_support",)  # another question than the other scorers': it takes no part in a disagreement
SAYS = {"grounded": True, "contradicted": False, "unsupported": False}
NO_ANSWER = "no answer"
MOST = 200  # claims of an output that can be looked at one by one


class Opinion(NamedTuple):
    """What one scorer, or one person, says of a claim.

    `probability` that the claim is supported, where one is given; `start` and `end` of what decided, in the text the passage was cut
    from; `certified`: None for a person, else whether the scorer may be believed here, and `trust` says until when or why not;
    `under`: the rubric a person answered.
    """

    who: str
    verdict: str
    probability: float | None = None
    why: str = ""
    passage: int | None = None
    start: int | None = None
    end: int | None = None
    certified: bool | None = None
    trust: str = ""
    simulated: bool = False
    under: str = ""


class Weighed(NamedTuple):
    """A claim with its kind (review, reviewer, fact) and all that is said of it: scorers first, then people."""

    claim: Claim
    kind: str
    opinions: tuple[Opinion, ...]

    @property
    def number(self) -> int:
        """As it is counted on the page, from 1."""
        return self.claim.ordinal + 1

    @property
    def sides(self) -> set[bool]:
        """The answers there are to: does the evidence say so?"""
        return {SAYS[one.verdict] for one in self.opinions if one.verdict in SAYS and one.who not in ASIDE}

    @property
    def disputed(self) -> bool:
        return len(self.sides) == 2

    @property
    def verdict(self) -> str:
        """``disputed``, else what the first says that says anything, else ``not scored``."""
        if self.disputed:
            return "disputed"
        said = [one.verdict for one in self.opinions if one.who not in ASIDE]
        return next((verdict for verdict in said if verdict in SAYS), said[0] if said else "not scored")

    def deciding(self) -> dict[int, list[Opinion]]:
        """Number of a passage → who decided by it."""
        found: dict[int, list[Opinion]] = {}
        for one in self.opinions:
            if one.passage is not None:
                found.setdefault(one.passage, []).append(one)
        return found

    def rests_on(self, number: int) -> bool:
        return number in self.claim.citations or number in self.deciding()


class Suspect(NamedTuple):
    """A stretch of the output that `hallucinated_share` flags, with its probability."""

    start: int
    end: int
    probability: float


class Weighing(NamedTuple):
    """One output with everything known of it. `verified`: whether the finder of suspect characters was measured in this language."""

    sample: Sample
    claims: list[Weighed]
    suspects: list[Suspect]
    verified: bool

    def claim(self, number: int | None) -> Weighed | None:
        return next((one for one in self.claims if one.number == number), None)

    def first(self) -> Weighed | None:
        """The claim to look at first: one that is disputed, else one that the evidence does not say, else the first."""
        bad = [one for one in self.claims if one.disputed] or [one for one in self.claims if False in one.sides]
        return next(iter(bad or self.claims), None)

    def resting(self, number: int) -> list[int]:
        """The numbers of the claims that rest on a passage: they cite it, or it decided."""
        return [one.number for one in self.claims if one.rests_on(number)]


def weigh(store: Store, run: Run, case: Case, *, now: str) -> Weighing:
    """Raises UnknownIdError where the run has no output for the case."""
    found = sample(store, run, case.case_id)
    people = _people(store, run, case)
    trusts = Trusts(store, case.language, now)
    claims = []
    for claim in found.claims[:MOST]:
        scores = sorted(found.scores.get(claim.claim_id, []), key=_order)
        opinions = [_scorer(score, trusts(score.metric, score.signature)) for score in scores]
        claims.append(Weighed(claim, _kind(claim, case, scores), (*opinions, *people.get(claim.claim_id, ()))))
    suspects, verified = _suspects(found.scores.get(found.output.output_id, []), found.output.text)
    return Weighing(found, claims, suspects, verified)


def _order(score: Score) -> tuple[bool, int, str]:
    known = score.metric in BETTER_IS_HIGHER
    return (score.metric in ASIDE, BETTER_IS_HIGHER.index(score.metric) if known else len(BETTER_IS_HIGHER), score.metric)


def _kind(claim: Claim, case: Case, scores: Sequence[Score]) -> str:
    """As the scorer that looked at it stored it, else by the same words now."""
    stored = (str(score.detail["kind"]) for score in scores if score.detail.get("kind"))
    return next(stored, None) or kind_of(claim.text, case.language, case.feature)


class Trusts:
    """What is true of the certificates in one language, each looked up once."""

    def __init__(self, store: Store, language: str, now: str) -> None:
        self._store, self._language, self._now = store, language, now
        self._known: dict[tuple[str, str], Certificate] = {}

    def __call__(self, judge: str, signature: str) -> Certificate:
        key = (judge, signature)
        if key not in self._known:
            self._known[key] = standing(self._store, judge, signature, self._language, now=self._now)
        return self._known[key]


def _scorer(score: Score, certificate: Certificate) -> Opinion:
    detail, certified = score.detail, certificate.reason is None
    trust = f"certified until {certificate.expires_at[:10]}" if certified else f"unverified: {certificate.reason}"
    ruled = score.source == "code" and score.value in (0.0, 1.0)  # rules say yes or no; that is no probability
    return Opinion(
        who=score.metric,
        verdict=_verdict(score),
        probability=None if ruled else score.value,
        why=str(detail.get("why") or score.reason or ""),
        passage=_whole(detail.get("passage")),
        start=_whole(detail.get("start")),
        end=_whole(detail.get("end")),
        certified=certified,
        trust=trust,
    )


def _verdict(score: Score) -> str:
    if score.detail.get("failed"):
        return NO_ANSWER
    if score.detail.get("verdict"):
        return str(score.detail["verdict"])
    return NO_ANSWER if score.value is None else "grounded" if score.value >= 0.5 else "unsupported"


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _people(store: Store, run: Run, case: Case) -> dict[str, list[Opinion]]:
    """Claim id → what each person said of it."""
    labels = [row for row in store.labels.labels(run_id=run.run_id, case_id=case.case_id) if row.claim_id]
    names = {who.annotator_id: (who.name, who.simulated) for who in store.labels.annotators()} if labels else {}
    found: dict[str, list[Opinion]] = {}
    for row in labels:
        found.setdefault(str(row.claim_id), []).append(_person(row, names))
    return found


def _person(row: Label, names: Mapping[str, tuple[str, bool]]) -> Opinion:
    name, simulated = names.get(row.annotator_id, (row.annotator_id, False))
    expert = "expert, " if row.why == "adjudication" else ""
    return Opinion(name, row.verdict, why=row.comment or "", simulated=simulated, under=f"{expert}{row.rubric}")


def _suspects(scores: Iterable[Score], text: str) -> tuple[list[Suspect], bool]:
    """Spans that do not lie in the text are left out: it is no longer the one that was looked at."""
    score = next((one for one in scores if one.metric == "hallucinated_share" and one.detail.get("spans")), None)
    if score is None:
        return [], True
    spans = [Suspect(int(start), int(end), float(sure)) for start, end, sure in score.detail["spans"]]
    return [one for one in spans if 0 <= one.start < one.end <= len(text)], bool(score.detail.get("verified"))


# ---------------------------------------------------------------------------------------------- what lies where


def decided_in(claim: Weighed | None, passage: Passage) -> list[tuple[int, int]]:
    """The stretches of the passage's source that decided the claim, inside the passage."""
    if claim is None:
        return []
    ends = [(one.start, one.end) for one in claim.deciding().get(passage.number, [])]
    inside = [(max(a, passage.start), min(b, passage.end)) for a, b in ends if a is not None and b is not None]
    return sorted({(a, b) for a, b in inside if a < b})


def found_in(findings: Iterable[Finding], target: str, source_id: str | None, length: int) -> list[Finding]:
    """The rails' findings in one text, those whose offsets lie in it."""
    mine = (one for one in findings if one.target == target and (source_id is None or one.source_id == source_id))
    return [one for one in mine if 0 <= one.start < one.end <= length]


def next_of(numbers: Sequence[int], current: int | None, step: int) -> int | None:
    """The number after (or before) the current one, around the end.

    >>> next_of([1, 2, 3], 3, 1), next_of([1, 2, 3], None, 1), next_of([1, 2, 3], None, -1), next_of([], 1, 1)
    (1, 1, 3, None)
    """
    if not numbers:
        return None
    if current not in numbers:
        return numbers[0] if step > 0 else numbers[-1]
    return numbers[(numbers.index(current) + step) % len(numbers)]


def asked(look: str | None) -> tuple[str, int | None]:
    """What the address says is looked at: ``claim`` or ``passage``, and its number.

    >>> asked("claim-3"), asked("passage-12"), asked("claim-³"), asked(None)
    (('claim', 3), ('passage', 12), ('', None), ('', None))
    """
    found = re.fullmatch(r"(claim|passage)-([0-9]{1,6})", look or "")
    return (found[1], int(found[2])) if found else ("", None)
