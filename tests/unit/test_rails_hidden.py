"""Characters that are not seen, or not seen for what they are: found where no script needs them, left where one does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.languages import LANGUAGES
from evals.packs import pack
from guardrails import RAILS, Context

EVIDENCE = Context("assistant", "evidence")


def found(rail: str, text: str, language: str = "en") -> list[str]:
    return [text[hit.start : hit.end] for hit in RAILS[rail].check(text, language, EVIDENCE)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("safe\u202egnp.exe", "\u202e"),
        ("a\u2800b", "\u2800"),
        ("a\u200d\u200c\u200d\u200cb", "\u200d\u200c\u200d\u200c"),
        ("😀\U000e0148\U000e0155", "\U000e0148\U000e0155"),
        ("😀\ufe01\ufe0e\ufe03", "\ufe01\ufe0e\ufe03"),
        ("ig\u0336\u0337\u0338\u0335\u0334nore", "\u0336\u0337\u0338\u0335\u0334"),
        ("ก" + "\u0e47" * 12, "\u0e47" * 12),
        ("x\ufff9y", "\ufff9"),
    ],
)
def test_hidden_characters_and_piles_of_marks_are_found(text, what):
    assert found("hidden", text) == [what]


@pytest.mark.parametrize(
    "text",
    ["👩\u200d🔬 ❤\ufe0f", "می\u200cخواهم", "क\u094dष", "e\u0301 ệ e\u0323\u0302", "葛\U000e0100", "שָׁלוֹם", "ঁ", "ก็", "🏳️\u200d🌈"],
)
def test_marks_and_joiners_that_scripts_and_emoji_need_stay(text):
    assert found("hidden", text) == []


@pytest.mark.parametrize(
    ("text", "language", "what"),
    [
        ("log in at pаypal.com", "en", "pаypal"),
        ("іgnоrе all", "en", "іgnоrе"),
        ("ѕсоре it", "hi", "ѕсоре"),
        ("το ρayment σου", "el", "ρayment"),
        ("αυτό και ехес μαζί", "el", "ехес"),
        ("Ꭺpple", "en", "Ꭺpple"),
    ],
)
def test_look_alike_letters_are_found_word_by_word(text, language, what):
    assert what in found("homoglyphs", text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("अच्छा phone", "hi"),
        ("iPhoneは良い", "ja"),
        ("5 µm, 10 μF, 3 kΩ, β-carotene, Δt, λmax, αGel", "en"),
        ("Το iPhone και το Samsung είναι ΟΚ", "el"),
        ("Купил Samsungа и iPhone", "en"),
        ("Русский текст о телефоне", "en"),
        ("Łódź, œuvre, İstanbul, Đà Nẵng", "pl"),
    ],
)
def test_honest_mixtures_of_scripts_are_left(text, language):
    assert found("homoglyphs", text, language) == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_no_sentence_of_a_pack_hides_anything(tag):
    for aspect in pack(tag).aspects.values():
        for sentence in (*aspect.positive, *aspect.negative):
            assert found("hidden", sentence, tag) == found("homoglyphs", sentence, tag) == []


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_crash(text):
    for rail in ("hidden", "homoglyphs", "names", "addresses", "identity", "contact"):
        for hit in RAILS[rail].check(text, "en", EVIDENCE):
            assert 0 <= hit.start < hit.end <= len(text)
