"""Behind the page Judges: how each judge stands in each language, its figures, its bias, the bill, and where people see it otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import pandas as pd

from evals.errors import PlumblineError
from evals.judges import named
from evals.languages import LANGUAGES
from evals.records import Certificate, Retest
from evals.statistics.intervals import Interval
from evals.store import ContestedClaim, ScoredClaims, Spent, Store
from evals.trust import bias, pairs
from evals.trust.certificates import standing
from evals.trust.terms import Terms
from workbench.cards import cell
from workbench.queries import run_slugs

JUDGES = ("grounded", "support", "nli", "judge_claims", "jury", "citation_support")
State = Literal["certified", "suspended", "expired", "few labels", "not certified", "unverified"]
# Sign, style of the badge, what it means.
STATES: Mapping[State, tuple[str, str, str]] = {
    "certified": ("✓", "good", "may be believed in this language until the day it ends"),
    "suspended": ("‖", "bad", "judged the anchors otherwise than when it was certified"),
    "expired": ("⊘", "unknown", "its time is over: certify it again"),
    "few labels": ("…", "unknown", "too few labels to say"),
    "not certified": ("✗", "bad", "enough labels, and they say that it is not good enough"),
    "unverified": ("?", "unknown", "never held against people as it is now"),
}
FIGURES = {"auroc": "AUROC", "kappa": "kappa", "calibration_error": "calibration error", "brier": "Brier score"}
_SHOWN = 160  # characters of a claim in the table


class Cell(NamedTuple):
    """A judge in a language. `labels`: claims drawn by chance that people decided and it scored, so far; `certificate` None: none."""

    judge: str
    signature: str
    language: str
    state: State
    reason: str
    labels: int
    certificate: Certificate | None


def cells(store: Store, terms: Terms, *, now: str) -> list[Cell]:
    """Every judge that has scored claims or is certified, in every language of either, by judge and language."""
    stored = store.judging.certificates()
    judges = [*JUDGES, *sorted({one.judge for one in stored} - set(JUDGES))]
    scored, decided = store.contested.scored(judges), store.contested.decided(judges)
    found = []
    for judge, signature in _signatures(judges, scored, stored).items():
        known = {one.language for one in stored if one.judge == judge}
        told = {row.language for row in scored if (row.judge, row.signature) == (judge, signature)}
        for language in sorted(known | told, key=language_name):
            labels = decided.get((judge, signature, language), 0)
            one = standing(store, judge, signature, language, now=now) if language in known else None
            found.append(_cell(judge, signature, language, one, labels, terms))
    return found


def _signatures(judges: Sequence[str], scored: Sequence[ScoredClaims], stored: Sequence[Certificate]) -> dict[str, str]:
    """The signature each judge has scored most claims under; of one that has scored none, that of its newest certificate."""
    counts: dict[str, Counter[str]] = {judge: Counter() for judge in judges}
    for row in scored:
        counts[row.judge][row.signature] += row.measured + row.missing
    found = {judge: min(some, key=lambda name: (-some[name], name)) for judge, some in counts.items() if some}
    for one in sorted(stored, key=lambda one: one.created_at, reverse=True):
        found.setdefault(one.judge, one.signature)
    return {judge: found[judge] for judge in judges if judge in found}


def _cell(judge: str, signature: str, language: str, one: Certificate | None, labels: int, terms: Terms) -> Cell:
    if one is None or not one.certificate_id:
        reason = f"{labels} of {terms.min_labels} labels" if one is None else f"{one.reason}"
        return Cell(judge, signature, language, "unverified", reason, labels, None)
    return Cell(judge, signature, language, _state(one, terms), one.reason or f"until {one.expires_at[:10]}", labels, one)


def _state(one: Certificate, terms: Terms) -> State:
    if one.reason is None:
        return "certified"
    if one.reason.startswith("expired on"):
        return "expired"
    if one.reason.startswith("suspended on"):
        return "suspended"
    few = one.n < terms.min_labels or min(one.positives, one.n - one.positives) < terms.min_rare
    return "few labels" if few else "not certified"


def unheard(found: Sequence[Cell]) -> list[str]:
    """The languages, by name, in which no judge has scored anything or is certified."""
    return sorted(map(language_name, set(LANGUAGES) - {one.language for one in found}))


def language_name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def judge_name(judge: str) -> str:
    return judge.replace("_", " ")


# ---------------------------------------------------------------------------------------------- figures


def figure(found: Sequence[float | None] | None) -> str | None:
    """``0.81 [0.74–0.87]`` of value, low, high; None where there is no value.

    >>> figure([0.812, 0.74, 0.87]), figure([0.5, None, None]), figure(None)
    ('0.81 [0.74–0.87]', '0.50', None)
    """
    if not found or found[0] is None:
        return None
    return f"{found[0]:.2f}" if None in found else f"{found[0]:.2f} [{found[1]:.2f}–{found[2]:.2f}]"


def figures(one: Certificate) -> pd.DataFrame:
    """A row a figure, with its interval or why there is none."""
    why = one.measures.get("why") or {}
    return pd.DataFrame(
        [{"figure": name, "value": figure(one.measures.get(key)) or "–", "why none": why.get(key) or None} for key, name in FIGURES.items()]
    )


def made_of(one: Certificate) -> str:
    """What a certificate rests on, in a sentence."""
    missing = f"; {one.not_measured} more were decided and have no value" if one.not_measured else ""
    return (
        f"{one.n} claims of {one.groups} products that people decided under {one.rubric}, {one.positives} of them grounded{missing}. "
        f"Made on {one.created_at[:10]}, ends on {one.expires_at[:10]}."
    )


def retests(rows: Sequence[Retest]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"made": row.created_at[:10], "anchors": row.n, "AUROC": figure(row.measures.get("auroc")), "state": row.reason or "steady"}
            for row in rows
        ]
    )


# ---------------------------------------------------------------------------------------------- where people see it otherwise


def contested_table(rows: Sequence[ContestedClaim]) -> pd.DataFrame:
    """A row a claim, in the order given."""
    return pd.DataFrame(
        [
            {
                "claim": cell(row.text)[:_SHOWN],
                "language": language_name(row.language),
                "judge": row.said,
                "people": row.people,
                "votes": row.votes,
                "settled": "by an expert" if row.settled else None,
            }
            for row in rows
        ]
    )


def short(row: ContestedClaim) -> str:
    """Enough of a claim's id for an address."""
    return row.claim_id.removeprefix("claim-")[:12]


def sample_address(store: Store, row: ContestedClaim) -> dict[str, str] | None:
    """The page Sample with this claim chosen, of this run alone."""
    slugs = {run.run_id: slug for slug, run in run_slugs(store, row.feature).items()}
    slug = slugs.get(row.run_id)
    if slug is None:
        return None
    return {"feature": row.feature, "a": slug, "b": slug, "case": row.case_id, "look": f"claim-{row.ordinal + 1}"}


# ---------------------------------------------------------------------------------------------- judges of pairs, and the bill


def bias_cards(store: Store) -> list[bias.BiasCard]:
    """A card for each judge of pairs, signature and language."""
    said = store.judging.preferences()
    people = pairs.people(store.labels.labels(rubric=pairs.RUBRIC)) if said else {}
    cases = {name: store.runs.case(name) for name in sorted({one.case_id for one in said})}
    names = sorted({one.judge for one in said})
    rows = {name: bias.judged((one for one in said if one.judge == name), cases, people) for name in names}
    return [card for name in names for card in bias.cards(rows[name], _model(name))]


def _model(judge: str) -> str:
    """The model behind a judge of data/judges.yaml; one that has no name there is called by its model."""
    try:
        return named.judge_named(judge).model
    except PlumblineError:
        return judge


def bias_table(found: Sequence[bias.BiasCard]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "judge": cell(card.judge),
                "language": language_name(card.language),
                "pairs": card.pairs,
                "with people": card.with_people,
                "first shown": _told(card.position),
                "length": _told(card.length),
                "own kin": _told(card.own),
                "kappa with people": _told(card.agreement),
            }
            for card in found
        ]
    )


def _told(one: Interval) -> str:
    return figure([one.estimate, one.low, one.high]) or one.reason or "–"


def bill(rows: Sequence[Spent]) -> pd.DataFrame:
    """What each judge was asked for and what it cost; a dash where a request has no price."""
    return pd.DataFrame([{**row._asdict(), "judge": cell(row.judge), "purpose": cell(row.purpose)} for row in rows])
