"""Which cases people see: drawn with known probabilities, more often where the judge is unsure, never beyond a budget.

Per language a fixed number n of the N cases is drawn without replacement. With x_i = a/N + (1 − a)·u_i/Σu (u: `uncertainty`; a: the audit
share) case i is drawn with probability π_i = min(1, c_n·x_i), c_n so that Σπ = n. As c_n ≥ n, every case keeps the chance a·n/N: the
audit floor, by which we hear of errors that the judge does not suspect. a = 1 or equal u is the plain random audit, π = n/N.

**The design** is Tillé's elimination (1996; Deville & Tillé 1998): start with all N, and at size k + 1 → k drop one case, i with chance
1 − π_i(k)/π_i(k+1). Those chances sum to 1 over whatever is left: a case certain at size k + 1 *is* left, and the others, of which there
are always equally many, share one chance. So by induction P(i among the last k) = π_i(k) *exactly, for every k*. The order of dropping,
read backwards, is one list whose first n are the sample of size n: **a larger budget keeps what a smaller one drew**, with exact π at
both. Systematic (Madow 1949) and pivotal sampling (Deville & Tillé 1998) are as exact but not nested; permanent random numbers (sequential
Poisson, Ohlsson 1998; Pareto, Rosén 1997) are exact only for large n, and ours are small.

**Topping up** with other uncertainties than before (a judge scored in between) is a second phase: see `_second_phase`. Either way the
probability of a case drawn *earlier* changes; `draw` returns all of them, and all must be stored: weights of two designs do not mix.

**What it is worth** (a = 0.7, a fifth labelled, simulated): a label counts for 1.0–1.7 labels of a random audit, most where errors are rare
and the judge knows where they are; for .9–1.1 with a judge that knows nothing (the floor keeps it above about a). With weak judges on real
summaries (16 pairs of systems of FRANK by four metrics, 40 of SummEval by ours) for .95–1.1: nothing. Doubt pays with a good judge only.
That is the error of the estimate. The gate's Dirichlet interval does not see it: its n* (Kish) counts uneven weights as loss whatever they
buy, so it is 1–3 % wider (a = 0.5) and errs less than stated.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.errors import InputError
from evals.records import Why
from evals.statistics.clusters import Floats

MIN_CASES = 2  # per language: one case gives no idea of the spread
SURE = 0.05  # a judge that says 0 or 1 is believed to be wrong this often
_SAME = 1e-9  # two probabilities closer than this are one

Chance = Callable[[int], float]


@dataclass(frozen=True)
class Candidate:
    """A case that could be shown to people. `uncertainty`: see `uncertainty`; None where no judge measured it, which counts as the mean of
    its language (1 where nothing was measured)."""

    case_id: str
    language: str
    uncertainty: float | None


@dataclass(frozen=True)
class Drawn:
    """`probability`: of being in the sample; 1/probability is its weight. `why`: ``uncertain`` where that is more than n/N."""

    why: Why
    probability: float


def draw(
    candidates: Sequence[Candidate],
    budget: Mapping[str, int],
    *,
    audit_share: float,
    seed: int,
    experiment: str,
    already: Mapping[str, float] | None = None,
) -> dict[str, Drawn]:
    """The sample, by case id: per language `budget` cases *in all* (at least MIN_CASES, at most all; none where the budget is 0 or absent).

    Depends on its arguments alone and not on the order of the candidates. `already`: the cases drawn before with the probability stored for
    them, *all* of them; they stay, whatever the budget. Needed only when uncertainties or audit share changed since: the same design asked
    for more finds them by itself. The candidates must be those of the first draw. Raises InputError naming what is wrong.

    >>> cases = [Candidate(f"case-{n}", "ja", 1.0 if n < 5 else 0.1) for n in range(20)]
    >>> few = draw(cases, {"ja": 4}, audit_share=0.5, seed=0, experiment="e")
    >>> more = draw(cases, {"ja": 8}, audit_share=0.5, seed=0, experiment="e")
    >>> len(few), len(more), few.keys() <= more.keys(), sorted({round(drawn.probability, 3) for drawn in more.values()})
    (4, 8, True, [0.262, 0.815])
    """
    earlier = dict(already or {})
    _check(candidates, budget, audit_share, earlier)
    languages: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        languages[candidate.language].append(candidate)
    drawn: dict[str, Drawn] = {}
    for language, rows in sorted(languages.items()):
        before = {row.case_id: earlier[row.case_id] for row in rows if row.case_id in earlier}
        wanted = budget.get(language, 0)
        size = max(len(before), min(len(rows), max(MIN_CASES, wanted)) if wanted else 0)
        chosen = _language(rows, size, audit_share, before, (str(seed), experiment, language))
        usual = size / len(rows) * (1 + _SAME)
        drawn |= {case: Drawn("uncertain" if p > usual else "random audit", _readable(p)) for case, p in sorted(chosen.items())}
    return drawn


def uncertainty(champion: Sequence[float], candidate: Sequence[float]) -> float:
    """How far the case's paired difference may be from 0, as the judge sees it: √E[d²], from its probabilities that each claim is grounded.

    E[d²] = (f₁ − f₀)² + v₁ + v₀ with f the arm's mean and v = Σ p(1 − p)/m², the variance of the share of grounded claims if the judge is
    calibrated and claims err independently; p(1 − p) is at least SURE·(1 − SURE), for judges that say 0 or 1. An arm without claims is 0
    for certain. With π ∝ √E[d²] the labels' own mean is sharpest (Neyman 1934); with the judge subtracted at weight λ the ideal is
    √E[(d − λ·d̂)²] (Zrnic & Candès 2024), which lies between √(v₁ + v₀) and this. Raises InputError for a score outside [0, 1].

    >>> round(uncertainty([1, 1, 1], [1, 1, 1]), 3), round(uncertainty([1, 1, 1], [1, 0.5, 1]), 3), round(uncertainty([1], [0]), 3)
    (0.178, 0.286, 1.046)
    """
    (first, spread), (second, other) = _arm(champion), _arm(candidate)
    return math.sqrt((second - first) ** 2 + spread + other)


def uniform(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone.

    >>> uniform("1", "case-a") == uniform("1", "case-a") != uniform("2", "case-a")
    True
    """
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def probabilities(sizes: Floats, n: float, highest: float = 1.0) -> Floats:
    """π ∝ size with Σπ = n and no π above `highest`; sizes positive, descending; n ≤ highest · N.

    Case t (from 0) is at the limit when n/highest ≥ t + Σ_{j≥t} x_j / x_t, a bound that grows with t.

    >>> probabilities(np.array([6.0, 2.0, 1.0, 1.0]), 2).round(3).tolist()
    [1.0, 0.5, 0.25, 0.25]
    """
    tails, bounds = _limits(sizes)
    full = int(np.sum(bounds <= n / highest))
    found = np.full(len(sizes), highest)
    if full < len(sizes):
        found[full:] = np.minimum((n - highest * full) * sizes[full:] / tails[full], highest)
    return found


# ---------------------------------------------------------------------------------------------- one language


def _language(
    rows: Sequence[Candidate], size: int, audit_share: float, before: Mapping[str, float], key: tuple[str, ...]
) -> dict[str, float]:
    """Case → probability of the `size` cases drawn in all."""
    if not size:
        return {}
    ids, sizes = _frame(rows, audit_share)
    order = _order(sizes, lambda k: uniform(*key, str(k)))
    if not before or _same(before, _first_phase(ids, sizes, order, len(before))):
        return _first_phase(ids, sizes, order, size)
    if len(before) == size:
        return dict(before)
    return _second_phase(rows, size, audit_share, before, lambda k: uniform(*key, f"after {len(before)}", str(k)))


def _frame(rows: Sequence[Candidate], audit_share: float) -> tuple[list[str], Floats]:
    """Case ids and sizes x, the largest first, ties by id."""
    known = [row.uncertainty for row in rows if row.uncertainty is not None]
    scale = max(known, default=0.0) or 1.0
    mean = math.fsum(value / scale for value in known) / len(known) if known else 1.0
    doubt = np.array([mean if row.uncertainty is None else row.uncertainty / scale for row in rows])
    doubt = doubt / math.fsum(doubt) if mean > 0 else np.full(len(rows), 1 / len(rows))
    sizes = audit_share / len(rows) + (1 - audit_share) * doubt
    ranked = sorted(range(len(rows)), key=lambda i: (-sizes[i], rows[i].case_id))
    return [rows[i].case_id for i in ranked], sizes[ranked]


def _first_phase(ids: Sequence[str], sizes: Floats, order: Sequence[int], size: int) -> dict[str, float]:
    chances = np.ones(len(ids)) if size == len(ids) else probabilities(sizes, size)
    return {ids[i]: float(chances[i]) for i in order[:size]}


def _second_phase(
    rows: Sequence[Candidate], size: int, audit_share: float, before: Mapping[str, float], chance: Chance
) -> dict[str, float]:
    """Add m = n − n₁ of the N − n₁ other cases to the n₁ drawn before, by a design that may look at everything but the labels.

    What must hold is E[Σ_drawn w_i y_i] = Σ y_i, for any y. Two estimates have it: the first phase's, Σ y/π₁, and, *given* the first
    phase, its own cases as they are plus the new ones weighted, Σ_old y + Σ_new y/p₂. So has any mixture θ : 1 − θ with θ fixed by the
    numbers of cases alone (an overall π₁ + (1 − π₁)·p₂ would need p₂ to be the same whatever was drawn first, and then the number drawn
    could not be fixed). The probabilities stored are 1/w: old 1/(θ/π₁ + 1 − θ), new p₂/(1 − θ), with 1 − θ = m·N/(n·(N − n₁)): equal
    chances in both phases then give n/N again. Floors stay a·n/N, and p₂ is kept below 1 − θ so that no weight is less than 1. The
    argument needs only that the weights so far are unbiased, so a third phase may follow.
    """
    total, new = len(rows), size - len(before)
    fresh = new * total / (size * (total - len(before)))  # 1 − θ
    ids, sizes = _frame([row for row in rows if row.case_id not in before], audit_share)
    second = probabilities(sizes, new, fresh)
    old = {case: 1 / ((1 - fresh) / p + fresh) for case, p in before.items()}
    return old | {ids[i]: min(1.0, float(second[i] / fresh)) for i in _order(second, chance)[:new]}


def _order(sizes: Floats, chance: Chance) -> list[int]:
    """Positions in `sizes` (positive, descending) by how long Tillé's elimination keeps them: the first k are the sample of size k.

    `certain`: how many are in every sample of the present size, the largest ones; `pool`: the others that are left, all alike.
    """
    tails, bounds = _limits(sizes)
    certain, pool, gone = len(sizes), list[int](), list[int]()
    for k in reversed(range(len(sizes))):
        last = certain
        while certain and bounds[certain - 1] > k:
            certain -= 1
        released = range(certain, last)
        leaves = [1 - float((k - certain) * sizes[i] / tails[certain]) for i in released]
        gone.append(_leaver(released, leaves, pool, chance(k)))
        pool += [i for i in released if i != gone[-1]]
    return gone[::-1]


def _leaver(released: Sequence[int], leaves: Sequence[float], pool: list[int], u: float) -> int:
    """Who goes: one of the cases just released, each with its own chance, else any of the pool."""
    for i, leave in zip(released, leaves, strict=True):
        if u < leave:
            return i
        u -= leave
    if not pool:  # the chances summed to 1 but for rounding
        return released[-1]
    place = min(int(u / (1 - math.fsum(leaves)) * len(pool)), len(pool) - 1)
    pool[place], pool[-1] = pool[-1], pool[place]
    return pool.pop()


def _limits(sizes: Floats) -> tuple[Floats, Floats]:
    """Σ_{j≥t} x_j, and the sample size from which on case t is certain, t + Σ_{j≥t} x_j / x_t."""
    tails = np.cumsum(sizes[::-1])[::-1]
    return tails, np.arange(len(sizes)) + tails / sizes


def _readable(probability: float) -> float:
    """Twelve digits: a half is stored as 0.5 and not as 0.4999999999999999."""
    return float(f"{probability:.12g}")


def _same(before: Mapping[str, float], own: Mapping[str, float]) -> bool:
    return before.keys() == own.keys() and all(math.isclose(before[case], p, rel_tol=_SAME) for case, p in own.items())


def _arm(scores: Sequence[float]) -> tuple[float, float]:
    """Mean of an arm's claims and its variance."""
    for score in scores:
        if not 0 <= score <= 1:
            raise InputError(f"a judge's score {score!r} is not a probability in [0, 1]")
    m = len(scores)
    return (math.fsum(scores) / m, math.fsum(max(p * (1 - p), SURE * (1 - SURE)) for p in scores) / m**2) if m else (0.0, 0.0)


# ---------------------------------------------------------------------------------------------- what is refused


def _check(candidates: Sequence[Candidate], budget: Mapping[str, int], audit_share: float, already: Mapping[str, float]) -> None:
    for problem in _problems(candidates, budget, audit_share, already):
        raise InputError(problem)


def _problems(
    candidates: Sequence[Candidate], budget: Mapping[str, int], audit_share: float, already: Mapping[str, float]
) -> Iterator[str]:
    if not 0 < audit_share <= 1:
        yield f"audit share {audit_share!r} must be in (0, 1]: a case without a chance cannot be estimated"
    yield from (f"budget {count!r} of {language!r} is negative" for language, count in budget.items() if count < 0)
    seen: set[str] = set()
    for row in candidates:
        if row.case_id in seen:
            yield f"case {row.case_id!r} stands twice among the candidates"
        seen.add(row.case_id)
        if row.uncertainty is not None and not 0 <= row.uncertainty < math.inf:
            yield f"uncertainty {row.uncertainty!r} of case {row.case_id!r} must be a number of at least 0"
    yield from (f"case {case!r} was drawn before and is not among the candidates" for case in already if case not in seen)
    yield from (f"probability {p!r} of case {case!r} is not in (0, 1]" for case, p in already.items() if not 0 < p <= 1)
