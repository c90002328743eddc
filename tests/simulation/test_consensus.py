"""Consensus: what the rule chooses, that it recovers the truth, that ties stay ties, and that nothing depends on order."""

from __future__ import annotations

import sys
import warnings
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import InputError, SetupError
from evals.statistics import calibration
from evals.statistics.agreement import Rated
from evals.statistics.consensus import Consensus, Method, Shape, choose_method, consensus, posteriors, shape_of, shared_accuracy, spread_of


def world(
    seed: int, items: int, raters: int, per_item: int, classes: int, rare: float, commonest: float, spammers: float = 0.0
) -> tuple[list[Rated], dict[str, str]]:
    """Raters who are right in 80 to 95 % of the commonest class and about `rare` of the others; some always answer by habit."""
    rng = np.random.default_rng(seed)
    prior = np.array([commonest] + [(1 - commonest) / (classes - 1)] * (classes - 1))
    truth = rng.choice(classes, items, p=prior)
    skill = np.column_stack([rng.uniform(0.8, 0.95, raters), *rng.uniform(rare - 0.1, rare + 0.1, (classes - 1, raters))])
    habit = np.arange(raters) < spammers * raters
    rated = []
    for item in range(items):
        for rater in rng.choice(raters, per_item, replace=False):
            right = not habit[rater] and rng.random() < skill[rater, truth[item]]
            others = [label for label in range(classes) if label != truth[item]]
            label = truth[item] if right else rng.choice(classes, p=prior) if habit[rater] else rng.choice(others)
            rated.append(Rated(f"i{item:04}", f"r{rater:03}", str(label)))
    return rated, {f"i{item:04}": str(label) for item, label in enumerate(truth)}


def accuracy(found: dict[str, Consensus] | object, gold: dict[str, str]) -> float:
    assert isinstance(found, dict)
    return sum(
        float(found[item].label == label) if found[item].label is not None else (label in found[item].tied) / len(found[item].tied)
        for item, label in gold.items()
    ) / len(gold)


def scale(classes: int) -> tuple[str, ...]:
    return tuple(map(str, range(classes)))


# ---------------------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("shape", "method"),
    [
        (Shape(181, 352, 1018, 5, 0.34, 1.4), "majority"),  # crowd_act cf: 3 labels a rater; Dawid–Skene loses 11 points
        (Shape(181, 106, 3633, 5, 0.30, 3.5), "one_coin"),  # cf_amt
        (Shape(425, 44, 1819, 10, 0.14, 21.2), "one_coin"),  # ms
        (Shape(5052, 176, 15156, 2, 0.80, 17.3), "dawid_skene"),  # crowd_product
        (Shape(2991, 203, 16647, 2, 0.53, 9.9), "dawid_skene"),  # sp
        (Shape(299, 139, 5980, 2, 0.51, 4.1), "majority"),  # sp_amt
        (Shape(437, 122, 1311, 2, 0.70, 1.4), "majority"),  # qags
        (Shape(5052, 176, 15156, 2, 0.80, 1.2), "majority"),  # raters who differ by chance only
        (Shape(1000, 3, 3000, 4, 0.30, 9.0), "majority"),  # three people know each other's work well: still too few to model
        (Shape(5000, 60, 10000, 2, 0.50, 9.0), "majority"),  # two raters an item, two classes
        (Shape(300, 30, 600, 6, 0.25, 5.0), "one_coin"),  # two raters an item, many classes: skill breaks the ties
        (Shape(500, 30, 600, 6, 0.25, 5.0), "majority"),  # hardly two
        (Shape(100, 50, 5000, 1, 1.00, 1.0), "majority"),
        (Shape(0, 0, 0, 0, 0.0, 1.0), "majority"),
    ],
)
def test_the_rule_chooses_by_the_shape_of_the_data(shape: Shape, method: Method) -> None:
    assert choose_method(shape)[0] == method


@pytest.mark.parametrize(
    ("expected", "setting"),
    [
        ("dawid_skene", (1000, 50, 3, 2, 0.87, 0.6, 0.4)),
        ("one_coin", (150, 15, 3, 5, 0.7, 0.3, 0.3)),
        ("majority", (1000, 50, 3, 2, 0.65, 0.6, 0.0)),
        ("majority", (150, 90, 3, 4, 0.6, 0.6, 0.0)),
    ],
)
def test_the_rule_recovers_the_truth_at_least_as_well_as_majority(
    expected: Method, setting: tuple[int, int, int, int, float, float]
) -> None:
    gains = []
    for seed in range(2):
        rated, gold = world(seed, *setting)
        result = consensus(rated, scale(setting[3]))
        assert result.method == expected
        gains.append(accuracy(result.items, gold) - accuracy(consensus(rated, scale(setting[3]), method="majority").items, gold))
    assert sum(gains) >= 0 and min(gains) >= -0.01


@pytest.mark.parametrize("setting", [(150, 90, 3, 4, 0.6, 0.6), (1000, 50, 3, 2, 0.65, 0.6)])
def test_dawid_skene_is_not_used_where_it_loses(setting: tuple[int, int, int, int, float, float]) -> None:
    rated, gold = world(1, *setting)
    classes = setting[3]
    assert accuracy(consensus(rated, scale(classes), method="dawid_skene").items, gold) < accuracy(
        consensus(rated, scale(classes)).items, gold
    )


def test_spread_is_one_where_raters_are_alike_and_grows_with_careless_ones() -> None:
    alike, mixed = (spread_of(world(2, 600, 30, 3, 2, 0.875, 0.5, share)[0]) for share in (0.0, 0.3))
    assert 0.5 < alike < 2.0 < mixed
    assert spread_of([Rated("a", "Ann", "x")]) == spread_of([]) == 1.0


# ---------------------------------------------------------------------------------------------- majority


def test_a_tie_is_no_label_and_goes_to_an_expert() -> None:
    one = consensus([Rated("a", "Bo", "no"), Rated("a", "Ann", "yes")], ("yes", "no", "maybe")).items["a"]
    assert (one.label, one.tied, one.votes) == (None, ("yes", "no"), (("Ann", "yes"), ("Bo", "no")))
    assert one.disputed(below=0.0)


def test_an_agreed_item_is_not_disputed_and_a_doubtful_one_is() -> None:
    rated = [Rated(f"i{n}", rater, "yes") for n in range(30) for rater in "ABC"]
    rated += [Rated("odd", "A", "yes"), Rated("odd", "B", "yes"), Rated("odd", "C", "no")]
    found = consensus(rated, ("yes", "no")).items
    assert not found["i0"].disputed()
    assert found["odd"].label == "yes" and found["odd"].disputed(below=0.99)
    assert (found["i0"].probability or 0) > (found["odd"].probability or 1)


def test_where_nobody_shares_an_item_there_is_no_probability() -> None:
    one = consensus([Rated("a", "Ann", "x"), Rated("b", "Bo", "y")], ("x", "y")).items["a"]
    assert (one.label, one.probability, dict(one.probabilities)) == ("x", None, {})


@pytest.mark.parametrize("classes", [2, 4])
def test_shared_accuracy_is_found_from_agreement_alone(classes: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(classes, size=4000)
    votes = [
        {f"r{r}": str(t if rng.random() < 0.85 else (t + rng.integers(1, classes)) % classes) for r in range(3)} for t in map(int, truth)
    ]
    assert shared_accuracy(votes, classes) == pytest.approx(0.85, abs=0.015)


def test_the_majoritys_probability_is_right_where_its_assumptions_are() -> None:
    rng = np.random.default_rng(1)
    rated, gold = [], {}
    for item in range(1500):
        truth = int(rng.integers(2))
        gold[f"i{item}"] = str(truth)
        rated += [Rated(f"i{item}", f"r{r}", str(truth if rng.random() < 0.8 else 1 - truth)) for r in range(3)]
    found = consensus(rated, ("0", "1")).items
    split = [one for one in found.values() if len({label for _, label in one.votes}) == 2]
    for group in (split, [one for one in found.values() if one not in split]):
        said = float(np.mean([one.probability for one in group]))
        assert said == pytest.approx(float(np.mean([one.label == gold[one.item] for one in group])), abs=0.03)


# ---------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("method", get_args(Method))
def test_order_does_not_matter_and_twice_is_the_same(method: Method) -> None:
    rated, _ = world(4, 12, 4, 3, 3, 0.7, 0.5)
    shuffled = [rated[n] for n in np.random.default_rng(0).permutation(len(rated))]
    assert consensus(rated, scale(3), method=method) == consensus(shuffled, scale(3), method=method)


@pytest.mark.parametrize("method", ["dawid_skene", "one_coin", "mace"])
def test_models_are_crowd_kits_and_restarts_of_mace_change_nothing(method: Method) -> None:
    import pandas
    from crowdkit.aggregation import MACE, DawidSkene, OneCoinDawidSkene

    rated, _ = world(5, 12, 4, 3, 3, 0.7, 0.5)
    frame = pandas.DataFrame([(one.item, one.rater, one.label) for one in sorted(rated)], columns=["task", "worker", "label"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models: dict[str, Any] = {"dawid_skene": DawidSkene(), "one_coin": OneCoinDawidSkene(), "mace": MACE(n_restarts=2)}
        theirs = models[method].fit_predict_proba(frame)
    ours = posteriors(method, rated)
    assert max(abs(ours[item][label] - theirs.at[item, label]) for item in ours for label in ours[item]) < 1e-9


@pytest.mark.parametrize("method", get_args(Method))
def test_probabilities_cover_the_scale_and_sum_to_one(method: Method) -> None:
    rated, _ = world(6, 12, 4, 3, 3, 0.7, 0.5)
    for one in consensus(rated, (*scale(3), "never said"), method=method).items.values():
        assert set(one.probabilities) == {"0", "1", "2", "never said"}
        assert sum(one.probabilities.values()) == pytest.approx(1.0)
        assert one.probability == max(one.probabilities.values())


def test_a_model_asked_for_with_one_label_in_use_is_the_majority() -> None:
    result = consensus([Rated("a", "Ann", "x"), Rated("a", "Bo", "x")], ("x", "y"), method="one_coin")
    assert (result.method, result.items["a"].label) == ("majority", "x")


def test_without_crowd_kit_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(SetupError, match=r"plumbline\[consensus\]"):
        posteriors("mace", [Rated("a", "Ann", "x")])


# ---------------------------------------------------------------------------------------------- how sure


def test_gold_makes_probabilities_honest_and_leaves_labels() -> None:
    rated, gold = world(7, 300, 20, 3, 2, 0.6, 0.7)
    known, unseen = dict(sorted(gold.items())[::2]), dict(sorted(gold.items())[1::2])
    plain, checked = consensus(rated, scale(2), method="one_coin"), consensus(rated, scale(2), method="one_coin", gold=known)
    assert plain.calibration is None and checked.calibration is not None and checked.calibration.gold == 150
    assert {item: one.label for item, one in plain.items.items()} == {item: one.label for item, one in checked.items.items()}
    right = accuracy(checked.items, unseen)
    gaps = [abs(float(np.mean([found.items[item].probability for item in unseen])) - right) for found in (plain, checked)]
    assert gaps[1] < 0.05 < gaps[0]


def test_little_gold_calibrates_nothing_and_strange_gold_is_refused() -> None:
    rated, gold = world(8, 100, 8, 3, 2, 0.7, 0.6)
    few = dict(list(gold.items())[: calibration.MIN_GOLD - 1])
    assert consensus(rated, scale(2), gold=few).calibration is None
    with pytest.raises(InputError, match="item i0003: the gold label 'maybe' is not on the scale 0, 1"):
        consensus(rated, scale(2), gold={**gold, "i0003": "maybe"})


# ---------------------------------------------------------------------------------------------- input


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="item a: Ann said 'z', which is not on the scale x, y"):
        consensus([Rated("a", "Ann", "z")], ("x", "y"))
    with pytest.raises(InputError, match="item a: Ann is counted twice"):
        consensus([Rated("a", "Ann", "x"), Rated("a", "Ann", "y")], ("x", "y"))


def test_nobody_said_anything() -> None:
    result = consensus([], ("x", "y"))
    assert (result.method, result.reason, dict(result.items)) == ("majority", "nobody said anything", {})


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.sampled_from("xyz")), max_size=30, unique_by=lambda t: t[:2]))
@settings(max_examples=60, deadline=None)
def test_any_names_are_names(rows: list[tuple[str, str, str]]) -> None:
    rated = [Rated(*row) for row in rows]
    result = consensus(rated, tuple("xyz"))
    assert set(result.items) == {one.item for one in rated}
    assert sum(len(one.votes) for one in result.items.values()) == len(rated)
    assert all((one.label is None) == bool(one.tied) for one in result.items.values())
    assert shape_of(rated).labels == len(rated)
