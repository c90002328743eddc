"""Twenty-eight languages are a contract: every row is walked."""

import pytest

from evals.errors import UnknownIdError
from evals.languages import LANGUAGES, identify, language
from evals.packs import pack
from evals.text import sentences, visible, words

TAGS = "ar bn cs da de el en es fi fr he hi id it ja ko mr nl no pl pt ro sv ta te tr vi zh".split()  # noqa: SIM905 (readable)


def test_there_are_28_languages_and_22_marketplaces() -> None:
    assert list(LANGUAGES) == TAGS
    assert len({marketplace for row in LANGUAGES.values() for marketplace in row.marketplaces}) == 22


@pytest.mark.parametrize("tag", TAGS)
def test_a_language_has_a_complete_pack(tag: str) -> None:
    words_needed = {"most", "some", "mixed", "all", "none", "negation", "positive", "negative"}
    texts = pack(tag)
    assert texts.tag == tag
    assert len(texts.aspects) == 20
    assert texts.words.keys() == words_needed
    assert all(len(set(variants)) == 2 for table in (texts.summary, texts.answer, texts.ask) for variants in table.values())
    assert all(len(row.positive) >= 3 <= len(row.negative) and row.neutral and len(row.terms) >= 4 for row in texts.aspects.values())


@pytest.mark.parametrize("tag", TAGS)
def test_sentences_of_a_language_are_split_and_lie_where_they_say(tag: str) -> None:
    parts = [*pack(tag).aspects["quality"].positive, *pack(tag).aspects["delivery"].negative]
    text = " ".join(parts)
    spans = sentences(text, tag)
    assert [span.text for span in spans] == parts
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert all(words(span.text, tag) for span in spans)


@pytest.mark.parametrize("tag", TAGS)
def test_a_language_is_identified_from_its_own_review(tag: str) -> None:
    texts = pack(tag)
    review = " ".join(sentence for aspect in ("quality", "service", "delivery", "battery") for sentence in texts.aspects[aspect].positive)
    assert identify(review)[0] == tag


def test_a_language_that_is_not_ours_is_named() -> None:
    with pytest.raises(UnknownIdError, match="'xx'"):
        language("xx")


def test_hidden_and_bidi_controls_become_visible() -> None:
    assert visible("a\u202eb\u200bc\x00d\n") == "a\ufffdb\ufffdc\ufffdd\n"
