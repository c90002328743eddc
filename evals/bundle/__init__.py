"""A decision with all it rests on in one file, from which anybody can compute it again: offline, without our database, byte for byte.

`write` makes one and refuses to make one that could not be verified; `verify` reads one from a stranger.
"""

from __future__ import annotations

from evals.bundle.making import Made, write
from evals.bundle.verification import Checked, verify

__all__ = ["Checked", "Made", "verify", "write"]
