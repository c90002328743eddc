"""The verifier of claims: what it sees, what it ranks, where it points, and what it does not claim to measure."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from evals.claims import claims_of
from evals.errors import InputError
from evals.grounding import training, training_forests
from evals.grounding.base import Item
from evals.grounding.evidence import Evidence
from evals.grounding.features import FEATURES, RARITY, look
from evals.grounding.learned import TEXT, loaded, saved
from evals.grounding.training_data import Example
from evals.grounding.verifier import SHIPPED, Verifier
from evals.languages import LANGUAGES
from evals.metrics import METRICS
from evals.packs import pack
from evals.paths import ROOT
from evals.records import AspectRow, Case, Output, Passage
from tests.support_hostile import outputs, said

VERIFIER = Verifier.load(SHIPPED)
# of words, pieces and neighbours: each a share of something
SHARES = (
    "words", "pairs", "triples", "pieces", "stretches", "weighted", "local", "best", "second", "around", "two", "repeated", "best_pairs",
    "order", "joint", "lost_share", "stems", "seam_share", "far_share",
)  # fmt: skip
# tag → evidence, a claim it supports, and the same claim with a number, a denial, a name changed
CHANGED = {
    "en": (
        "The battery lasts 12 hours. Marta says that the strap is comfortable.",
        "The battery lasts 12 hours.",
        ("The battery lasts 19 hours.", "The battery never lasts 12 hours.", "The camera lasts 12 hours."),
    ),
    "de": (
        "Der Akku hält 12 Stunden. Marta findet das Armband bequem.",
        "Der Akku hält 12 Stunden.",
        ("Der Akku hält 19 Stunden.", "Der Akku hält nicht 12 Stunden.", "Der Bildschirm hält 12 Stunden."),
    ),
    "tr": (
        "Pil 12 saat dayanıyor. Marta kayışı rahat buluyor.",
        "Pil 12 saat dayanıyor.",
        ("Pil 19 saat dayanıyor.", "Pil 12 saat dayanmıyor.", "Ekran 12 saat dayanıyor."),
    ),
    "ar": (
        "البطارية تدوم 12 ساعة. تقول سارة إن الحزام مريح.",
        "البطارية تدوم 12 ساعة.",
        ("البطارية تدوم 19 ساعة.", "البطارية لا تدوم 12 ساعة.", "الشاشة تدوم 12 ساعة."),
    ),
    "he": (
        "הסוללה מחזיקה 12 שעות. שרה אומרת שהרצועה נוחה.",
        "הסוללה מחזיקה 12 שעות.",
        ("הסוללה מחזיקה 19 שעות.", "הסוללה לא מחזיקה 12 שעות.", "המסך מחזיקה 12 שעות."),
    ),
    "hi": (
        "बैटरी 12 घंटे चलती है। मीरा कहती है कि पट्टा आरामदायक है।",
        "बैटरी 12 घंटे चलती है।",
        ("बैटरी 19 घंटे चलती है।", "बैटरी 12 घंटे नहीं चलती है।", "स्क्रीन 12 घंटे चलती है।"),
    ),
    "ta": (
        "பேட்டரி 12 மணி நேரம் நீடிக்கிறது. மீரா பட்டை வசதியானது என்கிறார்.",
        "பேட்டரி 12 மணி நேரம் நீடிக்கிறது.",
        ("பேட்டரி 19 மணி நேரம் நீடிக்கிறது.", "திரை 12 மணி நேரம் நீடிக்கிறது."),
    ),
    "ja": (
        "バッテリーは12時間持ちます。田中さんはベルトが快適だと言います。",
        "バッテリーは12時間持ちます。",
        ("バッテリーは19時間持ちます。", "バッテリーは12時間持ちません。", "カメラは12時間持ちます。"),
    ),
    "zh": (
        "电池可以用12小时。小王说表带很舒服。",
        "电池可以用12小时。",
        ("电池可以用19小时。", "电池不可以用12小时。", "屏幕可以用12小时。"),
    ),
    "ko": (
        "배터리는 12시간 지속됩니다. 지민은 끈이 편하다고 합니다.",
        "배터리는 12시간 지속됩니다.",
        ("배터리는 19시간 지속됩니다.", "화면은 12시간 지속됩니다."),
    ),
}


def passage(text: str, tag: str, number: int = 1, source: str = "review") -> Passage:
    return Passage(number, source, f"{source}{number}", tag, text, 0, len(text))


def items(text: str, tag: str, *passages: Passage, aspects: tuple[AspectRow, ...] = (), question: str = "") -> list[Item]:
    case = Case("case", "assistant", "product", tag, "category", {"question": question})
    output = Output("output", "run", "case", text, "ok", "now", passages, aspects)
    return [Item(case, output, claim) for claim in claims_of(output, tag)]


def judged(text: str, tag: str, *passages: Passage, by: Verifier = VERIFIER):
    (found,) = by.judge(items(text, tag, *passages))
    return found


def seen(text: str, evidence: str, tag: str) -> dict[str, float]:
    found = look(text, Evidence([passage(evidence, tag)], tag), lambda _word: RARITY / 2)
    return dict(zip(FEATURES, found.row, strict=True))


# ---------------------------------------------------------------------------------------------- features


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_seen_is_finite_and_in_bounds_in_every_language(tag):
    shown = said(tag)
    for claim, evidence in pairwise(shown[:7]):
        figures = seen(claim, f"{evidence} {shown[-1]}", tag)
        assert all(map(math.isfinite, figures.values()))
        assert all(0 <= figures[name] <= 1 + 1e-9 for name in SHARES)
        assert all(value >= 0 for name, value in figures.items() if name != "same_side")
        assert figures["same_side"] in (-1, 0, 1)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_copied_sentence_looks_the_same_in_every_language(tag):
    (sentence,) = pack(tag).answer["unknown"][:1]
    figures = seen(sentence, sentence, tag)
    whole = ("words", "pairs", "triples", "pieces", "stretches", "weighted", "best", "repeated", "best_pairs", "joint", "stems")
    assert [figures[name] for name in whole] == pytest.approx([1] * len(whole))
    lost = ("heaviest", "lost_weight", "lost_share", "numbers_lost", "names_lost", "seams", "broken", "denial_differs")
    assert [figures[name] for name in lost] == [0] * len(lost)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_the_evidence_says_ranks_above_what_it_does_not_in_every_language(tag):
    aspects = list(pack(tag).aspects.values())
    one, other = aspects[0].positive[0], aspects[-1].negative[0]
    evidence = passage(one, tag)
    for verifier in (VERIFIER, Verifier.untrained()):
        assert judged(one, tag, evidence, by=verifier).probability > judged(other, tag, evidence, by=verifier).probability


# ---------------------------------------------------------------------------------------------- ranking


@pytest.mark.parametrize("tag", CHANGED)
def test_a_claim_ranks_above_the_same_claim_with_a_number_a_denial_or_a_thing_changed(tag):
    evidence, right, wrong = CHANGED[tag]
    held = judged(right, tag, passage(evidence, tag)).probability
    for claim in wrong:
        assert judged(claim, tag, passage(evidence, tag)).probability < held, claim


def test_a_longer_tail_of_what_nobody_said_never_raises_an_answer():
    evidence = passage("The battery lasts 12 hours. The strap is comfortable.", "en")
    good = "The battery lasts 12 hours."
    assert VERIFIER.whole(items(f"{good} It won the 1987 Grand Prix of Monza.", "en", evidence)) < VERIFIER.whole(
        items(good, "en", evidence)
    )


def test_the_file_and_its_card_are_of_the_columns_there_are():
    learned = VERIFIER.learned
    assert len(learned.mean) == len(FEATURES)
    assert all(fold.centre.shape == (2, len(TEXT)) for fold in learned.folds)
    card = (ROOT / "docs" / "models" / "verifier.md").read_text(encoding="utf-8")
    assert f"{len(FEATURES)} figures of a claim" in card and f"{len(TEXT)} columns" in card
    assert f"{SHIPPED.stat().st_size / 1e6:.2f} MB" in card


# ---------------------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize("tag", CHANGED)
def test_the_span_that_decided_is_an_exact_sentence_of_the_passage(tag):
    evidence, right, _ = CHANGED[tag]
    shown = passage(f"  {evidence}", tag, 2)
    found = judged(right, tag, passage("12", tag, 1), shown)
    assert found.passage is shown
    start, end = found.span
    assert shown.text[start:end].strip() == right


def test_a_score_points_into_the_source_the_passage_was_cut_from():
    evidence = replace(passage("The strap is fine. The battery lasts 12 hours.", "en"), start=100, end=146)
    detail = judged("The battery lasts 12 hours.", "en", evidence).measured().detail
    assert (detail["start"], detail["end"], detail["passage"]) == (119, 146, 1)


def test_a_claim_that_cites_a_passage_rests_on_that_one_alone():
    good, other = passage("The battery lasts 12 hours.", "en", 1), passage("The strap is comfortable to wear.", "en", 2)
    right, wrong = (judged(f"The battery lasts 12 hours. [{number}]", "en", good, other) for number in (1, 2))
    assert (right.verdict, right.passage) == ("grounded", good)
    assert (wrong.verdict, wrong.why) == ("contradicted", "1 numbers are nowhere in the evidence")
    assert judged("The battery lasts 12 hours. [7]", "en", good).why == "cites passages that do not exist: [7]"


# ---------------------------------------------------------------------------------------------- what is not claimed


def test_evidence_in_another_language_is_not_measurable():
    found = judged("Der Akku hält 12 Stunden.", "de", passage("The battery lasts 12 hours.", "en"))
    measured = found.measured()
    assert (measured.value, measured.reason) == (None, "not measurable: evidence in en, claim in de")


@pytest.mark.parametrize(
    ("text", "tag", "why"),
    [
        ("The battery lasts long.", "ca", "language 'ca' is not one of ours"),
        ("The battery lasts long.", "hi", "the claim is not written in Hindi"),
        ("The reviews and product details do not answer this question.", "en", "says that the evidence does not tell"),
    ],
)
def test_what_cannot_be_checked_says_why(text, tag, why):
    found = judged(text, tag, passage("The battery lasts 12 hours.", tag))
    assert (found.verdict, found.why, found.measured().value) == ("not_checkable", why, None)


def test_without_evidence_nothing_is_supported():
    assert judged("The battery lasts 12 hours.", "en").why == "there is no evidence"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_only_languages_with_labels_are_calibrated(tag):
    one = pack(tag).aspects.values().__iter__().__next__().positive[0]
    assert judged(one, tag, passage(one, tag)).extra["calibrated"] is (tag in ("en", "ja"))
    assert judged(one, tag, passage(one, tag), by=Verifier.untrained()).extra["calibrated"] is False


def test_counts_are_decided_by_the_aspect_table_alone():
    name = pack("en").aspects["battery"].name
    row = AspectRow("battery", 20, 2, 0, 22)
    (found,) = VERIFIER.judge(items(f"Most reviewers are pleased with the {name}.", "en", aspects=(row,)))
    assert found.extra["by"] == "aspect table"


# ---------------------------------------------------------------------------------------------- hostile, same again


def test_hostile_outputs_are_judged_or_not_checkable_and_the_same_again():
    for hostile in outputs(60):
        mine = [Item(hostile.case, hostile.output, claim) for claim in claims_of(hostile.output, hostile.case.language)]
        found = VERIFIER.judge(mine)
        assert len(found) == len(mine)
        for judgement in found:
            assert judgement.verdict == "not_checkable" or 0 <= judgement.probability <= 1
            assert judgement.span is None or judgement.passage.text[slice(*judgement.span)]
        assert VERIFIER.judge(mine) == found


def test_a_claim_is_judged_the_same_alone_and_among_others():
    evidence = passage("The battery lasts 12 hours. The strap is comfortable.", "en")
    both = items("The battery lasts 12 hours. The strap is red.", "en", evidence)
    together = [judgement.probability for judgement in VERIFIER.judge(both)]
    assert together == pytest.approx([VERIFIER.judge([one])[0].probability for one in both], abs=1e-12)


def test_training_rows_are_judged_by_the_model_that_never_saw_their_group():
    learned = VERIFIER.learned
    assert len(learned.folds) == 5 and set(learned.groups.values()) == set(range(5))
    assert learned.fold_of("a product of ours") is None
    evidence = passage("The battery lasts 12 hours.", "en")
    mine = items("The battery lasts 11 hours.", "en", evidence)
    assert VERIFIER.apart_from("a product of ours").whole(mine) == VERIFIER.whole(mine)


# ---------------------------------------------------------------------------------------------- the file


def test_the_file_survives_being_written_again(tmp_path):
    learned = VERIFIER.learned
    path = tmp_path / "verifier.npz"
    path.write_bytes(saved(learned))
    looks = [VERIFIER.looks(items("The battery lasts 12 hours.", "en", passage("The battery lasts long.", "en")))]
    assert loaded(path).logits(looks, "en").tolist() == pytest.approx(learned.logits(looks, "en").tolist(), abs=1e-6)
    assert saved(loaded(path)) == path.read_bytes()
    assert len(path.read_bytes()) < 500_000


@pytest.mark.parametrize("content", [b"", b"not a file", b"PK\x03\x04broken"])
def test_a_file_that_is_none_is_named_in_the_error(tmp_path, content):
    path = tmp_path / "verifier.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"verifier\.npz: not a verifier's file"):
        loaded(path)


@pytest.mark.slow
def test_training_gives_the_same_bytes_again_and_a_file_that_judges(monkeypatch, tmp_path):
    for name in ("CLAIMS", "TEXTS"):
        monkeypatch.setattr(training_forests, name, replace(getattr(training_forests, name), trees=3))
    rows = [_example(number) for number in range(24)]
    one, other = (saved(training.fit(rows, VERIFIER.learned.background).learned) for _ in range(2))
    assert one == other
    path = tmp_path / "verifier.npz"
    path.write_bytes(one)
    own = Verifier.load(path)
    held, changed = ("The strap is comfortable.", "The strap is torn and red.")
    evidence = passage("The strap is comfortable.", "en")
    assert judged(held, "en", evidence, by=own).probability > judged(changed, "en", evidence, by=own).probability
    assert own.signature != VERIFIER.signature


def _example(number: int) -> Example:
    """An answer of a sentence that a review of the product says, and in turn one that it says and one that it does not."""
    words = ["battery", "strap", "screen", "lens", "hinge", "button"]
    first, second, third = (words[(number + shift) % len(words)] for shift in (0, 1, 3))
    evidence = passage(f"The {first} works well. The {second} broke in May.", "en")
    other = f"The {third} of 45 grams is scratched." if number % 2 else f"The {second} broke in May."
    looks = tuple(VERIFIER.looks(items(f"The {first} works well. {other}", "en", evidence)))
    return Example("assistant", f"p{number % 12}", "en", looks, (True, number % 2 == 0), number % 2 == 0)


def test_the_metric_names_its_model_in_its_signature():
    assert METRICS["support"].signature == Verifier.load().signature
    assert Verifier.untrained().signature != VERIFIER.signature
