"""What is drawn for people, with which chance, and the plan that says how much."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from annotators.asking import budget, sampling
from annotators.asking.sampling import Candidate, Drawn, draw, uncertainty
from evals.errors import InputError, PolicyError

DOUBTS = st.lists(st.one_of(st.none(), st.floats(0, 1e6), st.sampled_from([0.0, 1.0, 1e-9])), min_size=1, max_size=25)
SHARES = st.floats(0.01, 1.0)


def cases(doubts: list[float | None], language: str = "ja") -> list[Candidate]:
    return [Candidate(f"{language}-{n:04}", language, doubt) for n, doubt in enumerate(doubts)]


def drawn(rows: list[Candidate], n: int, a: float = 0.5, seed: int = 0, already: dict[str, float] | None = None) -> dict[str, Drawn]:
    return draw(rows, {row.language: n for row in rows}, audit_share=a, seed=seed, experiment="x", already=already)


def skewed(count: int) -> list[float | None]:
    return [float(value) for value in np.random.default_rng(3).lognormal(0, 1.5, count)]


# ---------------------------------------------------------------------------------------------- the design


def every_chance(doubts: list[float | None], n: int, a: float) -> dict[str, float]:
    """Recorded chance of every case, put together from seeds: each case is drawn under some seed."""
    found: dict[str, float] = {}
    rows = cases(doubts)
    for seed in range(3000):
        found |= {key: row.probability for key, row in drawn(rows, n, a, seed).items()}
        if len(found) == len(rows):
            break
    return found


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=40), st.integers(1, 40), st.floats(0.1, 1.0))
def test_chances_sum_to_the_number_drawn_and_never_pass_the_limit(sizes: list[float], n: int, limit: float) -> None:
    count = min(n, math.floor(limit * len(sizes)))
    chances = sampling.probabilities(np.array(sorted(sizes, reverse=True)), count, limit)
    assert math.fsum(chances) == pytest.approx(count, rel=1e-9)
    assert np.all(chances <= limit) and np.all(np.diff(chances) <= 1e-12)


def test_chances_of_all_cases_sum_to_the_budget_with_certain_cases_among_them() -> None:
    doubts = [50.0, 20.0, *[1.0] * 6, 0.0, None]
    chances = every_chance(doubts, 5, 0.2)
    assert math.fsum(chances.values()) == pytest.approx(5, abs=1e-10)
    assert chances["ja-0000"] == 1.0 and min(chances.values()) >= 0.2 * 5 / 10


@given(DOUBTS, st.integers(1, 30), SHARES, st.integers(0, 3))
def test_the_number_drawn_is_exact_every_chance_is_above_the_floor_and_the_order_says_nothing(
    doubts: list[float | None], n: int, a: float, seed: int
) -> None:
    rows = cases(doubts)
    found = drawn(rows, n, a, seed)
    size = min(len(rows), max(sampling.MIN_CASES, n))
    assert len(found) == size
    assert all(a * size / len(rows) * (1 - 1e-9) <= row.probability <= 1 for row in found.values())
    assert found == drawn(rows[::-1], n, a, seed)
    assert all((row.why == "uncertain") == (row.probability > size / len(rows) * (1 + 1e-9)) for row in found.values())


@given(DOUBTS, st.integers(1, 25), st.integers(1, 25), SHARES)
def test_a_larger_budget_keeps_what_a_smaller_one_drew(doubts: list[float | None], few: int, more: int, a: float) -> None:
    rows = cases(doubts)
    first, second = drawn(rows, few, a), drawn(rows, few + more, a)
    assert first.keys() <= second.keys()
    assert all(second[key].probability >= first[key].probability * (1 - 1e-9) for key in first)
    assert drawn(rows, few + more, a, already={key: row.probability for key, row in first.items()}) == second


@pytest.mark.parametrize(("doubts", "a"), [([3.0] * 12, 0.1), ([None] * 12, 0.1), ([0.0] * 12, 0.1), (skewed(12), 1.0)])
def test_equal_doubt_or_an_audit_share_of_one_is_the_plain_random_audit(doubts: list[float | None], a: float) -> None:
    found = drawn(cases(doubts), 5, a)
    assert {row.why for row in found.values()} == {"random audit"}
    assert all(row.probability == pytest.approx(5 / 12, rel=1e-11) for row in found.values())


def test_a_case_that_no_judge_measured_counts_as_the_mean_of_its_language() -> None:
    with_none, with_mean = drawn(cases([1.0, 2.0, 6.0, None] * 3), 5), drawn(cases([1.0, 2.0, 6.0, 3.0] * 3), 5)
    assert with_none.keys() == with_mean.keys()
    assert all(row.probability == pytest.approx(with_mean[key].probability) for key, row in with_none.items())


def test_every_path_of_a_small_design_has_the_weight_it_should() -> None:
    """Sizes 3:1:1:1, whose choices all fall on sixths: every possible draw, counted."""
    sizes = np.array([3.0, 1.0, 1.0, 1.0]) / 6
    steps = [(n + 0.5) / 6 for n in range(6)]
    for size, expected in ((1, [Fraction(1, 2)] + [Fraction(1, 6)] * 3), (2, [Fraction(1)] + [Fraction(1, 3)] * 3)):
        counts: Counter[int] = Counter()
        for path in itertools.product(steps, repeat=3):
            counts.update(sampling._order(sizes, lambda k, path=path: path[k - 1] if k else 0.0)[:size])
        exact = [Fraction(counts[i], 6**3) for i in range(4)]
        assert exact == expected
        assert sampling.probabilities(sizes, size) == pytest.approx([float(p) for p in expected], abs=1e-12)


def test_another_seed_or_experiment_draws_others_and_languages_do_not_touch_each_other() -> None:
    rows = cases(skewed(40))
    base = drawn(rows, 10)
    assert base.keys() != drawn(rows, 10, seed=1).keys()
    assert base.keys() != draw(rows, {"ja": 10}, audit_share=0.5, seed=0, experiment="y").keys()
    both = draw([*rows, *cases(skewed(7), "ar")], {"ja": 10, "ar": 3}, audit_share=0.5, seed=0, experiment="x")
    assert {key: row for key, row in both.items() if key in base} == base and len(both) == 13


def test_a_language_without_a_budget_is_left_alone_and_a_tiny_one_gets_two_cases() -> None:
    rows = [*cases(skewed(9)), *cases(skewed(9), "ar"), *cases(skewed(9), "de"), *cases([1.0], "hi")]
    found = draw(rows, {"ja": 1, "ar": 0, "hi": 5}, audit_share=0.5, seed=0, experiment="x")
    assert Counter(key[:2] for key in found) == {"ja": 2, "hi": 1}
    assert found["hi-0000"] == Drawn("random audit", 1.0)


def test_a_budget_for_everything_draws_everything_for_certain() -> None:
    found = drawn(cases(skewed(7)), 100)
    assert len(found) == 7 and {row.probability for row in found.values()} == {1.0}


# ---------------------------------------------------------------------------------------------- topping up


@given(st.lists(st.floats(0, 100), min_size=4, max_size=25), st.integers(2, 12), st.integers(1, 12), SHARES, st.integers(0, 3))
def test_a_top_up_under_other_doubts_keeps_the_old_cases_the_number_and_the_floor(
    doubts: list[float], few: int, more: int, a: float, seed: int
) -> None:
    first = drawn(cases([None] * len(doubts)), few, a, seed)
    again = drawn(cases(list(doubts)), few + more, a, seed, {key: row.probability for key, row in first.items()})
    size = min(len(doubts), few + more)
    assert len(again) == size and first.keys() <= again.keys()
    assert all(a * size / len(doubts) * (1 - 1e-9) <= row.probability <= 1 for row in again.values())
    assert all(again[key].probability >= row.probability * (1 - 1e-9) for key, row in first.items())


def test_a_top_up_at_random_of_a_random_audit_is_a_random_audit() -> None:
    rows = cases([None] * 30)
    first = drawn(rows, 6, seed=1)  # under another seed: not the beginning of the second draw
    again = drawn(rows, 15, seed=2, already={key: row.probability for key, row in first.items()})
    assert first.keys() <= again.keys() and len(again) == 15
    assert all(row == Drawn("random audit", pytest.approx(0.5)) for row in again.values())


def test_asking_again_for_no_more_than_was_drawn_changes_nothing() -> None:
    first = drawn(cases([None] * 20), 8)
    already = {key: row.probability for key, row in first.items()}
    for wanted in (0, 3, 8):
        again = drawn(cases(skewed(20)), wanted, already=already)
        assert {key: row.probability for key, row in again.items()} == already


# ---------------------------------------------------------------------------------------------- refusals, doubt


@pytest.mark.parametrize(
    ("rows", "budget_of", "a", "already", "message"),
    [
        ([1.0], 1, 0.0, {}, r"audit share 0.0 must be in \(0, 1\]"),
        ([1.0], 1, math.nan, {}, "audit share nan"),
        ([1.0], -1, 0.5, {}, "budget -1 of 'ja' is negative"),
        ([-0.1], 1, 0.5, {}, "uncertainty -0.1 of case 'ja-0000'"),
        ([math.nan], 1, 0.5, {}, "uncertainty nan of case 'ja-0000'"),
        ([math.inf], 1, 0.5, {}, "uncertainty inf of case 'ja-0000'"),
        ([1.0], 1, 0.5, {"ko-1": 0.5}, "case 'ko-1' was drawn before and is not among the candidates"),
        ([1.0], 1, 0.5, {"ja-0000": 0.0}, r"probability 0.0 of case 'ja-0000' is not in \(0, 1\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(
    rows: list[float | None], budget_of: int, a: float, already: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        drawn(cases(rows), budget_of, a, already=already)


def test_a_case_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="'ja-0000' stands twice"):
        drawn(cases([1.0]) * 2, 1)


def test_doubt_grows_with_unsure_claims_and_with_the_difference_and_falls_with_more_claims() -> None:
    assert uncertainty([0.5], [1.0]) > uncertainty([0.9], [1.0]) > uncertainty([1.0], [1.0])
    assert uncertainty([1.0, 0.0], [1.0, 1.0]) > uncertainty([1.0, 1.0], [1.0, 1.0])
    assert uncertainty([0.5] * 2, [0.5] * 2) > uncertainty([0.5] * 8, [0.5] * 8) > 0
    assert uncertainty([], [0.5]) == pytest.approx(math.sqrt(0.25 + 0.25)) and uncertainty([], []) == 0.0
    assert uncertainty([0.2, 0.9], [0.4]) == uncertainty([0.4], [0.9, 0.2])


@given(st.lists(st.floats(0, 1), max_size=12), st.lists(st.floats(0, 1), max_size=12))
def test_doubt_is_a_finite_number_of_at_least_zero(champion: list[float], candidate: list[float]) -> None:
    assert 0 <= uncertainty(champion, candidate) <= math.sqrt(1.5)


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(InputError, match="is not a probability"):
        uncertainty([0.5, score], [1.0])


# ---------------------------------------------------------------------------------------------- the plan


def write(tmp_path: Path, change: str = "", to: str = "") -> Path:
    path = tmp_path / "plan.yaml"
    text = budget.PLAN.read_text(encoding="utf-8")
    assert change in text
    path.write_text(text.replace(change, to, 1) if change else text, encoding="utf-8")
    return path


def test_the_shipped_plan_has_every_rubric_is_explained_and_its_schema_is_one() -> None:
    plan = budget.load_plan()
    both = {"claim-v2", "failures-v1", "preference-v1", "rewrite-v1", "adjudication-v1"}
    assert {rubric for feature, rubric in plan.queues if feature == "highlights"} == both
    assert {rubric for feature, rubric in plan.queues if feature == "assistant"} == both | {"citation-v1"}
    assert budget.PLAN.read_text(encoding="utf-8").count("#") > 15
    Draft202012Validator.check_schema(budget.schema())
    Draft202012Validator(budget.schema()).validate(yaml.safe_load(budget.PLAN.read_text(encoding="utf-8")))


def test_a_demo_of_twelve_cases_a_language_fits_into_a_week() -> None:
    plan = budget.load_plan()
    assert all(budget.remaining(plan, feature, rubric, "ja", 0) >= 10 for feature, rubric in plan.queues)
    assert budget.remaining(plan, "highlights", "claim-v2", "ja", 12) >= 12


def test_a_language_may_have_a_budget_of_its_own_and_what_is_drawn_is_taken_off(tmp_path: Path) -> None:
    plan = budget.load_plan(write(tmp_path, "{default: 40}", '{default: 40, ja: 55, "no": 3}'))
    left = [budget.remaining(plan, "highlights", "claim-v2", tag, 5) for tag in ("ja", "no", "de")]
    assert left == [50, 0, 35]


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("{default: 40}", "{default: 40, no: 3}", r'the key False is not a text .*quotes: "no"'),
        ("{default: 40}", "{default: 40, ja: 3, ja: 4}", "the key 'ja' stands twice"),
        ("{default: 40}", "{default: 40, xx: 3}", r"defaults\.cases_per_week: .*'xx' was unexpected"),
        ("{default: 40}", "{ja: 3}", r"defaults\.cases_per_week: 'default' is a required property"),
        ("{default: 40}", "{default: -1}", r"defaults\.cases_per_week\.default: -1 is less than the minimum of 0"),
        ("overlap: 1", "overlap: true", r"defaults\.overlap: True is not of type 'integer'"),
        ("overlap: 1", "overlaps: 1", r"defaults: .*'overlaps' was unexpected"),
        ("overlap: 1", "", r"defaults: 'overlap' is a required property"),
        ("service_level_h: 72", "service_level_h: .nan", "not plain JSON values"),
        ("audit_share: 0.7", "audit_share: 0", r"defaults\.audit_share: 0 is less than or equal to the minimum of 0"),
        ("gold_every: 20", "gold_every: 1", r"queues\.highlights\.claim-v2\.gold_every: 1 should not be valid"),
        ("citation-v1: {}", "citation-v1: 5", r"queues\.assistant\.citation-v1: 5 is not of type 'object'"),
        ("citation-v1: {}", "Citations: {}", r"queues\.assistant: .*'Citations'"),
        ("  assistant:", "  listing:", r"queues: .*'listing' was unexpected"),
        ("version: 1", "version: 2", "version: 1 was expected"),
        ("version: 1", "version: [", "not YAML"),
    ],
)
def test_a_wrong_plan_is_refused_with_file_key_and_value(tmp_path: Path, change: str, to: str, message: str) -> None:
    with pytest.raises(PolicyError, match=rf"plan\.yaml: (.|\n)*{message}"):
        budget.load_plan(write(tmp_path, change, to))


def test_a_plan_that_is_not_there_and_a_queue_that_is_not_in_it_are_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read"):
        budget.load_plan(tmp_path / "none.yaml")
    with pytest.raises(PolicyError, match=r"labelling\.yaml: queues\.highlights\.claim-v1 is missing; the plan has highlights/claim-v2"):
        budget.load_plan().queue("highlights", "claim-v1")


def test_two_plans_that_say_the_same_have_one_name_and_a_change_gives_another(tmp_path: Path) -> None:
    same = budget.load_plan(write(tmp_path, "# How much", "# How very much"))
    assert same.sha256 == budget.load_plan().sha256
    assert budget.load_plan(write(tmp_path, "overlap: 1", "overlap: 2")).sha256 != same.sha256


@pytest.mark.parametrize("now", ["yesterday", "2026-11-20T09:00:00", ""])
def test_a_time_without_a_zone_has_no_week(now: str) -> None:
    with pytest.raises(InputError):
        budget.week_of(now)
