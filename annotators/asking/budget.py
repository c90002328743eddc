"""The labelling plan: how many cases a language gets in a week, how many people judge each, how fast, and how people are checked.

One YAML file (``data/policies/labelling.yaml``), read strictly: a plan that nobody understood must not route anybody's work.

>>> plan = load_plan()
>>> plan.queue("highlights", "claim-v2").overlap, remaining(plan, "highlights", "claim-v2", "ja", drawn_this_week=12)
(1, 28)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from evals.errors import PolicyError
from evals.identity import canonical_json, sha256
from evals.languages import LANGUAGES
from evals.paths import DATA
from evals.records import FEATURES
from evals.store.desk import moment
from evals.yaml_files import UniqueKeys

PLAN = DATA / "policies" / "labelling.yaml"
OTHERS = "default"  # every language that is not named


@dataclass(frozen=True)
class QueuePlan:
    """What holds for one feature and rubric. `cases_per_week`: cases drawn per ISO week, by language tag and `OTHERS`; `overlap`: people
    per item; `second_opinions`: share of the items, drawn at random, that one person more judges; `service_level_h`: hours the oldest
    open item may wait; `daily_limit`: labels per person and day; `gold_every`: one silent gold item in so many, 0 for none;
    `onboarding_gold`: gold items asked first of everybody new; `audit_share`: see `annotators.asking.sampling`."""

    cases_per_week: Mapping[str, int]
    overlap: int
    second_opinions: float
    service_level_h: float
    daily_limit: int
    gold_every: int
    onboarding_gold: int
    reservation_minutes: float
    audit_share: float

    def cases(self, language: str) -> int:
        """The week's budget of a language."""
        return self.cases_per_week.get(language, self.cases_per_week[OTHERS])


@dataclass(frozen=True)
class LabellingPlan:
    """A plan as read: its queues by feature and rubric, and the hash that names its content."""

    path: Path
    queues: Mapping[tuple[str, str], QueuePlan]
    sha256: str

    def queue(self, feature: str, rubric: str) -> QueuePlan:
        """Raises PolicyError when the plan does not speak of it."""
        try:
            return self.queues[feature, rubric]
        except KeyError:
            known = ", ".join("/".join(key) for key in self.queues)
            raise PolicyError(f"{self.path}: queues.{feature}.{rubric} is missing; the plan has {known}") from None


def is_plan(path: Path) -> bool:
    """Whether a policy file speaks of queues rather than of a gate; False for one that cannot be read."""
    try:
        return any(line.startswith("queues:") for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return False


def load_plan(path: Path = PLAN) -> LabellingPlan:
    """The plan in a YAML file. Raises PolicyError naming file, key and value."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys)  # noqa: S506 (it is a safe loader)
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{path}: not YAML: {error}") from error
    problems = list(_problems(raw))
    if problems:
        raise PolicyError("\n".join(f"{path}: {problem}" for problem in problems))
    queues = {
        (feature, rubric): _queue(raw["defaults"] | row) for feature, rubrics in raw["queues"].items() for rubric, row in rubrics.items()
    }
    return LabellingPlan(path, queues, sha256(canonical_json(raw)))


def remaining(plan: LabellingPlan, feature: str, rubric: str, language: str, drawn_this_week: int) -> int:
    """Cases that may still be drawn this week in a language, never below 0. Raises PolicyError for a queue the plan does not have."""
    return max(0, plan.queue(feature, rubric).cases(language) - drawn_this_week)


def week_of(now: str) -> str:
    """The ISO week of a time (ISO 8601 with its zone), in UTC. Raises InputError for anything else.

    >>> week_of("2026-11-20T09:00:00Z"), week_of("2027-01-01T00:30:00+01:00")
    ('2026-W47', '2026-W53')
    """
    year, week, _ = datetime.fromisoformat(moment(now)).isocalendar()
    return f"{year}-W{week:02}"


def _queue(row: Mapping[str, Any]) -> QueuePlan:
    """JSON Schema takes 2.0 for a whole number; here it becomes one."""
    return QueuePlan(
        cases_per_week={language: int(count) for language, count in row["cases_per_week"].items()},
        overlap=int(row["overlap"]),
        second_opinions=float(row["second_opinions"]),
        service_level_h=float(row["service_level_h"]),
        daily_limit=int(row["daily_limit"]),
        gold_every=int(row["gold_every"]),
        onboarding_gold=int(row["onboarding_gold"]),
        reservation_minutes=float(row["reservation_minutes"]),
        audit_share=float(row["audit_share"]),
    )


# ---------------------------------------------------------------------------------------------- what may stand in the file

_CASES = {"type": "integer", "minimum": 0, "maximum": 100_000}
_SOME = {"type": "integer", "minimum": 1, "maximum": 100_000}
_ROW: dict[str, Any] = {
    "cases_per_week": {
        "type": "object",
        "required": [OTHERS],
        "additionalProperties": False,
        "properties": dict.fromkeys([OTHERS, *LANGUAGES], _CASES),
    },
    "overlap": _SOME | {"maximum": 20},
    "second_opinions": {"type": "number", "minimum": 0, "maximum": 1},
    "service_level_h": {"type": "number", "exclusiveMinimum": 0, "maximum": 8760},
    "daily_limit": _SOME,
    "gold_every": _CASES | {"not": {"const": 1}},
    "onboarding_gold": _CASES,
    "reservation_minutes": {"type": "number", "exclusiveMinimum": 0, "maximum": 10_080},
    "audit_share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
}


@cache
def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a labelling plan."""
    row = {"type": "object", "additionalProperties": False, "properties": _ROW}
    rubrics = {"type": "object", "additionalProperties": False, "patternProperties": {r"^[a-z]+-v[1-9][0-9]*$": row}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plumbline labelling plan",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "defaults", "queues"],
        "properties": {
            "version": {"const": 1},
            "defaults": row | {"required": list(_ROW)},
            "queues": {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(FEATURES, rubrics)},
        },
    }


def _problems(raw: Any) -> Iterator[str]:
    """Everything wrong with the plan, by key."""
    odd = [key for key in _keys(raw) if not isinstance(key, str)]
    if odd:
        hint = ' (the language Norwegian must be written in quotes: "no")' if odd[0] is False else ""
        yield f"the key {odd[0]!r} is not a text{hint}"
        return
    try:
        canonical_json(raw)
    except (ValueError, TypeError) as error:  # .nan, .inf, a date
        yield f"not plain JSON values: {error}"
        return
    found = sorted(Draft202012Validator(schema()).iter_errors(raw), key=lambda problem: list(map(str, problem.absolute_path)))
    for problem in found:
        yield f"{'.'.join(map(str, problem.absolute_path)) or 'the file'}: {problem.message}"


def _keys(raw: Any) -> Iterator[Any]:
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield key
            yield from _keys(value)
