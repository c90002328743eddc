"""The texts that annotators read, in 28 languages: all there, in the language's own script, safe, and short enough for their places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import pytest
import yaml

from evals import packs
from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.packs import RUBRIC_TEXTS, pack

TAGS = sorted(LANGUAGES)
SCRIPTS = {
    "ar": "ARABIC", "he": "HEBREW", "hi": "DEVANAGARI", "mr": "DEVANAGARI", "bn": "BENGALI", "ta": "TAMIL", "te": "TELUGU", "el": "GREEK",
    "ja": "CJK|HIRAGANA|KATAKANA", "zh": "CJK", "ko": "HANGUL",
}  # fmt: skip
SAME = {"Text", "Text A", "Text B"}  # the same word in Czech, German, Romanian, Swedish
HIDDEN = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def texts(tag: str) -> Iterator[tuple[str, str, str]]:
    for group, keys in RUBRIC_TEXTS.items():
        for key in keys:
            yield group, key, pack(tag).rubrics[group][key]


@pytest.mark.parametrize("tag", TAGS)
def test_every_text_is_there_in_the_languages_own_words(tag: str) -> None:
    english = {(group, key): text for group, key, text in texts("en")}
    for group, key, text in texts(tag):
        assert text.strip() == text and "  " not in text and "..." not in text and not HIDDEN.search(text), (group, key)
        assert tag == "en" or text != english[group, key] or text in SAME, (group, key)
    assert "{time}" in pack(tag).rubrics["ui"]["reserved_until"]
    assert "[1]" in pack(tag).rubrics["guideline"]["rewrite"]


@pytest.mark.parametrize("tag", sorted(SCRIPTS))
def test_a_language_with_a_script_of_its_own_is_written_in_it(tag: str) -> None:
    for group, key, text in texts(tag):
        letters = [letter for letter in re.sub(r"\{time\}|Label Studio|[AB]", "", text) if letter.isalpha()]
        own = sum(bool(re.match(SCRIPTS[tag], unicodedata.name(letter, ""))) for letter in letters)
        assert own >= 0.8 * len(letters), (group, key, text)


@pytest.mark.parametrize("tag", TAGS)
def test_titles_and_labels_fit_their_places(tag: str) -> None:
    words = pack(tag).rubrics
    assert all(len(f"{tag} {texts['title']}") <= 50 for texts in words.values() if "title" in texts)
    assert len(words["claims"]["span_label"]) <= 25
    failures = [words["failures"][key] for key in RUBRIC_TEXTS["failures"][3:]]
    assert len(set(failures)) == len(failures)


def test_a_pack_without_a_text_is_refused_by_file_group_and_key(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = yaml.safe_load((packs.DATA / "languages" / "en.yaml").read_text(encoding="utf-8"))
    raw["rubrics"]["citations"]["partly"] = " "
    with pytest.raises(InputError, match=r"en\.yaml: rubrics\.citations\.partly: expected a text, found ' '"):
        packs._read(raw, packs.DATA / "languages" / "en.yaml")
