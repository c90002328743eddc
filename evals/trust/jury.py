"""A jury: several judges, asked apart, whose probabilities become one by weights learned from people's labels.

What a jury says of a claim always comes from weights that were learned without the labels of the claim's product: products fall into
`FOLDS` by their names, and each fold has its own weights. So the jury's figures on the very labels that made it are honest, and so is its
certificate.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evals import paths
from evals.errors import InputError, MoreNeededError
from evals.identity import canonical_json, sha256
from evals.metric import signature
from evals.records import Score
from evals.statistics.clusters import Floats
from evals.statistics.stacking import MIN_RARE, Stack, plain, stack, without
from evals.store import Store
from evals.trust.labelled import Against, Labelled

NAME = "jury"
FOLDS = 5
MIN_MEMBERS, VERSION = 2, 1


@dataclass(frozen=True)
class Heard:
    """A claim that people decided, with what each member says of it, in the members' order; None where one said nothing."""

    claim: Labelled
    said: tuple[float | None, ...]


@dataclass(frozen=True)
class Jury:
    """`members`: each judge with its signature. `folds`: the weights for the products of each fold. `reason`: why it is the plain mean of
    its members; None where weights were learned."""

    members: tuple[tuple[str, str], ...]
    folds: tuple[Stack, ...]
    n: int
    reason: str | None = None

    @property
    def signature(self) -> str:
        fit = sha256(canonical_json(_plain(self)))[:12]
        return signature(VERSION, members="+".join(name for name, _ in self.members), fit=fit)

    def probabilities(self, said: Floats, languages: Sequence[str], groups: Sequence[str]) -> Floats:
        """Of claims × members (NaN for nothing), NaN where no member said anything; `groups`: the products."""
        folds = np.array([fold_of(group) for group in groups], dtype=np.int64)
        found = np.full(len(said), np.nan)
        for number, one in enumerate(self.folds):
            mine = folds == number
            found[mine] = one.probabilities(said[mine], [languages[i] for i in np.flatnonzero(mine)])
        return found


def fold_of(group: str) -> int:
    """The fold of a product, by its name alone."""
    return int(sha256(f"jury {group}")[:8], 16) % FOLDS


def joined(members: Sequence[Against]) -> list[Heard]:
    """The claims that people decided and at least one member scored. Raises InputError for a member twice, fewer than two, or one that
    scored nothing."""
    names = [one.judge for one in members]
    if len(set(names)) < max(MIN_MEMBERS, len(names)):
        raise InputError(f"a jury needs at least {MIN_MEMBERS} different judges, not {', '.join(names) or 'none'}")
    silent = next((one.judge for one in members if one.signature is None), None)
    if silent is not None:
        raise InputError(f"{silent!r} has scored no claim that people decided: plumb score, or plumb judge run")
    claims: dict[str, Labelled] = {}
    said: dict[str, dict[str, float | None]] = defaultdict(dict)
    for member in members:
        for row in (row for rows in member.by_language.values() for row in rows):
            claims[row.subject_id] = row
            said[row.subject_id][member.judge] = row.said
    heard = [Heard(claims[name], tuple(said[name].get(judge) for judge in names)) for name in sorted(claims)]
    return [one for one in heard if any(value is not None for value in one.said)]


def fit(members: Sequence[Against]) -> Jury:
    """A jury of these members. Too few labels make the plain mean, and its `reason` says so. Raises as `joined`."""
    heard = joined(members)
    named = tuple((one.judge, str(one.signature)) for one in members)
    right = [one.claim.right for one in heard]
    rare = min(sum(right), len(right) - sum(right))
    if rare < MIN_RARE:
        reason = f"the plain mean of its members: {rare} claims of the rarer answer, {MIN_RARE} are needed to learn weights"
        return Jury(named, (plain(len(named)),) * FOLDS, len(heard), reason)
    whole = _stacked(heard, None)
    folds = [_stacked([one for one in heard if fold_of(one.claim.group) != fold], whole) for fold in range(FOLDS)]
    if not all(one.fitted for one in folds):
        reason = "the plain mean of its members: too few products to leave some out"
        return Jury(named, (plain(len(named)),) * FOLDS, len(heard), reason)
    return Jury(named, tuple(folds), len(heard))


def against_people(jury: Jury, members: Sequence[Against]) -> Against:
    """The jury against the labels it was made from, each claim judged by weights that never saw its product."""
    heard = joined(members)
    found = jury.probabilities(_said(heard), [one.claim.language for one in heard], [one.claim.group for one in heard])
    by_language: dict[str, list[Labelled]] = defaultdict(list)
    for one, value in zip(heard, found, strict=True):
        by_language[one.claim.language].append(replace(one.claim, said=None if np.isnan(value) else float(value)))
    return Against(NAME, jury.signature, by_language, {})


def _stacked(heard: Sequence[Heard], whole: Stack | None) -> Stack:
    said, right = _said(heard), np.array([one.claim.right for one in heard], dtype=bool)
    languages, weights = [one.claim.language for one in heard], np.array([one.claim.weight for one in heard])
    return stack(said, right, languages, weights) if whole is None else without(whole, said, right, languages, weights)


def _said(heard: Iterable[Heard]) -> Floats:
    return np.array([[np.nan if value is None else value for value in one.said] for one in heard], dtype=float)


# ---------------------------------------------------------------------------------------------- on a run


def score(store: Store, jury: Jury, run_id: str) -> int:
    """The jury's probability for each claim of a run that a member scored; how many scores were new. Claims that none scored get a reason.

    Only scores under the members' signatures count. Raises UnknownIdError for a run, MoreNeededError where no member scored it.
    """
    run = store.runs.run(run_id)
    cases = {case.case_id: case for case in store.runs.cases(run.dataset_id)}
    known = store.runs.scored(run_id, NAME, jury.signature)
    said: dict[str, dict[str, float]] = defaultdict(dict)
    for name, settings in jury.members:
        for row in store.runs.scores(run_id, name, "claim"):
            if row.signature == settings and row.value is not None:
                said[row.subject_id][name] = row.value
    if not said:
        raise MoreNeededError(f"run {run_id}: no member of the jury ({', '.join(name for name, _ in jury.members)}) has scored it")
    case_of = {output.output_id: output.case_id for output in store.runs.outputs(run_id)}
    claims = [claim for claim in store.runs.claims(run_id) if claim.claim_id not in known]
    wanted = [cases[case_of[claim.output_id]] for claim in claims]
    values = np.array([[said[claim.claim_id].get(name, np.nan) for name, _ in jury.members] for claim in claims], dtype=float)
    values = values.reshape(len(claims), len(jury.members))
    found = jury.probabilities(values, [case.language for case in wanted], [case.product_id for case in wanted])
    new = store.runs.add_scores(
        _score(jury, run_id, case.case_id, claim.claim_id, float(value), row)
        for claim, case, value, row in zip(claims, wanted, found, values, strict=True)
    )
    store.runs.roll_up(run_id)
    return new


def _score(jury: Jury, run_id: str, case_id: str, claim_id: str, value: float, said: Floats) -> Score:
    heard = {name: None if np.isnan(one) else round(float(one), 4) for (name, _), one in zip(jury.members, said, strict=True)}
    none = bool(np.isnan(value))
    detail = {"said": heard} | ({"why": jury.reason} if jury.reason else {})
    reason = "not measurable: no member of the jury has a value" if none else None
    return Score(run_id, case_id, "claim", claim_id, NAME, jury.signature, "model", None if none else value, reason, detail)


# ---------------------------------------------------------------------------------------------- on disk


def path() -> Path:
    """Where a jury is kept when nobody says otherwise."""
    return paths.home() / "models" / "jury.json"


def save(jury: Jury, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_plain(jury), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(file: Path) -> Jury:
    """Raises InputError naming the file."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        folds = tuple(_stack(one) for one in raw["folds"])
        found = Jury(tuple((str(name), str(settings)) for name, settings in raw["members"]), folds, int(raw["n"]), raw["reason"])
    except OSError as error:
        raise InputError(f"{file}: there is no jury: plumb judge fit-jury") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: is no jury: {error}") from error
    sizes = {(len(one.centres), len(one.weights), len(one.missing)) for one in folds}
    if len(folds) != FOLDS or sizes != {(len(found.members),) * 3}:
        raise InputError(f"{file}: is no jury of {FOLDS} folds with a weight for each of its {len(found.members)} members")
    return found


def _stack(raw: Mapping[str, Any]) -> Stack:
    centres, weights, missing = (tuple(float(value) for value in raw[key]) for key in ("centres", "weights", "missing"))
    offsets = {str(tag): float(value) for tag, value in raw["offsets"].items()}
    return Stack(centres, weights, missing, float(raw["intercept"]), offsets, bool(raw["fitted"]), int(raw["n"]))


def _plain(jury: Jury) -> Mapping[str, Any]:
    found: Mapping[str, Any] = asdict(jury)
    return found
