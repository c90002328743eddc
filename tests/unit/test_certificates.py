"""Certificates: what a judge must show, how long it holds, and that another setting is another judge."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evals.errors import InputError, PolicyError
from evals.metrics import METRICS
from evals.records import Retest
from evals.store import Store
from evals.trust.certificates import certify, standing
from evals.trust.labelled import Against, Labelled, from_file
from evals.trust.terms import PATH, load_terms

NOW = "2026-11-22T12:00:00Z"
TERMS = load_terms()


def judged(n: int, skill: float, *, language: str = "pt", seed: int = 0) -> list[Labelled]:
    """A calibrated judge: right with the probability it says; `skill` spreads what it says from .5 towards 0 and 1."""
    rng = np.random.default_rng(seed)
    said = 1 / (1 + np.exp(-skill * rng.normal(size=n)))
    right = rng.random(n) < said
    return [Labelled(f"claim-{i}", language, bool(right[i]), float(said[i]), f"product-{i // 4}") for i in range(n)]


def against(rows: list[Labelled], signature: str = "v:1") -> Against:
    return Against("support", signature, {rows[0].language: rows}, {})


def certified(rows: list[Labelled], signature: str = "v:1"):
    (certificate,) = certify(against(rows, signature), "claim-v2", TERMS, now=NOW)
    return certificate


def test_a_judge_that_ranks_well_and_means_what_it_says_is_certified_for_ninety_days():
    found = certified(judged(400, 4))
    assert found.reason is None
    assert (found.n, found.groups, found.expires_at) == (400, 100, "2027-02-20T12:00:00Z")
    assert found.measures["auroc"][1] > TERMS.min_auroc


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (judged(60, 4), "60 labels of 100"),
        ([replace(row, right=i > 5) for i, row in enumerate(judged(200, 4))], "6 of the rarer answer, 20 are needed"),
        (judged(400, 0.2), "AUROC may be as low as"),
        ([replace(row, said=row.said**4) for row in judged(400, 4)], "its calibration error is"),
        ([replace(row, said=None) for row in judged(120, 4)], "0 labels of 100 (120 more are decided but not scored)"),
    ],
)
def test_a_judge_that_falls_short_says_in_what(rows, reason):
    assert reason in certified(rows).reason


def test_what_has_no_figure_is_null_with_a_reason_in_json():
    found = certified([replace(row, right=True) for row in judged(120, 4)])
    assert found.measures["auroc"] is None
    assert "ranking needs right ones and wrong ones" in found.measures["why"]["auroc"]
    assert "NaN" not in json.dumps(found.measures)


def test_the_same_labels_give_the_same_certificate_and_another_label_another():
    rows = judged(120, 4)
    assert certified(rows).certificate_id == certified(rows[::-1]).certificate_id
    assert certified([replace(rows[0], right=not rows[0].right), *rows[1:]]).certificate_id != certified(rows).certificate_id


def test_a_certificate_holds_until_it_expires_another_setting_asks_or_a_retest_suspends_it():
    store = Store.open("sqlite://")
    ask = {"store": store, "judge": "support", "language": "pt"}
    assert standing(**ask, signature="v:1", now=NOW).reason == "never certified in this language"
    found = certified(judged(400, 4))
    assert (store.judging.add_certificates([found]), store.judging.add_certificates([found])) == (1, 0)
    assert standing(**ask, signature="v:1", now=NOW).reason is None
    assert "other settings" in standing(**ask, signature="v:2", now=NOW).reason
    assert standing(**ask, signature="v:1", now=found.expires_at).reason == "expired on 2027-02-20"
    store.judging.add_retests([Retest("r", found.certificate_id, "2026-12-01T00:00:00Z", 40, "it ranks worse")])
    assert standing(**ask, signature="v:1", now="2026-12-02T00:00:00Z").reason == "suspended on 2026-12-01: it ranks worse"
    store.judging.add_retests([Retest("s", found.certificate_id, "2026-12-03T00:00:00Z", 40)])
    assert standing(**ask, signature="v:1", now="2026-12-04T00:00:00Z").reason is None


def test_a_labelled_file_is_measured_where_it_lies(tmp_path):
    rows = [
        {"id": "a", "lang": "en", "source": "The battery lasts ten hours.", "output": "The battery lasts ten hours.", "label": 1},
        {"id": "b", "lang": "en", "source": "The battery lasts ten hours.", "output": "It weighs 3 kg and floats.", "label": 0},
        {"id": "c", "lang": "en", "source": "x", "output": "y", "label": None},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = from_file(path, METRICS["grounded"])
    assert [(row.right, row.said) for row in found.by_language["en"]] == [(True, 1.0), (False, 0.0)]
    assert found.undecided == {"en": 1}


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "cannot be read"), ("[1]", ":1: expected a JSON object"), ('{"lang": 3, "label": 1}', ":1: 'lang' must be")]
)
def test_a_broken_file_of_labels_is_named_with_line_and_value(tmp_path, text, problem):
    path = tmp_path / "labels.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        from_file(path, METRICS["grounded"])


def test_a_metric_that_is_no_probability_is_no_judge(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"lang": "en", "source": "x", "output": "five words of plain text", "label": 1}), encoding="utf-8")
    with pytest.raises(InputError, match="is no judge of claims"):
        from_file(path, METRICS["length_words"])


def test_terms_with_an_unknown_key_are_refused(tmp_path):
    path = tmp_path / "judges.yaml"
    path.write_text(PATH.read_text(encoding="utf-8") + "  patience: 3\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"terms.*patience"):
        load_terms(path)
