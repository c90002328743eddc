"""Retests: what anchors must show, when a judge is suspended, and how seldom chance alone certifies."""

import numpy as np
import pytest

from annotators.labeling.reading import judge as reader
from annotators.raters.parallel import anchor_items
from evals.errors import MoreNeededError
from evals.languages import LANGUAGES
from evals.metrics import METRICS
from evals.records import CLAIM_VERDICTS, Certificate, Label
from evals.store import Store
from evals.trust.certificates import certify, measures, standing
from evals.trust.labelled import Against, Labelled
from evals.trust.retests import SAID, Anchor, decided, retest
from evals.trust.terms import load_terms
from workbench.anchored import said, sample

NOW, LATER = "2026-11-22T12:00:00Z", "2026-12-01T12:00:00Z"
TERMS = load_terms()


def certificate(auroc=(0.85, 0.8, 0.9), kept: dict[str, float] | None = None) -> Certificate:
    figures = {"auroc": list(auroc)} | ({} if kept is None else {SAID: kept})
    return Certificate("certificate-1", "support", "v:1", "claim-v2", "pt", "labels", 400, 200, 100, 0, NOW, "2027-02-20", None, figures)


def anchors(n: int = 48) -> list[Anchor]:
    return [Anchor(f"anchor-{i}", "pt", i % 2 == 0) for i in range(n)]


def values(skill: float, n: int = 48, seed: int = 0) -> dict[str, float]:
    """A judge's values: right ones `skill` standard deviations above wrong ones."""
    noise = np.random.default_rng(seed).normal(size=n)
    return {f"anchor-{i}": float(1 / (1 + np.exp(-(skill * (0.5 if i % 2 == 0 else -0.5) + noise[i])))) for i in range(n)}


def test_a_judge_that_says_what_it_said_is_steady():
    then = values(3)
    found = retest(certificate(kept=then), anchors(), then, TERMS, now=LATER)
    assert (found.reason, found.n) == (None, 48)
    assert found.measures["moved"][0] == 0
    assert found.measures[SAID]["anchor-0"] == round(then["anchor-0"], 4)


def test_a_judge_that_ranks_worse_than_its_certificate_says_is_suspended():
    found = retest(certificate(), anchors(), values(-0.5), TERMS, now=LATER)
    assert "its AUROC on the anchors is at most" in found.reason
    assert found.measures["moved"] is None


def test_a_judge_whose_values_moved_is_suspended_although_it_ranks_as_before():
    then = values(3)
    found = retest(certificate(kept=then), anchors(), {name: value / 2 for name, value in then.items()}, TERMS, now=LATER)
    assert found.reason.startswith("what it says of the same anchors has moved by")


def test_a_suspended_certificate_holds_again_after_a_steady_retest():
    store = Store.open("sqlite://")
    store.judging.add_certificates([certificate(kept=values(3))])
    for at, skill in (("2026-12-01T12:00:00Z", -2), ("2026-12-02T12:00:00Z", 3)):
        store.judging.add_retests([retest(certificate(kept=values(3)), anchors(), values(skill), TERMS, now=at)])
        reason = standing(store, "support", "v:1", "pt", now=at).reason
        assert (reason is None) is (skill > 0)


@pytest.mark.parametrize("known", [values(3, 20), dict.fromkeys(values(3), None), {}])
def test_too_few_anchors_say_nothing(known):
    with pytest.raises(MoreNeededError, match=r"pt: .* anchors that people decided and 'support' scored .* 30 are needed"):
        retest(certificate(), anchors(), known, TERMS, now=LATER)


def a_label(anchor: str, who: str, verdict: str, *, why: str = "anchor", language: str = "pt", at: str = NOW) -> Label:
    about = (f"{anchor}-{language}", anchor, "q", "highlights", language, "claim-v2", why, 1.0)
    return Label(*about, who, verdict, None, {}, at, at, None, None, None, None, None, None, None)


def test_anchors_are_decided_by_people_of_each_language():
    labels = [
        a_label("one", "ann", "grounded"),
        a_label("one", "bo", "grounded"),
        a_label("one", "yui", "unsupported", language="ja"),
        a_label("two", "ann", "contradicted", at=LATER),
        a_label("two", "ann", "grounded"),
        a_label("three", "ann", "grounded"),
        a_label("three", "bo", "unsupported"),
        a_label("four", "ann", "not_checkable"),
        a_label("five", "ann", "grounded", why="gold"),
    ]
    found = decided(labels, "claim-v2")
    assert found == {"ja": [Anchor("one", "ja", False)], "pt": [Anchor("one", "pt", True), Anchor("two", "pt", False)]}
    assert decided(labels, "claim-v1") == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_anchor_is_a_sample_that_shows_a_judge_what_people_saw(language):
    made = [one for feature in ("highlights", "assistant") for one in anchor_items([language], feature, 8, 0, NOW)]
    items = [item for item, _ in made]
    for item, key in made:
        case, output, [claim] = sample(item)
        assert reader(item.data) == key.verdict
        assert key.verdict in CLAIM_VERDICTS
        assert output.text[claim.start : claim.end] == claim.text == item.data["claim"]
        assert (case.language, case.feature) == (language, item.feature)
        assert len(output.passages) + len(output.aspects) == len([line for line in item.data["evidence"].split("\n") if line])
        assert all(row.reviews == row.positive + row.neutral + row.negative for row in output.aspects)
    found = said(METRICS["grounded"], items)
    assert set(found) == {item.subject_id for item in items}
    assert sum(value is not None for value in found.values()) >= 8


# ---------------------------------------------------------------------------------------------- how often it errs


def population(separation: float, n: int, seed: int) -> list[Labelled]:
    """A calibrated judge of true AUROC Φ(separation / √2) (two normals, Hanley & McNeil 1982), four claims a product."""
    rng = np.random.default_rng(seed)
    right = rng.random(n) < 0.5
    x = rng.normal(size=n) + separation * (right - 0.5)
    return [Labelled(f"c{i}", "pt", bool(right[i]), float(1 / (1 + np.exp(-separation * x[i]))), f"p{i // 4}") for i in range(n)]


def certified(separation: float, n: int, seed: int) -> bool:
    [found] = certify(Against("support", "v:1", {"pt": population(separation, n, seed)}, {}), "claim-v2", TERMS, now=NOW)
    return found.reason is None


@pytest.mark.slow
def test_a_judge_below_the_line_is_hardly_ever_certified_and_a_good_one_nearly_always():
    """True AUROC .70, the line itself: 2.5 % may be certified by chance, so at most 1 of 12; many more in `benchmarks.quality.judges`."""
    assert sum(certified(0.7416, 120, seed) for seed in range(12)) <= 1
    assert sum(certified(2.0, 300, seed) for seed in range(3)) >= 2


@pytest.mark.slow
def test_the_interval_of_a_certificate_covers_the_true_ranking():
    """True AUROC .75 (separation .954): in at least 95 % of experiments, less two standard errors."""
    hits = 0
    for seed in range(12):
        low, high = measures(population(0.9539, 120, seed))["auroc"][1:]
        hits += low <= 0.75 <= high
    assert hits >= 10
