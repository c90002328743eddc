"""The labelling pages: valid for Label Studio in every language there is a pack for, safe with hostile words, right-to-left where due."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from annotators import labeling
from annotators.labeling import citations, claims, failures, page, preference, rewrites
from evals.identity import sha256
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import DATA
from evals.records import CLAIM_VERDICTS, Arm, AspectRow

PACKS = sorted(path.stem for path in (DATA / "languages").glob("*.yaml"))
PAGES = [(rubric, feature) for rubric in labeling.RUBRICS.values() for feature in rubric.features]
ANSWERS = {
    "claim-v1": [claims.result_of(verdict, "ok") for verdict in CLAIM_VERDICTS],
    "claim-v2": [claims.result_of(verdict, "ok", [(0, 2)]) for verdict in CLAIM_VERDICTS],
    "adjudication-v1": [claims.result_of(verdict) for verdict in CLAIM_VERDICTS],
    "failures-v1": [failures.result_of(verdict, "ok") for verdict in failures.SCALE],
    "preference-v1": [preference.result_of(verdict, "candidate") for verdict in preference.SCALE],
    "citation-v1": [citations.result_of(verdict) for verdict in citations.SCALE],
    "rewrite-v1": [rewrites.result_of("a better text")],
}


@pytest.mark.parametrize("tag", PACKS)
def test_every_configuration_is_one_label_studio_accepts(tag: str) -> None:
    from label_studio_sdk.label_interface import LabelInterface

    for rubric, feature in PAGES:
        interface = LabelInterface(labeling.config_xml(rubric, feature, tag))
        interface.validate()
        for result in ANSWERS[rubric.name]:
            prediction = {"model_version": "m", "score": 0.5, "result": result}
            assert interface.validate_prediction(prediction, return_errors=True) == [], rubric.name
    assert LabelInterface(labeling.config_xml(labeling.CLAIM_V2, "highlights", tag)).validate_prediction(
        {"result": claims.result_of("Supported")}, return_errors=True
    ), "the words shown are no values"


@pytest.mark.parametrize("tag", PACKS)
def test_choices_are_localised_and_their_aliases_are_not(tag: str) -> None:
    for rubric, feature in PAGES:
        found = list(ElementTree.fromstring(labeling.config_xml(rubric, feature, tag)).iter("Choice"))
        there = list(ElementTree.fromstring(labeling.config_xml(rubric, feature, "en")).iter("Choice"))
        assert [choice.get("alias") for choice in found] == [choice.get("alias") for choice in there]
        assert len({choice.get("value") for choice in found}) == len(found)
        assert tag == "en" or all(a.get("value") != b.get("value") for a, b in zip(found, there, strict=True)), rubric.name
        assert 3 <= len(labeling.project_title(rubric, feature, tag)) <= 50


@pytest.mark.parametrize("tag", PACKS)
def test_right_to_left_languages_get_a_right_to_left_page(tag: str) -> None:
    for rubric, feature in PAGES:
        view = ElementTree.fromstring(labeling.config_xml(rubric, feature, tag))
        assert (view.get("style") or "").startswith(f"direction: {LANGUAGES[tag].direction};")
        assert "unicode-bidi: plaintext" in (view.findtext("Style") or "")
        assert f'dir="{LANGUAGES[tag].direction}"' in labeling.instructions(rubric, feature, tag)


def test_a_page_shows_the_keys_its_rubric_names_and_nothing_else() -> None:
    for rubric, feature in PAGES:
        texts = ElementTree.fromstring(labeling.config_xml(rubric, feature, "en")).iter("Text")
        assert {(text.get("value") or "").removeprefix("$") for text in texts} == set(rubric.keys[feature]), rubric.name


def test_hostile_words_in_a_pack_stay_words(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "\"/><script>alert(1)</script> & ' $claim"
    words = {key: f"{hostile}{key}" for key in pack("en").annotator}
    monkeypatch.setattr(claims, "pack", lambda tag: dataclasses.replace(pack(tag), annotator=words))
    view = ElementTree.fromstring(labeling.config_xml(labeling.CLAIM_V1, "assistant", "en"))
    assert not list(view.iter("script")) and [c.get("value") for c in view.iter("Choice")] == [hostile + v for v in CLAIM_VERDICTS]
    assert "<script" not in labeling.instructions(labeling.CLAIM_V1, "assistant", "en")


def test_the_hash_of_what_is_asked_changes_with_the_words_and_not_with_the_style(monkeypatch: pytest.MonkeyPatch) -> None:
    before = labeling.asked_sha256(labeling.CLAIM_V2, "highlights", "en")
    monkeypatch.setattr(page, "_STYLE", "  <Style>* { color: red }</Style>")
    assert labeling.asked_sha256(labeling.CLAIM_V2, "highlights", "en") == before
    words = dict(pack("en").annotator) | {"comment": "Remarks"}
    monkeypatch.setattr(claims, "pack", lambda tag: dataclasses.replace(pack(tag), annotator=words))
    assert labeling.asked_sha256(labeling.CLAIM_V2, "highlights", "en") != before


def test_every_version_that_was_ever_used_still_asks_the_same() -> None:
    """People have answered under these words. A change needs a new version of the rubric: see CONTRIBUTING."""
    frozen = yaml.safe_load((DATA / "rubrics" / "frozen.yaml").read_text(encoding="utf-8"))
    now = {
        rubric.name: sha256(
            "".join(labeling.asked_sha256(rubric, feature, tag) for feature in rubric.features for tag in sorted(LANGUAGES))
        )
        for rubric in labeling.RUBRICS.values()
    }
    assert now == frozen


# ---------------------------------------------------------------------------------------------- reading answers


def test_an_answer_is_read_back_as_it_was_given() -> None:
    data = {"evidence": "0123456789", "text": "one  two"}
    read = labeling.CLAIM_V2.read(claims.result_of("grounded", "why", [(2, 5)]), data, None)
    assert (read.verdict, read.comment, read.detail) == ("grounded", "why", {"spans": [[2, 5]]})
    assert labeling.FAILURES_V1.read(failures.result_of("unsafe+not_helpful"), data, None).verdict == "not_helpful+unsafe"
    assert labeling.CITATION_V1.read(citations.result_of("partly"), data, None).verdict == "partly"
    assert labeling.REWRITE_V1.read(rewrites.result_of("one two"), data, None).verdict == "unchanged"
    written = labeling.REWRITE_V1.read(rewrites.result_of("three"), data, None)
    assert (written.verdict, written.detail) == ("rewritten", {"text": "three"})


@pytest.mark.parametrize("first", ["champion", "candidate"])
@pytest.mark.parametrize("verdict", preference.SCALE)
def test_a_preference_is_stored_by_arm_whoever_was_shown_first(verdict: str, first: Arm) -> None:
    assert labeling.PREFERENCE_V1.read(preference.result_of(verdict, first), {}, first).verdict == verdict


def test_what_label_studio_stores_unchecked_is_refused_with_the_value() -> None:
    refused = [
        labeling.CLAIM_V2.read(claims.result_of("Supported"), {}, None),
        labeling.CLAIM_V2.read([], {}, None),
        labeling.CLAIM_V2.read([*claims.result_of("grounded"), *claims.result_of("contradicted")], {}, None),
        labeling.FAILURES_V1.read(failures.result_of("none+unsafe"), {}, None),
        labeling.PREFERENCE_V1.read(preference.result_of("tie", "champion"), {}, None),
        labeling.REWRITE_V1.read(rewrites.result_of("  "), {}, None),
    ]
    assert all(answer.verdict is None and answer.problem for answer in refused)
    assert "Supported" in str(refused[0].problem)


@given(st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=5), st.integers(0, 20))
def test_marked_words_lie_within_the_text(marks: list[tuple[int, int]], length: int) -> None:
    read = labeling.CLAIM_V2.read(claims.result_of("grounded", None, marks), {"evidence": "x" * length}, None)
    assert all(0 <= start < end <= length for start, end in read.detail.get("spans", []))


def test_every_language_has_words_for_the_counts() -> None:
    assert set(labeling.COUNT_WORDS) == set(LANGUAGES)
    assert all(len(set(words)) == 3 for words in labeling.COUNT_WORDS.values())


@given(
    tag=st.sampled_from(sorted(LANGUAGES)),
    counts=st.tuples(*[st.integers(0, 10**9)] * 3),
    name=st.text("abcé: ·音", min_size=1).filter(str.strip),
)
def test_a_line_of_counts_is_read_back_as_written(tag: str, counts: tuple[int, int, int], name: str) -> None:
    line = labeling.counts_line(name, AspectRow("sound", *counts, reviews=1), tag)
    read = labeling.read_counts(line, tag)
    assert read is not None and read[1:] == counts and read[0].strip() == name.strip()


def test_other_lines_are_no_counts() -> None:
    assert labeling.read_counts("[1] Sound: positive many · negative 2 · neutral 0", "en") is None
