"""The experiment programme: what is tried, registered before its labels, at which level, on how fresh data, and what its gains are worth.

`rules` is the file, `registration` freezes, `experiments` reads and ends, `levels` keeps one error rate over all experiments, `exposure`
counts how often labels were read, `gains` takes the winner's curse off, `sealed` keeps cases for later.
"""

from __future__ import annotations

from evals.programme.experiments import objection, refuse
from evals.programme.rules import Rules, load_rules

__all__ = ["Rules", "load_rules", "objection", "refuse"]
