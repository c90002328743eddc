"""The labelling pages: valid for Label Studio in every language there is a pack for, safe with hostile words, right-to-left where due."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators import labeling
from annotators.labeling import rubric
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import DATA
from evals.records import CLAIM_VERDICTS, FEATURES, AspectRow, Feature

PACKS = sorted(path.stem for path in (DATA / "languages").glob("*.yaml"))


@pytest.mark.parametrize("tag", PACKS)
@pytest.mark.parametrize("feature", FEATURES)
def test_every_configuration_is_one_label_studio_accepts(feature: Feature, tag: str) -> None:
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(labeling.config_xml(feature, tag))
    interface.validate()
    for verdict in CLAIM_VERDICTS:
        prediction = {"model_version": "m", "score": 0.5, "result": labeling.result_of(verdict, "ok")}
        assert interface.validate_prediction(prediction, return_errors=True) == []
    assert interface.validate_prediction({"result": labeling.result_of("Supported")}, return_errors=True)  # type: ignore[arg-type]  # not an alias


@pytest.mark.parametrize("tag", PACKS)
@pytest.mark.parametrize("feature", FEATURES)
def test_choices_are_localised_and_their_aliases_are_not(feature: Feature, tag: str) -> None:
    choices = list(ElementTree.fromstring(labeling.config_xml(feature, tag)).iter("Choice"))
    assert [choice.get("alias") for choice in choices] == list(CLAIM_VERDICTS)
    assert [choice.get("value") for choice in choices] == [pack(tag).annotator[verdict] for verdict in CLAIM_VERDICTS]
    assert len({choice.get("value") for choice in choices}) == 4
    assert 3 <= len(labeling.project_title(feature, tag)) <= 50


@pytest.mark.parametrize("tag", PACKS)
def test_right_to_left_languages_get_a_right_to_left_page(tag: str) -> None:
    view = ElementTree.fromstring(labeling.config_xml("assistant", tag))
    assert (view.get("style") or "").startswith(f"direction: {LANGUAGES[tag].direction};")
    assert "unicode-bidi: plaintext" in (view.findtext("Style") or "")
    assert f'dir="{LANGUAGES[tag].direction}"' in labeling.instructions("assistant", tag)


def test_the_data_keys_are_those_the_configuration_reads() -> None:
    for feature in FEATURES:
        texts = ElementTree.fromstring(labeling.config_xml(feature, "en")).iter("Text")
        assert {(text.get("value") or "").removeprefix("$") for text in texts} == set(labeling.DATA_KEYS[feature]) - {"item_id", "language"}


def test_hostile_words_in_a_pack_stay_words(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "\"/><script>alert(1)</script> & ' $claim"
    words = {key: f"{hostile}{key}" for key in pack("en").annotator}
    monkeypatch.setattr(rubric, "pack", lambda tag: dataclasses.replace(pack(tag), annotator=words))
    view = ElementTree.fromstring(labeling.config_xml("assistant", "en"))
    assert not list(view.iter("script")) and [c.get("value") for c in view.iter("Choice")] == [hostile + v for v in CLAIM_VERDICTS]
    assert "<script" not in labeling.instructions("assistant", "en")


def test_the_rubric_hash_changes_with_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    before = labeling.rubric_sha256("highlights", "en")
    words = dict(pack("en").annotator) | {"comment": "Remarks"}
    monkeypatch.setattr(rubric, "pack", lambda tag: dataclasses.replace(pack(tag), annotator=words))
    assert labeling.rubric_sha256("highlights", "en") != before


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
