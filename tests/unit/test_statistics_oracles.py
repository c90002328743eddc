"""Statistics against other implementations, to 1e-9 where definitions agree, and against published numbers.

`benchmarks/oracles/values.json` holds what ppi-python, truescore and MLflow answered (`benchmarks/oracles/reference.py` asks them);
scipy and statsmodels are asked here.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.proportion import proportion_confint

from evals.paths import ROOT
from evals.statistics.active import Drawn, augmented, hajek
from evals.statistics.clusters import variance_of_sum
from evals.statistics.confidence_sequence import anytime_p, bernstein_bounds, mixture, multiplier
from evals.statistics.crossed import crossed_mean, crossed_variance
from evals.statistics.intervals import Interval
from evals.statistics.multiplicity import benjamini_hochberg, holm
from evals.statistics.paired import tango
from evals.statistics.paired_tests import bca, mcnemar, paired_t, sign_flip, wilcoxon
from evals.statistics.pooling import between, pool
from evals.statistics.poststratified import rate
from evals.statistics.power import labels_with_judge
from evals.statistics.ppi import ppi_mean, tuned_lambda
from evals.statistics.rogan_gladen import corrected_rate
from evals.statistics.sequential import exit_probabilities, inflation_factor, spent, spent_levels

VALUES: dict[str, Any] = json.loads((ROOT / "benchmarks" / "oracles" / "values.json").read_text(encoding="utf-8"))
LOOKS = [0.2, 0.4, 0.6, 0.8, 1.0]
EXACT = 1e-9


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None and interval.high is not None
    return interval.low, interval.high


def asked() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the judge on them, the judge on the others, clusters of all."""
    found = VALUES["means"]
    labels, judge = np.array(found["labels"]), np.array(found["judge"])
    return labels, judge[: len(labels)], judge[len(labels) :], np.array(found["clusters"])


# ---------------------------------------------------------------------------------------------- prediction-powered


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_prediction_powered_means_are_those_of_ppi_python_and_truescore(lam: float) -> None:
    labels, judged, rest, _ = asked()
    ours, found = ppi_mean(labels, judged, rest, lam=lam, level=0.9), VALUES["means"]
    assert ours.interval.estimate == pytest.approx(found[f"ppi_py lam={lam}"]["estimate"], abs=EXACT)
    assert ours.interval.estimate == pytest.approx(found[f"truescore lam={lam}"]["estimate"], abs=EXACT)
    assert ours.standard_error == pytest.approx(found[f"truescore lam={lam}"]["error"], abs=EXACT)


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_the_interval_of_ppi_python_is_ours_with_n_in_place_of_n_minus_1_and_normal_quantiles(lam: float) -> None:
    labels, judged, rest, _ = asked()
    theirs = VALUES["means"][f"ppi_py lam={lam}"]["interval"]
    error = math.hypot(lam * rest.std() / math.sqrt(len(rest)), (labels - lam * judged).std() / math.sqrt(len(labels)))
    centre = ppi_mean(labels, judged, rest, lam=lam).interval.estimate
    assert centre is not None
    z = stats.norm.ppf(0.95)
    assert (centre - z * error, centre + z * error) == pytest.approx(theirs, abs=EXACT)


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_clustered_intervals_are_those_of_truescore_where_no_cluster_is_in_both_parts(lam: float) -> None:
    labels, judged, rest, clusters = asked()
    ours = ppi_mean(labels, judged, rest, lam=lam, level=0.9, clusters=clusters[:40], unlabelled_clusters=clusters[40:])
    theirs = VALUES["means"][f"truescore clustered lam={lam}"]
    assert ours.standard_error == pytest.approx(theirs["error"], abs=EXACT)
    assert bounds(ours.interval) == pytest.approx(theirs["interval"], abs=EXACT)  # both t with 12 degrees


def test_the_tuned_lambda_is_that_of_ppi_python_and_truescore() -> None:
    labels, judged, rest, _ = asked()
    lam, found = tuned_lambda(labels, judged, rest), VALUES["means"]
    assert 0.1 < lam < 0.9
    assert lam == pytest.approx(found["truescore tuned"]["lam"], abs=EXACT)
    tuned = ppi_mean(labels, judged, rest, lam=lam)
    assert tuned.interval.estimate == pytest.approx(found["ppi_py tuned"], abs=EXACT)
    assert tuned.standard_error == pytest.approx(found["truescore tuned"]["error"], abs=EXACT)


# ---------------------------------------------------------------------------------------------- weights, clusters, two ways


def a_panel(seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    products, annotators = np.repeat(np.arange(30), 4), np.tile(np.arange(8), 15)
    values = rng.normal(0, 1, 120) + rng.normal(0, 0.7, 30)[products] + rng.normal(0, 1.5, 8)[annotators]
    return values, rng.uniform(0.1, 1.0, 120), products, annotators


def test_hajek_is_weighted_least_squares_with_a_cluster_robust_error() -> None:
    values, probability, products, _ = a_panel()
    theirs = WLS(values, np.ones(120), weights=1 / probability).fit(cov_type="cluster", cov_kwds={"groups": products}, use_t=True)
    ours = hajek(Drawn(values, np.ones(120, dtype=bool), probability, products), level=0.9)
    assert ours.estimate == pytest.approx(theirs.params[0], abs=EXACT)
    assert bounds(ours) == pytest.approx(theirs.conf_int(0.1)[0], abs=EXACT)


def test_the_augmented_mean_of_an_even_draw_is_the_prediction_powered_one() -> None:
    """With π = n/N, mean(f) over all and rectifier over the labelled: PPI on a pool that holds the labelled too."""
    values, _, _, _ = a_panel()
    judge, sampled = values + np.sin(np.arange(120)), np.arange(120) < 40
    ours = augmented(Drawn(values, sampled, np.full(120, 1 / 3)), judge, lam=0.7)
    assert ours.estimate == pytest.approx(ppi_mean(values[:40], judge[:40], judge, lam=0.7).interval.estimate, abs=EXACT)


def test_two_way_variance_is_that_of_statsmodels() -> None:
    values, weights, products, annotators = a_panel()
    two_way = {"groups": np.column_stack([products, annotators]), "use_correction": True}
    theirs = WLS(values, np.ones(120), weights=weights).fit(cov_type="cluster", cov_kwds=two_way)
    shares = weights / weights.sum()
    influence = shares * (values - shares @ values)
    parts = [
        variance_of_sum(influence, products),
        variance_of_sum(influence, annotators),
        variance_of_sum(influence, products * 8 + annotators),
    ]
    assert crossed_variance(influence, products, annotators) == pytest.approx(parts[0] + parts[1] - parts[2], rel=EXACT)
    assert crossed_mean(values, products, annotators, weights).estimate == pytest.approx(theirs.params[0], abs=EXACT)
    assert math.sqrt(parts[0] + parts[1] - parts[2]) == pytest.approx(theirs.bse[0], abs=EXACT)


# ---------------------------------------------------------------------------------------------- looks


def test_levels_are_the_published_ones() -> None:
    """ldbounds and gsDesign, five even looks at one-sided 2.5 %: their last digit is their grid's."""
    z = stats.norm.isf(spent_levels(LOOKS, 0.025, "obrien_fleming"))
    assert z == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert stats.norm.isf(spent_levels(LOOKS, 0.025, "pocock")) == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4)


@pytest.mark.parametrize(("constant", "power"), [(2.413, 0.0), (2.040, 0.5)], ids=["Pocock", "O'Brien–Fleming"])
def test_the_classical_boundaries_spend_their_level(constant: float, power: float) -> None:
    """Jennison & Turnbull 2000, tables 2.1 and 2.3: constants for five looks at two-sided 5 %, of which one side spends half."""
    assert sum(exit_probabilities(LOOKS, [constant / t**power for t in LOOKS])) == pytest.approx(0.025, abs=5e-5)


def test_the_second_look_agrees_with_a_plain_integral() -> None:
    first, share = stats.norm.isf(spent(0.3, 0.05, "pocock")), spent(0.7, 0.05, "pocock") - spent(0.3, 0.05, "pocock")
    shared = math.sqrt(0.3 / 0.7)

    def crossing(bound: float) -> float:
        def density(u: float) -> float:
            return float(stats.norm.pdf(u) * stats.norm.sf((bound - shared * u) / math.sqrt(1 - shared**2)))

        return float(integrate.quad(density, -10, first, epsabs=1e-14, limit=400)[0])

    bound = optimize.brentq(lambda b: crossing(b) - share, 1, 4, xtol=1e-13)
    assert spent_levels([0.3, 0.7], 0.05, "pocock")[1] == pytest.approx(stats.norm.sf(bound), abs=EXACT)


def test_all_looks_together_agree_with_the_multivariate_normal() -> None:
    fractions = np.array([0.25, 0.5, 1.0])
    bound = stats.norm.isf(spent_levels(list(fractions), 0.05, "obrien_fleming"))
    correlation = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))
    inside = stats.multivariate_normal.cdf(bound, cov=correlation, abseps=1e-8, releps=1e-8, maxpts=10**6, rng=np.random.default_rng(1))
    assert 1 - inside == pytest.approx(0.05, abs=1e-6)


def test_with_the_inflated_plan_the_looks_keep_the_power() -> None:
    """A drift of (z_α + z_β)·√factor crosses with the stated power; for Pocock's spending the plan is 19 % larger."""
    factor = inflation_factor(LOOKS, 0.025, 0.9, "pocock")
    drift = (stats.norm.isf(0.025) + stats.norm.ppf(0.9)) * math.sqrt(factor)
    bound = list(stats.norm.isf(spent_levels(LOOKS, 0.025, "pocock")))
    assert sum(exit_probabilities(LOOKS, bound, drift)) == pytest.approx(0.9, abs=EXACT)
    assert factor == pytest.approx(1.19, abs=0.01)


@pytest.mark.parametrize("count", [20, 100, 1000])
def test_the_bound_of_the_sequence_is_that_of_its_mixture_rounded_outwards(count: int) -> None:
    """Half-normal mixture of Gaussian likelihood ratios, E = 2/√(v+1)·exp(z²v/2(v+1))·Φ(z√(v/(v+1))): Ville's bound is E = 1/α."""
    rho = mixture(0.05, 150)
    v = count * rho**2

    def log_wealth(z: float) -> float:
        return math.log(2 / math.sqrt(v + 1)) + z * z * v / (2 * (v + 1)) + float(stats.norm.logcdf(z * math.sqrt(v / (v + 1))))

    exact = optimize.brentq(lambda z: log_wealth(z) - math.log(1 / 0.05), 0.1, 20)
    assert exact <= multiplier(count, 0.05, rho) <= exact * 1.02
    assert anytime_p(exact, count, rho) == pytest.approx(0.05, rel=0.08)

    def mixed(z: float) -> float:
        prior = stats.halfnorm(scale=rho)
        score = z * math.sqrt(count)
        return float(integrate.quad(lambda drift: prior.pdf(drift) * math.exp(drift * score - drift**2 * count / 2), 0, 12 * rho)[0])

    assert math.log(mixed(2.0)) == pytest.approx(log_wealth(2.0), abs=1e-6)


def test_the_empirical_bernstein_sequence_is_truescores() -> None:
    found = VALUES["looks"]
    low, high = bernstein_bounds(np.array(found["values"]), 0.05)
    assert low == pytest.approx(found["low"], abs=EXACT) and high == pytest.approx(found["high"], abs=EXACT)


# ---------------------------------------------------------------------------------------------- slices that borrow strength

BCG = np.array(  # Colditz et al. 1994, thirteen trials: cases and others among the vaccinated, cases and others among the rest
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761), (180, 1361, 372, 1079),
        (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197),
        (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ],
    dtype=float,
)  # fmt: skip


def log_risks() -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d = BCG.T
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def test_heterogeneity_of_the_bcg_trials_is_the_published_one() -> None:
    """metafor's documentation: DerSimonian–Laird τ² .3088, log risk ratio −.7141 (.1787); Paule–Mandel τ² .3181."""
    ratios, variances = log_risks()
    one_step = pool(ratios, np.sqrt(variances), method="dersimonian_laird")
    assert (one_step.tau2, one_step.mean, one_step.error) == pytest.approx((0.3088, -0.7141, 0.1787), abs=5e-5)
    assert pool(ratios, np.sqrt(variances)).tau2 == pytest.approx(0.3181, abs=5e-5)


def test_heterogeneity_agrees_with_statsmodels() -> None:
    ratios, variances = log_risks()
    assert between(ratios, variances, "dersimonian_laird") == pytest.approx(
        combine_effects(ratios, variances, method_re="chi2").tau2, abs=EXACT
    )
    theirs = combine_effects(ratios, variances, method_re="iterated", atol=1e-13).tau2
    assert between(ratios, variances, "paule_mandel") == pytest.approx(theirs, abs=1e-8)


def test_the_batting_averages_of_efron_and_morris() -> None:
    """Efron & Morris 1975: 18 players after 45 at bats, arcsine scale; S = 18.96, shrinkage 15/18.96 = .791."""
    hits = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
    scores = math.sqrt(45) * np.arcsin(2 * hits / 45 - 1)
    assert float(np.sum((scores - scores.mean()) ** 2)) == pytest.approx(18.96, abs=0.05)
    found = pool(scores, np.ones(18))
    best = found.slices[0].estimate
    assert best is not None
    assert (scores[0] - best) / (scores[0] - found.mean) == pytest.approx(0.791, abs=0.003)


# ---------------------------------------------------------------------------------------------- rates


def test_the_corrected_rate_by_the_delta_method_is_truescores() -> None:
    asked_for = VALUES["binary"]
    counts = {name: asked_for[name] for name in ("flagged", "hits", "events", "passes", "clean")}
    ours = corrected_rate(**counts, n=400, level=0.9, adjusted=False)
    assert ours.estimate == pytest.approx(asked_for["truescore"]["estimate"], abs=EXACT)
    assert bounds(ours) == pytest.approx(asked_for["truescore"]["interval"], abs=EXACT)


def test_a_rate_in_one_stratum_is_jeffreys() -> None:
    events = np.array([1.0] * 7 + [0.0] * 33)
    one = np.zeros(40, dtype=np.int64)
    assert bounds(rate(events, one, np.zeros(500, dtype=np.int64), draws=200_000)) == pytest.approx(
        proportion_confint(7, 40, method="jeffreys"), abs=2e-3
    )


@pytest.mark.parametrize("plan", VALUES["plans"], ids=lambda plan: str(plan["labels"]))
def test_labels_needed_beside_a_judge_are_truescores(plan: dict[str, Any]) -> None:
    """Its half-width at two-sided 5 % is our distance at one-sided 2.5 % with power ½; correlation from sensitivity and specificity."""
    p, sensitivity = plan["rate"], plan["sensitivity"]
    flagged = p * sensitivity + (1 - p) * (1 - plan["specificity"])
    correlation = p * (sensitivity - flagged) / math.sqrt(p * (1 - p) * flagged * (1 - flagged))
    ours = labels_with_judge(math.sqrt(p * (1 - p)), correlation, plan["cases"], plan["half_width"], 0.025, power=0.5)
    assert ours == plan["labels"]


# ---------------------------------------------------------------------------------------------- paired tests


def test_mcnemar_is_that_of_mlflow_truescore_and_statsmodels() -> None:
    differences, found = np.array(VALUES["pairs"]["passes"]), VALUES["pairs"]
    better, worse = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    exact = mcnemar(differences).p_value
    assert found["mlflow mcnemar"] == ["mcnemar_exact", pytest.approx(exact, abs=EXACT)]
    assert exact == pytest.approx(found["truescore mcnemar exact"], abs=EXACT)
    assert exact == pytest.approx(statsmodels_mcnemar([[0, better], [worse, 0]], exact=True).pvalue, abs=EXACT)
    assert mcnemar(differences, mid=True).p_value == pytest.approx(found["truescore mcnemar mid-p"], abs=EXACT)


def test_wilcoxon_and_the_bootstrap_are_those_of_mlflow() -> None:
    scores, found = np.array(VALUES["pairs"]["scores"]), VALUES["pairs"]
    assert found["mlflow wilcoxon"] == ["wilcoxon_exact", pytest.approx(wilcoxon(scores).p_value, abs=EXACT)]
    assert bounds(bca(scores, resamples=10_000)) == pytest.approx(found["mlflow bca"], abs=EXACT)


def test_sign_flips_are_those_of_truescore_and_scipy() -> None:
    few = np.array(VALUES["pairs"]["few"])
    assert sign_flip(few).p_value == pytest.approx(VALUES["pairs"]["truescore permutation"], abs=EXACT)
    theirs = stats.permutation_test((few,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf)
    assert sign_flip(few, alternative="greater").p_value == pytest.approx(theirs.pvalue, abs=EXACT)


def test_the_paired_t_test_is_scipys() -> None:
    scores = np.array(VALUES["pairs"]["scores"])
    assert paired_t(scores, alternative="less").p_value == pytest.approx(stats.ttest_1samp(scores, 0, alternative="less").pvalue, abs=EXACT)


def test_tangos_bounds_are_where_the_likelihood_says_and_as_published() -> None:
    """The score statistic at each bound, with the restricted likelihood maximised numerically; and Agresti & Min 2005, approval of a prime
    minister (86 better, 150 worse of 1600): −.06 to −.02."""
    better, worse, n = 86, 150, 1600
    for bound, z in zip(bounds(tango(better, worse, n)), (1.959964, -1.959964), strict=True):

        def loss(q: float, delta: float = bound) -> float:
            return -(better * math.log(q + delta) + worse * math.log(q) + (n - better - worse) * math.log(1 - 2 * q - delta))

        q = optimize.minimize_scalar(
            loss, bounds=(max(0.0, -bound) + 1e-12, (1 - bound) / 2 - 1e-12), method="bounded", options={"xatol": 1e-13}
        ).x
        statistic = (better - worse - n * bound) / math.sqrt(n * (2 * q + bound * (1 - bound)))
        assert statistic == pytest.approx(z, abs=1e-5)
    assert bounds(tango(better, worse, n)) == pytest.approx((-0.06, -0.02), abs=0.005)


def test_corrections_for_many_tests_are_truescores() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert holm(p_values) == pytest.approx(VALUES["pairs"]["truescore holm"], abs=EXACT)
    assert benjamini_hochberg(p_values) == pytest.approx(VALUES["pairs"]["truescore benjamini_hochberg"], abs=EXACT)
