"""The quality of people: what is shown, what is only worth a look, and what too few labels cannot say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from annotators.raters.anchors import Anchored, shift
from annotators.raters.quality import Judgement, Limits, drift, on_controls, on_gold, peer_agreement, speeds, standings
from evals.errors import InputError
from evals.statistics.intervals import clopper_pearson, jeffreys

QUEUE = "highlights/ja/claims"
WORTH = {"grounded": 1.0, "unsupported": 0.0}


def labelled(name: str, right: Sequence[bool], seconds: Sequence[float] | None = None, queue: str = QUEUE) -> list[Judgement]:
    """One annotator on items whose truth is "yes"."""
    return [
        Judgement(name, f"{queue} {n:04}", "yes" if one else "no", queue, f"2026-11-01T{n:06}", seconds[n] if seconds else None)
        for n, one in enumerate(right)
    ]


def gold(count: int, queue: str = QUEUE) -> dict[str, str]:
    return {f"{queue} {n:04}": "yes" for n in range(count)}


def mostly(share: float, count: int, seed: int) -> list[bool]:
    return list(np.random.default_rng(seed).random(count) < share)


# ---------------------------------------------------------------------------------------------- gold and controls


def test_accuracy_on_gold_has_the_exact_interval() -> None:
    found = on_gold(labelled("Ann", [True] * 17 + [False] * 3), gold(20))
    assert found == clopper_pearson(17, 20)
    narrower = jeffreys(17, 20)
    assert found.low is not None and narrower.low is not None and found.low < narrower.low


def test_only_shown_inaccuracy_pauses() -> None:
    said = labelled("bad", [True] * 8 + [False] * 12) + labelled("doubtful", [True] * 14 + [False] * 6) + labelled("good", [True] * 20)
    found = standings(said, gold(20))
    assert {name: one.verdict for name, one in found.items()} == {"bad": "pause", "doubtful": "watch", "good": "ok"}
    assert found["bad"].reasons == ("8 of 20 gold items right: shown to be under 75%",)
    assert found["doubtful"].reasons == ("14 of 20 gold items right, under 75%",)


def test_too_little_gold_is_no_verdict_and_says_so() -> None:
    found = standings(labelled("Ann", [True] * 9), gold(9))["Ann"]
    assert (found.verdict, found.reasons) == (None, ("9 of 10 gold items, 0 of 10 controls",))
    assert found.drift.reason == "9 of 40 gold items"
    assert found.speed[0].reason == "no time was measured"


def test_good_people_are_hardly_ever_paused() -> None:
    # 85 % right where 75 % is asked for: the exact interval's upper bound falls under the floor in about 1 of 1000 at most.
    for n in (10, 20, 50):
        pausing = [k for k in range(n + 1) if (clopper_pearson(k, n).high or 0) < Limits().gold_floor]
        assert stats.binom.cdf(max(pausing), n, 0.85) < 0.0015


def test_controls_count_pairs_put_in_the_right_order() -> None:
    said = []
    for n in range(12):
        original = "grounded" if n < 10 else "unsupported"
        said.append(Judgement("Ann", f"o{n}", original, QUEUE, "1"))
        said.append(Judgement("Ann", f"d{n}", "unsupported" if n != 1 else "not_checkable", QUEUE, "2"))
    pairs = [(f"o{n}", f"d{n}") for n in range(12)]
    found = on_controls(said, pairs, WORTH)
    assert found.n == 11 and found.estimate == pytest.approx(9 / 11)
    standing = standings(said, {}, controls=pairs, worth=WORTH)["Ann"]
    assert standing.verdict == "ok" and standing.reasons == ("9 of 11 controls in the right order",)


def test_someone_who_says_the_same_of_everything_fails_the_controls() -> None:
    said = [Judgement("Ann", f"{side}{n}", "grounded", QUEUE, "1") for n in range(10) for side in "od"]
    found = standings(said, {}, controls=[(f"o{n}", f"d{n}") for n in range(10)], worth=WORTH)["Ann"]
    assert found.verdict == "pause"


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="what a label is worth"):
        standings([], {}, controls=[("a", "b")])
    twice = [Judgement("Ann", "a", "yes", QUEUE, "1"), Judgement("Ann", "a", "no", QUEUE, "2")]
    with pytest.raises(InputError, match="item a: Ann is counted twice"):
        standings(twice, {})


# ---------------------------------------------------------------------------------------------- peers


def test_someone_who_guesses_stands_out_beside_their_peers_and_is_only_watched() -> None:
    said = [one for seed, name in enumerate(("Ann", "Bo", "Cy")) for one in labelled(name, mostly(0.92, 120, seed))]
    said += labelled("Guess", mostly(0.5, 120, 9))
    found = standings(said, {})
    assert found["Guess"].verdict == "watch"
    assert [found[name].verdict for name in ("Ann", "Bo", "Cy")] == [None, None, None]
    assert "agrees with the others in" in found["Guess"].reasons[0]


def test_two_people_cannot_be_told_apart_by_each_other() -> None:
    peers = peer_agreement(labelled("Ann", mostly(0.95, 80, 1)) + labelled("Guess", mostly(0.5, 80, 2)))
    assert peers["Ann"][0].share == peers["Guess"][0].share
    assert peers["Ann"][0].p == peers["Guess"][0].p and (peers["Ann"][0].p or 0) > 0.3


def test_an_item_on_which_the_others_are_tied_says_nothing() -> None:
    said = [Judgement(name, "a", label, QUEUE, "1") for name, label in (("Ann", "yes"), ("Bo", "yes"), ("Cy", "no"))]
    found = peer_agreement(said)
    assert (found["Ann"][0].share.n, found["Cy"][0].share.n, found["Cy"][0].share.estimate) == (0, 1, 0.0)
    assert found["Cy"][0].reason == "1 of 20 items that others decided too"


def test_queues_are_compared_within_themselves() -> None:
    hard, easy = "highlights/de/claims", "highlights/hi/claims"
    said = [one for seed, name in enumerate("ABC") for one in labelled(name, mostly(0.6, 60, seed), queue=hard)]
    said += [one for seed, name in enumerate("DEF") for one in labelled(name, mostly(0.98, 60, seed), queue=easy)]
    assert all(one.verdict is None for one in standings(said, {}).values())


# ---------------------------------------------------------------------------------------------- speed


def human_times(count: int, seed: int, median: float = 15.0) -> list[float]:
    return list(np.random.default_rng(seed).lognormal(np.log(median), 0.6, count))


def test_clicking_through_is_seen_and_reading_fast_is_not() -> None:
    said = [one for seed, name in enumerate(("Ann", "Bo")) for one in labelled(name, [True] * 60, human_times(60, seed))]
    said += labelled("Quick", [True] * 60, human_times(60, 7, median=9.0))
    said += labelled("Clicks", [True] * 60, [1.0] * 20 + human_times(40, 8))
    found = speeds(said)
    assert {name: one[0].too_fast for name, one in found.items()} == {"Ann": False, "Bo": False, "Quick": False, "Clicks": True}
    assert standings(said, gold(60))["Clicks"].verdict == "watch"


def test_a_script_beside_one_person_does_not_make_the_person_fast() -> None:
    found = speeds(labelled("Ann", [True] * 60, human_times(60, 1)) + labelled("script", [True] * 60, [0.5] * 60))
    assert found["Ann"][0].too_fast is False and found["script"][0].too_fast is True


def test_times_that_are_none_are_not_counted() -> None:
    odd = [float("nan"), float("inf"), 0.0, -3.0] * 5
    found = speeds(labelled("Ann", [True] * 20, odd) + labelled("Bo", [True] * 40, human_times(40, 1)))
    assert found["Ann"][0].reason == "no time was measured" and found["Ann"][0].too_fast is None
    assert found["Bo"][0].reason == "0 of 30 times of others to compare with"


# ---------------------------------------------------------------------------------------------- drift


def test_a_fall_in_accuracy_is_seen_with_fishers_exact_p() -> None:
    right = [True] * 55 + [False] * 5 + [True] * 10 + [False] * 10
    found = drift([(f"{n:03}", one) for n, one in enumerate(right)])
    exact = stats.fisher_exact([[10, 10], [55, 5]], alternative="less").pvalue
    assert found.p == pytest.approx(exact, abs=1e-12) and exact < 0.01
    assert (found.recent.estimate, found.rolling[-1]) == (0.5, ("079", 0.5))
    standing = standings(labelled("Ann", right), gold(80))["Ann"]
    assert standing.verdict == "watch" and standing.reasons == ("gold: 50% of the last 20, 92% before",)


def test_steady_people_do_not_drift() -> None:
    alarms = [drift([(f"{n:03}", one) for n, one in enumerate(mostly(0.85, 80, seed))]).p or 0.0 for seed in range(300)]
    assert sum(p < Limits().alarm for p in alarms) <= 6


# ---------------------------------------------------------------------------------------------- all


@given(st.integers(0, 500))
@settings(max_examples=10, deadline=None)
def test_the_order_of_judgements_does_not_matter(seed: int) -> None:
    said = [one for n, name in enumerate("ABC") for one in labelled(name, mostly(0.8, 50, n), human_times(50, n))]
    shuffled = [said[n] for n in np.random.default_rng(seed).permutation(len(said))]
    assert standings(shuffled, gold(50)) == standings(said, gold(50))


# ---------------------------------------------------------------------------------------------- anchors


def anchors(first: float, second: float, count: int = 60, noise: float = 0.5, seed: int = 0) -> list[Anchored]:
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        level = rng.uniform(2, 4)
        for group, bias in (("ja", first), ("pt", second)):
            for rater in (1, 2):
                score = min(5.0, max(1.0, level + bias + rng.normal(0, noise)))
                found.append(Anchored(f"a{n:03}", group, f"{group}-{rater}", score))
    return found


def test_the_same_scale_is_comparable_and_a_stricter_one_is_not() -> None:
    same = shift(anchors(0, 0), "ja", "pt", lowest=1, highest=5, margin=0.5)
    strict = shift(anchors(-1, 0, count=150), "ja", "pt", lowest=1, highest=5, margin=0.5)
    few = shift(anchors(-0.5, 0, count=6), "ja", "pt", lowest=1, highest=5, margin=0.5)
    assert (same.comparable, strict.comparable, few.comparable) == (True, False, None)
    assert strict.interval.estimate == pytest.approx(-1, abs=0.2)


def test_turning_the_groups_around_turns_the_sign() -> None:
    there, back = (shift(anchors(-0.4, 0), *pair, lowest=1, highest=5, margin=0.5) for pair in (("ja", "pt"), ("pt", "ja")))
    assert there.interval.estimate == pytest.approx(-(back.interval.estimate or 0))
    assert there.interval.low == pytest.approx(-(back.interval.high or 0), abs=0.05)


def test_one_rater_cannot_be_told_from_their_language() -> None:
    alone = [one for one in anchors(-1, 0) if one.rater != "ja-2"]
    found = shift(alone, "ja", "pt", lowest=1, highest=5, margin=0.5)
    assert found.comparable is None and found.interval.low is None
    assert found.interval.reason == "1 raters in ja: person and group cannot be told apart"


def test_no_shared_anchor_and_scores_off_the_scale() -> None:
    assert shift([], "ja", "pt", lowest=1, highest=5, margin=0.5).comparable is None
    with pytest.raises(InputError, match=r"anchor a: Ann scored 7.0, outside 1 … 5"):
        shift([Anchored("a", "ja", "Ann", 7.0)], "ja", "pt", lowest=1, highest=5, margin=0.5)
