"""The gate: may the candidate replace the champion, under a policy, on the evidence there is?"""

from __future__ import annotations

from evals.gate.decide import decide, try_policy
from evals.gate.policy import Policy, Requirement, load_policy, parse_policy, schema

__all__ = ["Policy", "Requirement", "decide", "load_policy", "parse_policy", "schema", "try_policy"]
