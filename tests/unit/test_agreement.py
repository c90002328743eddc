"""Agreement against published examples and the library; what permuting, renaming or lacking data may do to it."""

from __future__ import annotations

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import InputError
from evals.statistics import agreement
from evals.statistics.agreement import Kind, Question, Rated, agreements, per_question, rater_pairs
from evals.statistics.intervals import Interval
from evals.statistics.spans import Marked, span_iou

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", the example with missing data; also irrCAC's cac.raw4raters (Gwet 2014).
FOUR_RATERS = ("123321412...", "123322412533"[:10] + ".3", ".3332342251.", "12332441251.")
# irrCAC's cont3x3abstractors: 100 abstracts, two raters, counts by (first, second).
ABSTRACTORS = {("Ectopic", "Ectopic"): 13, ("AIU", "AIU"): 20, ("AIU", "NIU"): 7, ("NIU", "AIU"): 4, ("NIU", "NIU"): 56}
KINDS: tuple[Kind, ...] = ("nominal", "ordinal", "interval")


def four_raters() -> list[Rated]:
    return [Rated(f"unit {n:02}", f"rater {r}", label) for r, row in enumerate(FOUR_RATERS) for n, label in enumerate(row) if label != "."]


def random_ratings(seed: int, items: int = 30, raters: int = 4, labels: str = "1234") -> list[Rated]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(labels), size=items)
    return [
        Rated(f"i{i}", f"r{r}", labels[truth[i] if rng.random() < 0.7 else rng.integers(len(labels))], f"s{i % 7}")
        for i in range(items)
        for r in range(raters)
        if rng.random() < 0.8
    ]


def estimates(rated: list[Rated], scale: str = "12345", kind: Kind = "nominal") -> list[float | None]:
    return [one.interval.estimate for one in agreements(rated, tuple(scale), kind, draws=50)]


# ---------------------------------------------------------------------------------------------- published values


@pytest.mark.parametrize(("kind", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_krippendorffs_on_his_example(kind: Kind, value: float) -> None:
    alpha, _, _ = agreements(four_raters(), tuple("12345"), kind, draws=50)
    assert alpha.interval.estimate == pytest.approx(value, abs=5e-4)
    assert (alpha.interval.n, alpha.ratings, len(alpha.raters)) == (11, 40, 4)


def test_ac1_is_gwets_with_four_raters_and_gaps() -> None:
    _, ac1, raw = agreements(four_raters(), tuple("12345"), draws=50)
    assert ac1.interval.estimate == pytest.approx(0.77544, abs=5e-6)
    assert raw.interval.estimate == pytest.approx(0.8181818, abs=5e-8)


def test_ac1_is_gwets_with_two_raters() -> None:
    answers = [pair for pair, count in ABSTRACTORS.items() for _ in range(count)]
    rated = [Rated(f"a{n}", rater, label) for n, pair in enumerate(answers) for rater, label in zip("AB", pair, strict=True)]
    _, ac1, raw = agreements(rated, ("Ectopic", "AIU", "NIU"), draws=50)
    assert ac1.interval.estimate == pytest.approx(0.8493305, abs=5e-8)
    assert raw.interval.estimate == pytest.approx(0.89, abs=1e-12)


def test_an_item_rated_once_moves_the_prevalence_of_ac1_only() -> None:
    rated = random_ratings(1)
    more = [*rated, *(Rated(f"once {n}", "r0", "1") for n in range(20))]
    assert estimates(more)[0] == estimates(rated)[0] and estimates(more)[2] == estimates(rated)[2]
    assert estimates(more)[1] != estimates(rated)[1]


# ---------------------------------------------------------------------------------------------- the library, and what must not matter


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_draws_use_the_librarys_formula(kind: Kind, seed: int) -> None:
    table = agreement._table(random_ratings(seed), tuple("1234"))
    found = agreement._alpha(table, kind)
    assert found.estimate is not None
    assert found.value(found.sums.sum(axis=0)[None])[0] == pytest.approx(found.estimate, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_alpha_is_the_librarys_on_the_plain_matrix(kind: Kind) -> None:
    rated = random_ratings(3)
    matrix = np.full((4, 30), np.nan)
    for one in rated:
        matrix[int(one.rater[1:]), int(one.item[1:])] = int(one.label)
    assert estimates(rated, "1234", kind)[0] == pytest.approx(krippendorff.alpha(matrix, level_of_measurement=kind), abs=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_and_the_names_of_raters_do_not_matter(seed: int) -> None:
    rated = random_ratings(seed % 50)
    shuffled = [rated[n] for n in np.random.default_rng(seed).permutation(len(rated))]
    renamed = [one._replace(rater=f"z{9 - int(one.rater[1:])}") for one in shuffled]
    plain = [one.interval for one in agreements(rated, tuple("1234"), "ordinal", draws=50)]
    assert [one.interval for one in agreements(shuffled, tuple("1234"), "ordinal", draws=50)] == plain
    assert [one.interval for one in agreements(renamed, tuple("1234"), "ordinal", draws=50)] == plain


def test_reversing_an_ordered_scale_changes_nothing() -> None:
    rated = random_ratings(5)
    for kind in ("nominal", "ordinal"):
        assert estimates(rated, "4321", kind)[0] == pytest.approx(estimates(rated, "1234", kind)[0], abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_agreement_is_one_and_yet_not_proven(kind: Kind) -> None:
    rated = [Rated(f"i{n}", rater, str(n % 3)) for n in range(40) for rater in "ABC"]
    for one in agreements(rated, ("0", "1", "2"), kind):
        assert one.interval.estimate == pytest.approx(1.0)
        assert one.interval.low is not None and 0.7 < one.interval.low < 0.99
        assert one.interval.high == pytest.approx(1.0)


# ---------------------------------------------------------------------------------------------- intervals


def test_the_interval_covers_the_true_alpha() -> None:
    # Two raters, each right in 85 %, prevalence 30 %: observed disagreement 2·.85·.15, expected 2·p(1−p) with p the share of "1" they say.
    said = 0.3 * 0.85 + 0.7 * 0.15
    truth = 1 - 0.85 * 0.15 / (said * (1 - said))
    rng, covered, repetitions = np.random.default_rng(7), 0, 150
    for _ in range(repetitions):
        right = rng.random(40) < 0.3
        wrong = rng.random((2, 40)) < 0.15
        rated = [Rated(f"i{n}", f"r{r}", str(int(right[n] ^ wrong[r, n]))) for n in range(40) for r in range(2)]
        interval = agreements(rated, ("0", "1"), draws=300)[0].interval
        assert interval.low is not None and interval.high is not None
        covered += interval.low <= truth <= interval.high
    assert covered / repetitions >= 0.92


def test_items_of_one_source_are_not_independent() -> None:
    rated = random_ratings(2, items=60)
    alone = agreements([one._replace(source=None) for one in rated], tuple("1234"))[0].interval
    copied = [one._replace(item=f"{one.item} copy {n}", source=one.item) for one in rated for n in range(5)]
    together = agreements(copied, tuple("1234"))[0].interval
    apart = agreements([one._replace(source=None) for one in copied], tuple("1234"))[0].interval
    assert together.clusters == alone.clusters
    assert width(together) == pytest.approx(width(alone), rel=0.1)
    assert width(apart) < 0.6 * width(together)


def width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None
    return interval.high - interval.low


def test_the_same_seed_gives_the_same_interval() -> None:
    rated = random_ratings(4)
    assert agreements(rated, tuple("1234"), seed=1) == agreements(rated, tuple("1234"), seed=1)
    assert agreements(rated, tuple("1234"), seed=1) != agreements(rated, tuple("1234"), seed=2)


# ---------------------------------------------------------------------------------------------- nothing to say, and wrong input


@pytest.mark.parametrize(
    ("rated", "reason"),
    [
        ([], "0 raters: agreement needs two"),
        ([Rated("a", "Ann", "x"), Rated("b", "Ann", "y")], "1 rater: agreement needs two"),
        ([Rated("a", "Ann", "x"), Rated("b", "Bo", "y")], "no item was rated by two people"),
    ],
)
def test_without_two_raters_there_is_no_agreement(rated: list[Rated], reason: str) -> None:
    for one in agreements(rated, ("x", "y")):
        assert (one.interval.estimate, one.interval.low, one.interval.high) == (None, None, None)
        assert one.interval.reason == reason


def test_with_one_category_chance_corrected_agreement_is_not_defined() -> None:
    rated = [Rated(f"i{n}", rater, "grounded") for n in range(20) for rater in "AB"]
    alpha, ac1, raw = agreements(rated, ("grounded", "contradicted"))
    assert alpha.interval.estimate is None and ac1.interval.estimate is None
    assert "every rating is 'grounded'" in (alpha.interval.reason or "")
    assert raw.interval.estimate == 1.0 and (raw.interval.low or 1) < 0.95


def test_one_source_gives_an_estimate_and_no_interval() -> None:
    rated = [one._replace(source="the only text") for one in random_ratings(6)]
    interval = agreements(rated, tuple("1234"))[0].interval
    assert interval.estimate is not None and interval.low is None
    assert interval.reason == "one source: an interval needs two"


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="item a: Ann said 'z', which is not on the scale x, y"):
        agreements([Rated("a", "Ann", "z")], ("x", "y"))
    with pytest.raises(InputError, match="item a: Ann is counted twice"):
        agreements([Rated("a", "Ann", "x"), Rated("a", "Ann", "y")], ("x", "y"))
    with pytest.raises(InputError, match="an interval scale needs numbers: low, nan"):
        agreements([Rated("a", "Ann", "low"), Rated("a", "Bo", "nan")], ("low", "nan"), "interval")


def test_questions_and_languages_are_kept_apart() -> None:
    answers = {("stars", "ja"): random_ratings(8), ("stars", "pt"): random_ratings(9)}
    found = per_question(answers, {"stars": Question(("1", "2", "3", "4"), "ordinal")})
    assert list(found) == [("stars", "ja"), ("stars", "pt")]
    assert found["stars", "ja"] == agreements(answers["stars", "ja"], tuple("1234"), "ordinal")


def test_the_pair_matrix_names_who_shares_items_with_whom() -> None:
    rated = [Rated("a", "Cy", "x"), Rated("a", "Ann", "x"), Rated("b", "Cy", "x"), Rated("b", "Ann", "y"), Rated("c", "Bo", "x")]
    (pair,) = rater_pairs(rated)
    assert (pair.first, pair.second, pair.share.estimate, pair.share.n) == ("Ann", "Cy", 0.5, 2)


# ---------------------------------------------------------------------------------------------- spans


def test_span_overlap_is_counted_in_characters() -> None:
    marks = [Marked("a", "Ann", [(0, 10)]), Marked("a", "Bo", [(0, 5), (3, 5)]), Marked("a", "Cy", [])]
    assert span_iou(marks).interval.estimate == pytest.approx((0.5 + 0 + 0) / 3)
    assert span_iou(marks).raters == ("Ann", "Bo", "Cy")


def test_marking_nothing_together_is_agreement_and_not_proof() -> None:
    interval = span_iou([Marked(f"i{n}", rater, []) for n in range(20) for rater in "AB"]).interval
    assert interval.estimate == 1.0
    assert interval.low is not None and 0.7 < interval.low < 0.95


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_marks_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    marks = [Marked(f"i{i}", f"r{r}", [(int(start), int(start + 3))]) for i in range(12) for r, start in enumerate(rng.integers(0, 6, 3))]
    shuffled = [marks[n] for n in rng.permutation(len(marks))]
    assert span_iou(shuffled, draws=50) == span_iou(marks, draws=50)


def test_spans_that_are_none_are_refused_and_too_few_raters_say_so() -> None:
    with pytest.raises(InputError, match=r"item a: Ann marked \(5, 2\), which is no span"):
        span_iou([Marked("a", "Ann", [(5, 2)]), Marked("a", "Bo", [])])
    assert span_iou([Marked("a", "Ann", [(1, 2)])]).interval.reason == "1 rater: agreement needs two"
    assert not math.isnan(span_iou([Marked("a", "Ann", [(1, 1)]), Marked("a", "Bo", [])]).interval.estimate or 0.0)
