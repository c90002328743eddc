"""What a policy file may say and still could not hold: refused where no verdict could be right, warned of where it hardly passes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from scipy import stats

from evals.gate.looks import look_level, planned_information
from evals.gate.policy.records import EVERYWHERE, Policy, Requirement, required_labels
from evals.statistics.power import labels_needed, labels_without_a_loss

Problem = tuple[str | None, str]  # the key or name it is about, and what is wrong
SPREAD = 0.3  # of a label, where nothing is known: as the label plan assumes
EQUAL_PASSES = 0.5  # an equal candidate should pass every slice at least this often, or the policy holds for ever
GUARD_LEVEL = 0.01
SMALL_SEQUENCE = 50  # labels below which a confidence sequence rests on the bound's t-correction alone


# ---------------------------------------------------------------------------------------------- refused


def problems(raw: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], level: float) -> Iterator[Problem]:
    """What is wrong beyond the schema. `rows`: the requirements in their long form; `level`: the largest that any look is read at."""
    names = Counter(row["name"] for row in rows)
    yield from ((name, f"two requirements are named {name!r}") for name, count in sorted(names.items()) if count > 1)
    for row in rows:
        where = f"requirement {row['name']!r}: "
        yield from (
            (row["name"], where + message)
            for message in _row(row, level * row["level"] / raw.get("alpha", 0.05) if "level" in row else level)
        )
    kinds = {row["name"]: row for row in rows}
    for waiver in raw.get("waivers", ()):
        where = f"waiver of {waiver['requirement']!r}: "
        yield from (("waivers", where + message) for message in _waiver(waiver, raw, kinds.get(waiver["requirement"])))


def problems_of_looks(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the plan of looks, from which the levels follow that everything else is held against."""
    planned, looks = raw.get("planned"), raw.get("looks", 1)
    if planned is not None and (looks == "any" or len(planned) != looks):
        yield "planned", f"planned has {len(planned)} fractions and looks is {looks!r}: one a look"
    elif planned is not None and (planned[-1] != 1 or any(b <= a for a, b in pairwise(planned))):
        yield "planned", "planned must rise and end at 1, when all planned labels are there"
    if planned is not None and "planned_labels" in raw:
        yield "planned", "planned and planned_labels say the same thing: how much information each look has; one of them"


def _row(row: Mapping[str, Any], level: float) -> Iterator[str]:
    human = row.get("source", "human") == "human"
    if row["kind"] == "non_inferiority":
        yield from _too_few(row, level, human)
    if row["kind"] == "parity" and row.get("slices"):
        yield "parity is held over all cases: a slice would need as many labels as the whole"
    if human and row.get("direction") == "lower":
        yield "people are asked whether claims are grounded, where higher is better: direction lower is for source code or model"
    if row["kind"] == "tail_latency" and "seconds" not in row:
        yield "seconds is missing: it goes with quantile"
    if "max_usd_per_million_tokens" in row and "usd_per_hour" not in row:
        yield "max_usd_per_million_tokens needs usd_per_hour, the price of the machine"


def _too_few(row: Mapping[str, Any], level: float, human: bool) -> Iterator[str]:
    """Minima below which the verdict could not be right at the stated level."""
    pairs = [("margin", "min_labels")] + ([("slice_margin", "slice_min_labels")] if row.get("slices") else [])
    for margin, minimum in pairs:
        if margin not in row:
            yield f"{margin} is missing: it goes with slices"
        elif human and row.get(minimum, 2) < (least := labels_without_a_loss(row[margin], level)):
            yield (
                f"{minimum} must be at least {least}: fewer labels cannot show a loss below {row[margin]:g} "
                f"at level {level:.3g}, even without a single loss among them"
            )
    if row.get("slice_margin", 1) < row["margin"]:
        yield "slice_margin is tighter than margin: a slice has fewer labels than the whole, and the whole is its slices"


def _waiver(waiver: Mapping[str, Any], raw: Mapping[str, Any], row: Mapping[str, Any] | None) -> Iterator[str]:
    if row is None:
        yield "no requirement has that name"
    elif row["kind"] == "regression":
        yield "what a customer reported cannot be waived"
    elif not _has_slice(row, waiver.get("slice", EVERYWHERE)):
        slices = ", ".join(f"{name}=…" for name in row.get("slices", ()))
        yield f"the requirement has no slice {waiver['slice']!r}: {EVERYWHERE}, overall{', ' + slices if slices else ''}"
    if waiver["owner"] not in raw.get("waiver_owners", ()):
        yield f"{waiver['owner']!r} is not among waiver_owners"
    try:
        date.fromisoformat(waiver["expires"])
    except ValueError:
        yield f"{waiver['expires']!r} is no day"


def _has_slice(row: Mapping[str, Any], name: str) -> bool:
    return name in (EVERYWHERE, "overall") or name.split("=", 1)[0] in row.get("slices", ())


# ---------------------------------------------------------------------------------------------- warned of


def warnings(policy: Policy, now: str) -> list[str]:
    """What is allowed and will hardly work, a sentence each; empty when there is nothing to say. `now`: ISO 8601, for what has expired."""
    found = [f"{waiver.owner}'s waiver of {waiver.requirement!r} expired on {waiver.expires}" for waiver in policy.waivers
             if waiver.expires < now[:10]]  # fmt: skip
    for requirement in policy.requirements:
        found += [f"requirement {requirement.name!r}: {message}" for message in _hardly(policy, requirement)]
    if not any(requirement.critical for requirement in policy.requirements):
        found.append("no requirement is critical, so nothing can be promoted")
    return found


def _hardly(policy: Policy, requirement: Requirement) -> Iterator[str]:
    human = requirement.source == "human" and requirement.margin is not None
    if requirement.superiority_guard and policy.level(requirement) > GUARD_LEVEL:
        yield (
            f"superiority_guard rejects an equal candidate with probability {policy.level(requirement):g}: "
            f"give the requirement a level of {GUARD_LEVEL:g}"
        )
    if requirement.critical and requirement.on_unverified == "ignore":
        yield "on_unverified: ignore lets a slice through that nobody measured"
    if requirement.source == "model" and requirement.critical:
        yield "a model decides this alone, whatever it is worth in a language: ask people (source: human) and name it as their judge"
    if human and policy.looks == "any" and planned_information(policy, requirement) < SMALL_SEQUENCE:
        yield f"looks: any rests on large samples: plan at least {SMALL_SEQUENCE} labelled cases (planned_labels)"
    if human and requirement.critical and requirement.slice_margin and requirement.slices:
        yield from _slices(policy, requirement)


def _slices(policy: Policy, requirement: Requirement) -> Iterator[str]:
    """Every critical slice must pass, so an equal candidate's chances multiply."""
    count = max(len(policy.languages), 1)
    margin, labels = requirement.slice_margin or 0.0, required_labels(requirement, policy.alpha, sliced=True)
    alpha = (
        look_level(policy, requirement, policy.looks if policy.looks != "any" else 1, [labels] * _looks_of(policy), labels) or policy.alpha
    )
    one = float(stats.norm.cdf((margin - 1 / (labels + 1)) * math.sqrt(labels) / SPREAD - stats.norm.isf(alpha)))
    if one**count < EQUAL_PASSES:
        enough = labels_needed(SPREAD, margin, alpha, power=EQUAL_PASSES ** (1 / count), extra=1.0)
        many = f"all {count} languages" if count > 1 else "a language"
        yield (
            f"an equal candidate passes {many} with probability {one**count:.2f} at {labels} labels each and slice_margin {margin:g} "
            f"(spread {SPREAD:g}); about {enough} labels each would make it {EQUAL_PASSES:g}"
        )


def _looks_of(policy: Policy) -> int:
    return policy.looks if policy.looks != "any" else 1
