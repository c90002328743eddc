"""A rate, or a paired difference of pass and fail, of which few labels and few events are there: strata by judge score, a prior in each.

Where events are rare the normal approximation behind every prediction-powered package misses the truth in a tenth to two thirds of cases;
Jeffreys' prior spread over strata of the judge's score does not, and is as sharp as PPI++ once there are labels enough (docs/methods.md).
A whole Beta(½, ½) in *each* of K strata would add K/2 events that nobody saw: with eight strata, 100 labels and a rate of 2 % it covered
.43. So K is small, and the prior's mass is √K in all, by stratum size. Jeffreys 1946; Holt & Smith 1979 for post-stratification.

>>> import numpy as np
>>> strata = np.repeat([0, 1], [40, 160])
>>> shown = rate(np.array([0.0, 0.0, 1.0] + [1.0] * 30), np.repeat([0, 1], [3, 30]), strata, level=0.9)
>>> round(shown.estimate, 3), shown.low < 0.8 < shown.high < 0.96, shown.method
(0.867, True, 'Jeffreys, 2 judge strata')
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.errors import InputError
from evals.statistics.clusters import Floats, Ints, codes, effective_n
from evals.statistics.intervals import Interval, no_interval

DRAWS = 4000
MOST_STRATA = 4  # eight are no sharper: .142 against .143 wide at a rate of .5 and 100 labels
MIN_STRATUM = 15  # labelled cases a stratum needs to stand alone
FLAT_PAIR = (1 / 3, 1 / 3, 1 / 3)  # Dirichlet prior on worse, same, better


def score_strata(judge: Floats, labelled: NDArray[np.bool_], most: int = MOST_STRATA) -> Ints:
    """Stratum 0 … K−1 of every case by the judge's score: at most `most` of about equal size, merged upwards until each holds MIN_STRATUM
    labelled cases. Equal scores share a stratum. The labels themselves are not looked at, so that this costs no validity.

    >>> import numpy as np
    >>> score_strata(np.array([0.1, 0.9] * 40), np.arange(80) < 40).tolist()[:4]
    [0, 1, 0, 1]
    """
    edges = np.unique(np.quantile(judge, np.arange(1, most) / most)) if len(judge) else np.zeros(0)
    fine = np.searchsorted(edges, judge, side="left")
    held = np.bincount(fine[labelled], minlength=len(edges) + 1)
    target: Ints = np.zeros(len(held), dtype=np.int64)
    stratum = since = 0
    for k, count in enumerate(held):
        target[k], since = stratum, since + int(count)
        if since >= MIN_STRATUM:
            stratum, since = stratum + 1, 0
    if stratum:
        target = np.minimum(target, stratum - 1)  # what is left over at the top joins the last full stratum
    return codes(target[fine])[0] if len(fine) else fine


def rate(
    events: Floats,
    strata: Ints,
    all_strata: Ints,
    *,
    level: float = 0.95,
    clusters: NDArray[np.generic] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """The share of events over all cases: Σ W_s·θ_s, θ_s ~ Beta(k_s + m_s, n_s − k_s + m_s), m_s = ½·√K·N_s/N, W ~ Dirichlet(N_s + ½).

    `events` are 0 or 1, one a labelled case, `strata` theirs, `all_strata` those of every case (labelled ones too). Counts are scaled by
    what n is worth where cases are clustered (`clusters.effective_n`). Equal tails of `draws` seeded draws; the estimate is Σ N_s/N·k_s/n_s
    (strata without a label: ½), kept inside its interval. Raises InputError for values that are not 0 or 1.
    """
    if not np.all((events == 0) | (events == 1)):
        raise InputError(f"a rate counts 0 and 1, not {events[(events != 0) & (events != 1)][0]}")
    counts = np.stack([np.bincount(strata[events == value], minlength=_size(strata, all_strata)) for value in (0, 1)], axis=1)
    return _interval(
        counts, np.array([0.0, 1.0]), np.array([0.5, 0.5]), events, strata, all_strata, level, clusters, seed, draws, "Jeffreys"
    )


def paired_rate(
    differences: Floats,
    strata: Ints,
    all_strata: Ints,
    *,
    level: float = 0.95,
    clusters: NDArray[np.generic] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """Mean of −1, 0, +1 (worse, same, better) over all cases, by a flat Dirichlet(⅓, ⅓, ⅓), spread over strata as in `rate`.

    For display: as a gate it lets a candidate worse by the margin through in 5–9 % where 5 % are stated; `paired.sampled_mean` is the
    one that decides (decision 0005). Raises InputError for any other value.

    >>> import numpy as np
    >>> one = np.zeros(30, dtype=np.int64)
    >>> shown = paired_rate(np.repeat([-1.0, 0.0, 1.0], [2, 25, 3]), one, one, level=0.9)
    >>> round(shown.estimate, 3), shown.low < 0 < shown.high
    (0.033, True)
    """
    if not np.all(np.isin(differences, (-1.0, 0.0, 1.0))):
        raise InputError(
            f"a paired difference of pass and fail is −1, 0 or 1, not {differences[~np.isin(differences, (-1.0, 0.0, 1.0))][0]}"
        )
    size = _size(strata, all_strata)
    counts = np.stack([np.bincount(strata[differences == value], minlength=size) for value in (-1, 0, 1)], axis=1)
    values = np.array([-1.0, 0.0, 1.0])
    return _interval(counts, values, np.array(FLAT_PAIR), differences, strata, all_strata, level, clusters, seed, draws, "flat Dirichlet")


def _size(strata: Ints, all_strata: Ints) -> int:
    """Number of strata; raises InputError where a labelled case stands in one that no case of the population is in."""
    size = int(all_strata.max()) + 1 if len(all_strata) else 0
    if len(strata) and int(strata.max()) >= size:
        raise InputError(f"a labelled case stands in stratum {int(strata.max())}; the cases have strata up to {size - 1}")
    return size


def _interval(
    counts: NDArray[np.int64],
    values: Floats,
    prior: Floats,
    rows: Floats,
    strata: Ints,
    all_strata: Ints,
    level: float,
    clusters: NDArray[np.generic] | None,
    seed: int,
    draws: int,
    name: str,
) -> Interval:
    n = len(rows)
    names = np.arange(n) if clusters is None else clusters
    groups = codes(names)[1]
    if n < 1 or (groups < 2 and clusters is not None):
        return no_interval(level, n, groups, f"{n} labelled cases of {groups} products")
    sizes, held = np.bincount(all_strata).astype(float), counts.sum(axis=1)
    means = np.where(held > 0, counts @ values / np.maximum(held, 1), prior @ values / prior.sum())
    worth = 1.0 if clusters is None else effective_n(rows - means[strata], names, (1 - level) / 2) / n
    rng = np.random.default_rng(seed)
    portions = rng.dirichlet(sizes + 0.5, draws) if len(sizes) > 1 else np.ones((draws, 1))
    drawn = np.zeros(draws)
    for stratum, count in enumerate(counts):
        here = prior * np.sqrt(len(sizes)) * sizes[stratum] / sizes.sum()
        drawn += portions[:, stratum] * (rng.dirichlet(count * worth + here, draws) @ values)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    estimate = float(np.clip(sizes @ means / sizes.sum(), low, high))
    method = name if len(sizes) == 1 else f"{name}, {len(sizes)} judge strata"
    return Interval(estimate, float(low), float(high), level, method, n, groups)
