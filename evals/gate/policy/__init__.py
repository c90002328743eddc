"""The gate's file: what must hold before a candidate may serve, at which error rate, read how often. YAML in, frozen dataclasses out.

`records` says what a policy is, `schema` what may stand in the file, `criteria` reads the one-line form, `validation` refuses or warns of
what could not hold, `reading` puts them together.
"""

from __future__ import annotations

from evals.gate.policy.reading import load_policy, parse_policy, with_waiver
from evals.gate.policy.records import EVERYWHERE, KINDS, Kind, Labelling, Policy, Requirement, Waiver, required_labels
from evals.gate.policy.schema import schema
from evals.gate.policy.validation import warnings

__all__ = [
    "EVERYWHERE",
    "KINDS",
    "Kind",
    "Labelling",
    "Policy",
    "Requirement",
    "Waiver",
    "load_policy",
    "parse_policy",
    "required_labels",
    "schema",
    "warnings",
    "with_waiver",
]
