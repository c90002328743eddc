"""What commands and the page Programme say alike, in words; without a frame or a figure, so that ``plumb --help`` stays quick."""

from __future__ import annotations

from evals.gate.reasons import number
from evals.programme import Rules
from evals.programme.experiments import Shown
from evals.programme.gains import Gain, Total
from evals.programme.levels import Wealth
from evals.records import Experiment
from evals.store import Store
from evals.text import shortened, visible


def short(experiment: Experiment) -> str:
    """Enough of an experiment's id for an address."""
    return experiment.experiment_id.removeprefix("experiment-")[:12]


def heading(one: Shown) -> str:
    """State, day and the beginning of the hypothesis, for a list to choose from."""
    return f"{one.state} · {one.experiment.created_at[:10]} · {shortened(visible(one.experiment.hypothesis), 60)}"


def arm_names(store: Store) -> dict[str, str]:
    """The variant's name of every run, by run id."""
    names = {variant.variant_id: variant.name for variant in store.runs.variants()}
    return {run.run_id: names[run.variant_id] for run in store.runs.runs()}


def level_sentence(found: Wealth, rules: Rules) -> str:
    """At which level the next candidate may be read, and what that rests on."""
    over = "expected share of false promotions" if rules.method == "lord" else "chance of any false promotion ever"
    tests = f"{found.tests:,} candidate{'' if found.tests == 1 else 's'} tested, {found.promotions:,} promoted"
    after = f"the one after at {found.after_promotion:.3g} if it is promoted, at {found.after_none:.3g} if not"
    return f"the next candidate may be read at {found.level:.3g}, {after} ({tests}; {over} at most {rules.alpha:g})"


def change(value: float) -> str:
    """
    >>> change(-0.0521), change(-0.0001)
    ('−0.052', '+0.000')
    """
    return number(round(value, 3) + 0.0, signed=True)


def gain_cells(gain: Gain) -> tuple[str, str, str, str]:
    """Requirement, as reported, to expect, interval of that."""
    expected = gain.expected
    if expected.low is None or expected.high is None:
        return gain.requirement, change(gain.reported), "–", expected.reason or "–"
    bounds = f"{change(expected.low)} … {change(expected.high)}"
    return gain.requirement, change(gain.reported), change(expected.estimate or 0.0), bounds


def cadence_word(planned: int, cadence: tuple[int, int]) -> str:
    """
    >>> [cadence_word(n, (2, 3)) for n in (1, 2, 4)]
    ['fewer than meant', 'as meant', 'more than meant']
    """
    least, most = cadence
    return "fewer than meant" if planned < least else "more than meant" if planned > most else "as meant"


def total_sentence(total: Total) -> str:
    """What the promotions add up to, before and after."""
    reported, expected = (change(value) for value in (total.reported, total.expected))
    return f"{total.requirement}: {total.promoted} of {total.tested} candidates promoted, {reported} in all as reported; expect {expected}."
