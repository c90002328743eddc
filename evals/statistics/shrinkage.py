"""What a gain is worth that is reported *because* it was large enough: the winner's curse, taken off again.

Estimates are normal with known spread; one is selected when it lies above its line.

>>> found = after_selection(0.05, spread=0.02, line=0.03)
>>> [round(value, 4) for value in (found.estimate, found.low, found.high)]
[0.0442, -0.0137, 0.0829]
>>> [round(value, 4) for value in total_after_selection([0.05, 0.01], spreads=[0.02, 0.02], lines=[0.03, 0.03])]
[0.05, 0.0403]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import optimize, special, stats

from evals.statistics.intervals import Interval, no_interval

METHOD = "given that it was selected"
_FAR = 1e4  # spreads below the estimate: whoever asks that far gets `lowest`


def after_selection(estimate: float, spread: float, line: float, level: float = 0.90, lowest: float = -1.0, n: int = 0) -> Interval:
    """The gain to expect from one `estimate` that was selected for lying above `line`, and its interval.

    Expected: x − σ·φ(a)/(1 − Φ(a)) with a = (line − x)/σ, the bias of selection with the estimate in the truth's place (as Lee & Shen
    2018 for a sum). The conditional maximum likelihood estimate and its mixture with x (Zhong & Prentice 2008) follow the same thought to
    its end and fall as σ²/(x − line) near the line: neither has a mean. This one stays within 0.8 σ of x.
    The lower end solves P_θ(X ≥ x | X > line) = (1 − level)/2, exact given selection; the upper end is the ordinary one, because selection
    only ever raises estimates. `lowest`: the smallest gain there can be. No interval for an estimate that was not selected.
    """
    if estimate <= line or spread <= 0:
        return no_interval(level, n, n, "it was not selected" if spread > 0 else "its spread is not known", estimate)
    tail = (1 - level) / 2
    expected = estimate - spread * _hazard((line - estimate) / spread)
    high = estimate + spread * float(stats.norm.ppf(1 - tail))
    low = estimate - spread * _below((estimate - line) / spread, tail)
    return Interval(max(expected, lowest), max(low, lowest), high, level, METHOD, n, n)


def total_after_selection(estimates: Sequence[float], spreads: Sequence[float], lines: Sequence[float]) -> tuple[float, float]:
    """Sum of the selected estimates, and what to expect of it: Σ_selected x − Σ_all σ·φ((line − x)/σ). Lee & Shen 2018, with x for the
    truth. All that could have been selected count, selected or not; the lines are stated beforehand."""
    rows = list(zip(estimates, spreads, lines, strict=True))
    selected = math.fsum(x for x, _, line in rows if x > line)
    bias = math.fsum(spread * float(stats.norm.pdf((line - x) / spread)) for x, spread, line in rows)
    return selected, selected - bias


def _hazard(at: float) -> float:
    """φ(a) / (1 − Φ(a)), without cancellation however large a is."""
    return math.sqrt(2 / math.pi) / float(special.erfcx(at / math.sqrt(2)))


def _below(above: float, tail: float) -> float:
    """How many spreads below x the θ lies with P_θ(X ≥ x | X > x − above) = tail."""

    def excess(distance: float) -> float:
        return float(stats.norm.logsf(distance) - stats.norm.logsf(distance - above)) - math.log(tail)

    return float(optimize.brentq(excess, 0.0, _FAR)) if excess(_FAR) < 0 else _FAR
