"""Rails of content: hate, harm, topic, other stores, offers, health, contradicted claims; by harmless sentences made of their own words.

Hateful text stands nowhere here: what the hate rail is worth is measured on public data (``benchmarks/quality/hate.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import jsonschema
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import DATA, shared_data
from evals.records import Passage
from guardrails import linear
from guardrails.base import Context, Rail
from guardrails.commerce import COMPETITOR, OFFER
from guardrails.grounding import GROUNDING
from guardrails.hate import HATE
from guardrails.health import HEALTH
from guardrails.linear import BUCKETS, Linear, buckets, load, pieces
from guardrails.topic import TOPIC
from guardrails.unsafe import UNSAFE
from guardrails.words import table

TABLES = ("hate", "unsafe", "topic", "commerce", "health")
ALL = (HATE, UNSAFE, TOPIC, COMPETITOR, OFFER, HEALTH, GROUNDING)


def found(rail: Rail, text: str, language: str = "en", target: str = "output", passages: Sequence[Passage] = ()) -> list[str]:
    hits = rail.check(text, language, Context("assistant", target, passages=tuple(passages)))  # type: ignore[arg-type]
    assert not any(word in hit.detail for hit in hits for word in text.split() if len(word) > 8 and word not in ("delivery", "guarantee"))
    return [text[hit.start : hit.end] for hit in hits]


def passage(text: str, source: str = "review", language: str = "en") -> Passage:
    return Passage(1, source, "p1:weight", language, text, 0, len(text))


def phrase(name: str, tag: str, key: str, at: int = 0) -> str:
    return table(name)[tag][key][at]


def joined(tag: str, *parts: str) -> str:
    return ("" if LANGUAGES[tag].words == "characters" else " ").join(parts)


# ---------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize("name", TABLES)
def test_every_language_has_its_words(name: str) -> None:
    raw = yaml.safe_load((DATA / "guardrails" / f"{name}.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(raw, json.loads((DATA / "guardrails" / f"{name}.schema.json").read_text(encoding="utf-8")))
    assert set(raw) == set(LANGUAGES)
    empty = {(tag, key) for tag, row in table(name).items() for key, words in row.items() if not words}
    assert all(name == "hate" and key == "acts" and tag in load("hate").cuts for tag, key in empty)


def test_slurs_are_not_to_be_read_in_the_repository() -> None:
    raw = yaml.safe_load((DATA / "guardrails" / "hate.yaml").read_text(encoding="utf-8"))
    assert all(word.startswith("base64:") for row in raw.values() for word in row["slurs"])


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_slur_is_found_wherever_a_text_may_stand(tag: str) -> None:
    word = phrase("hate", tag, "slurs")
    for target in ("input", "evidence", "output"):
        assert word in found(HATE, joined(tag, "…", word, "."), tag, target)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_asking_how_to_do_harm_is_found_in_every_language(tag: str) -> None:
    ask, harm = phrase("unsafe", tag, "asks"), phrase("unsafe", tag, "harms")
    assert found(UNSAFE, joined(tag, ask, harm) + "?", tag, "input")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_dangerous_advice_is_found_unless_it_warns(tag: str) -> None:
    act, thing = phrase("unsafe", tag, "acts"), phrase("unsafe", tag, "things")
    assert found(UNSAFE, joined(tag, act, thing), tag)
    assert not found(UNSAFE, joined(tag, phrase("unsafe", tag, "warnings"), act, thing), tag)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_claim_about_an_illness_and_a_promise_are_found(tag: str) -> None:
    row = table("health")[tag]
    for text in (joined(tag, row["acts"][0], row["conditions"][0]), row["promises"][0]):
        assert found(HEALTH, f"… {text}.", tag), text
    assert not found(HEALTH, row["acts"][0], tag)


def test_a_health_claim_of_a_review_is_reported_as_such() -> None:
    text = "It cures insomnia."
    hits = HEALTH.check(text, "en", Context("assistant", "output", passages=(passage("This cures insomnia!"),)))
    assert [hit.detail for hit in hits] == ["effect on an illness; a passage makes such a claim"]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_other_stores_are_found_unless_the_product_details_name_them(tag: str) -> None:
    store, cheaper = phrase("commerce", tag, "stores"), phrase("commerce", tag, "cheaper")
    assert found(COMPETITOR, f"… {store}", tag) and found(COMPETITOR, f"… {cheaper} X", tag)
    assert not found(COMPETITOR, f"… {store}", tag, passages=[passage(store, "attribute", tag)])
    assert found(COMPETITOR, f"… {store}", tag, passages=[passage(store, "review", tag)])


@pytest.mark.parametrize("key", ["discount", "stock", "delivery", "guarantee"])
@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_promise_needs_a_passage_that_speaks_of_it(tag: str, key: str) -> None:
    word, other = phrase("commerce", tag, key), table("commerce")[tag][key][-1]
    assert found(OFFER, f"… {word}", tag)
    assert not found(OFFER, f"… {word}", tag, passages=[passage(other, language=tag)])


@pytest.mark.parametrize("tag", LANGUAGES)
def test_an_amount_of_money_in_the_words_of_every_language(tag: str) -> None:
    for money in (f"19,99 {phrase('commerce', tag, 'currencies')}", "€ 19.99", "19.99 €"):
        assert found(OFFER, f"… {money}", tag) == [money]


@pytest.mark.parametrize(
    ("text", "tag", "evidence"),
    [
        ("It costs $1,299.00.", "en", "price: 1299"),
        ("Kostet 1.299 €.", "de", "Preis: 1299,00 EUR"),
        ("يكلف ٢٠ ريال", "ar", "السعر 20"),
        ("कीमत ₹१,२९९", "hi", "1299"),
        ("価格は１２８０円", "ja", "1,280円"),
        ("가격은 5000원", "ko", "5,000"),
        ("Det koster 499kr", "da", "499,-"),
    ],
)
def test_an_amount_that_a_passage_gives_is_none_of_ours_however_it_is_written(text: str, tag: str, evidence: str) -> None:
    assert found(OFFER, text, tag)
    assert not found(OFFER, text, tag, passages=[passage(evidence, "attribute", tag)])


@pytest.mark.parametrize("text", ["It is 20 cm long.", "5 stars of 5", "Runs 10 hours at 220 V", "2 in 1", "1999-2003", "5 creams"])
def test_other_numbers_are_no_money(text: str) -> None:
    assert not found(OFFER, text)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_not_about_shopping_is_recorded_unless_it_speaks_of_it(tag: str) -> None:
    other, shop = phrase("topic", tag, "elsewhere"), phrase("topic", tag, "shop")
    assert found(TOPIC, f"{other} …", tag, "input")
    assert not found(TOPIC, joined(tag, other, shop), tag, "input")


# ---------------------------------------------------------------------------------------------- honest texts


@pytest.mark.slow
@pytest.mark.parametrize("tag", LANGUAGES)
def test_our_own_review_sentences_and_questions_are_left_alone(tag: str) -> None:
    words = pack(tag)
    lines = [line for aspect in words.aspects.values() for line in (*aspect.positive[:1], *aspect.negative[:1], *aspect.neutral[:1])]
    asked = [ask.format(aspect=aspect.name) for aspect in words.aspects.values() for ask in words.ask["aspect"]]
    hit = {rail.name: sum(bool(found(rail, line, tag)) for line in lines) for rail in (HATE, UNSAFE, HEALTH)}
    hit |= {f"{rail.name} asked": sum(bool(found(rail, line, tag, "input")) for line in asked) for rail in (HATE, UNSAFE, TOPIC)}
    assert not any(hit.values()), hit


def test_a_rail_checks_only_its_targets() -> None:
    assert found(HEALTH, "clinically proven") and not found(HEALTH, "clinically proven", target="input")
    assert not found(TOPIC, "write a poem", target="output")


# ---------------------------------------------------------------------------------------------- contradicted claims


def test_a_claim_that_the_evidence_contradicts_is_found_with_its_place() -> None:
    text = "Weight: 300 g. [1]"
    evidence = passage("Weight: 250 g", "attribute")
    assert found(GROUNDING, text, passages=[evidence]) == [text]
    assert not found(GROUNDING, "Weight: 250 g. [1]", passages=[evidence])
    assert not found(GROUNDING, text)


# ---------------------------------------------------------------------------------------------- the models


@pytest.mark.parametrize("name", ["hate", "unsafe"])
def test_a_shipped_model_is_small_and_strictest_where_nothing_was_measured(name: str) -> None:
    model = load(name)
    assert (DATA / "models" / name / "model.npz").stat().st_size <= 2**20
    assert model.weights.shape == (BUCKETS,) and set(model.cuts) < set(LANGUAGES) and model.groups
    assert model.cut("te") == model.cut("und") == max(model.cuts.values())


def test_a_model_survives_being_saved(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    weights = np.zeros(BUCKETS, dtype=np.float32)
    weights[buckets("bad")] = 1
    model = Linear(weights, -0.5, {"en": 1.0, "de": 9.0}, frozenset({linear.group_hash("a")}))
    (tmp_path / "models" / "small").mkdir(parents=True)
    model.save(tmp_path / "models" / "small" / "model.npz")
    monkeypatch.setattr(linear, "DATA", tmp_path)
    again = load.__wrapped__("small")
    assert again.score("bad") == model.score("bad") > 1 and again.cuts == model.cuts
    assert list(again.spans("bad", "en")) == [(0, 3)] and not list(again.spans("bad", "de"))
    assert again.knows("a") and not again.knows("b")


def test_what_is_no_model_is_said_with_its_file(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(linear, "DATA", tmp_path)
    with pytest.raises(InputError, match=r"model\.npz"):
        load.__wrapped__("none")
    (tmp_path / "models" / "short").mkdir(parents=True)
    np.savez(tmp_path / "models" / "short" / "model.npz", weights=np.zeros(3))
    with pytest.raises(InputError, match="3"):
        load.__wrapped__("short")


@given(st.text(max_size=300), st.sampled_from(sorted(LANGUAGES)))
@settings(max_examples=50, deadline=None)
def test_pieces_hold_every_character_that_is_no_space(text: str, tag: str) -> None:
    covered = {at for start, end in pieces(text, tag) for at in range(start, end)}
    assert all(text[at].isspace() for at in range(len(text)) if at not in covered)


@given(st.text(st.characters(), max_size=200), st.sampled_from(sorted(LANGUAGES)), st.sampled_from(["input", "evidence", "output"]))
@settings(max_examples=25, deadline=None)
def test_no_text_breaks_a_rail(text: str, tag: str, target: str) -> None:
    for rail in ALL:
        for hit in rail.check(text, tag, Context("assistant", target, passages=(passage(text[:50], language=tag),))):  # type: ignore[arg-type]
            assert 0 <= hit.start < hit.end <= len(text)


@pytest.mark.parametrize("text", ["", "\ud800", "a" * 20_000, "1," * 10_000, "€" * 10_000, "\u202e\u0000 9 €", "мб" * 3000])
def test_hostile_texts_are_read_to_their_end(text: str) -> None:
    for rail in ALL:
        for target in rail.targets:
            found(rail, text, target=target)


# ---------------------------------------------------------------------------------------------- public data


@pytest.mark.shared
def test_hate_of_public_tests_is_found() -> None:
    if not (shared_data() / "guard_hate" / "dev").is_dir():
        pytest.skip("guard_hate is not here")
    from benchmarks.quality.data import Sets

    rows = [row for row in Sets("dev").rows("guard_hate") if row["label"] == "hateful" and row["lang"] == "en"][::40]
    assert sum(bool(found(HATE, row["text"], "en")) for row in rows) > len(rows) / 2
