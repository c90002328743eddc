"""Hostile texts: a small part of `benchmarks.quality.fuzz`, and honest texts with nothing to measure them by, in 28 languages."""

import json
from random import Random

import pytest
from scripted_judge import serving
from support import NOW, a_case, a_product, a_run, a_variant, an_output
from support_hostile import TEXTS, honest, output, outputs, reply

from benchmarks.quality.fuzz import Found, examine, report
from evals.claims import claims_of
from evals.experiment import score
from evals.grounding.base import Item
from evals.judges.claim_judge import ClaimJudge
from evals.judges.endpoint import Judge
from evals.judges.material import mended
from evals.languages import LANGUAGES
from evals.metrics import METRICS, REFERENCE_METRICS
from evals.records import AspectRow, Dataset, Output, Passage
from evals.store import Store
from guardrails import RAILS, TARGETS, Context

ALL_METRICS = METRICS | REFERENCE_METRICS
OUTPUTS = 300
# What a text alone can be worth nothing in: the others need evidence, counts or a reference, and without them 0 would be a lie.
BY_TEXT_ALONE = {"language_adherence", "length_words", "citation_share", "redundancy", "readability", "hallucinated_share"}


@pytest.mark.parametrize("part", range(10))
def test_no_scorer_rail_or_judges_reader_breaks_on_hostile_outputs(part):
    found = Found()
    for number in range(part, OUTPUTS, 10):
        found.add(examine(output(number, 1 + number % 200)))
    assert found.wrong == {}


def test_hostile_outputs_are_the_same_every_time_and_of_every_kind():
    assert list(outputs(20)) == list(outputs(20))
    assert all(maker(Random(1), 50) == maker(Random(1), 50) for maker in TEXTS.values())
    assert {len(hostile.output.text) for hostile in outputs(3, large=1, longest=5000)} >= {5000}


def test_a_fault_is_reported_with_the_numbers_that_make_it_again():
    found = Found({("length_words", "ValueError: 'x'"): [7, 3]})
    text, wrong = report(found, {}, 10, 0, 0)
    assert wrong == ["length_words: ValueError: 'x': 2 outputs, such as [3, 7]"]
    assert wrong[0] in text


# ---------------------------------------------------------------------------------------------- what was found before


@pytest.mark.parametrize("rail", RAILS)
@pytest.mark.parametrize("text", ["\u1c89a \u0378а\U0001e4f0", "\ud800", "\U0001e4f0" * 5, "2\u3248²①", "İ" * 9 + "ﷺ"])
def test_a_character_without_a_name_or_a_value_breaks_no_rail(rail, text):
    for target in TARGETS:
        assert isinstance(RAILS[rail].check(text, "el", Context("assistant", target)), list)


@pytest.mark.parametrize("name", ALL_METRICS)
def test_a_digit_younger_than_this_pythons_unicode_breaks_no_scorer(name):
    case = a_case("assistant", a_product(1), "hi", question="?", reference="\U0001e4f0 %")
    said = an_output(a_run(a_variant("assistant", "v"), _dataset(1)), case, "good \U0001e4f0 of \U0001e4f0 %, \U00010d40 reviewers")
    assert all(row.value is not None or row.reason for row in ALL_METRICS[name].measure(case, said, claims_of(said, "hi")))


def test_an_aspect_table_that_counts_no_review_is_not_measurable():
    case = a_case("highlights", a_product(1), "en")
    said = an_output(a_run(a_variant("highlights", "v"), _dataset(1)), case, "Good.", aspects=[AspectRow("battery", 9, 0, 3, 0)])
    [found] = METRICS["aspect_coverage"].measure(case, said, ())
    assert (found.value, found.reason) == (None, "not measurable: the aspects are counted in no review")


def test_ter_says_when_a_text_is_too_long_for_it():
    long = "word " * 400
    case = a_case("assistant", a_product(1), "en", reference=long)
    said = an_output(a_run(a_variant("assistant", "v"), _dataset(1)), case, "word")
    [found] = REFERENCE_METRICS["ter"].measure(case, said, ())
    assert found.value is None
    assert "too long" in str(found.reason)


def _dataset(cases: int) -> Dataset:
    return Dataset("dataset-1", "d", "assistant", cases, NOW)


# ---------------------------------------------------------------------------------------------- in a store


def test_scores_of_hostile_outputs_can_be_kept(tmp_path):
    """What a store takes is text without lone surrogates: what `plumb` reads is mended before."""
    store = Store.open(f"sqlite:///{tmp_path / 's.sqlite3'}")
    cases = [a_case("assistant", a_product(1), tag, question=mended(output(i).output.text)) for i, tag in enumerate(LANGUAGES)]
    dataset = Dataset("dataset-1", "d", "assistant", len(cases), NOW)
    variant = a_variant("assistant", "v")
    run = a_run(variant, dataset)
    store.catalog.add_products([a_product(1)])
    store.runs.add_dataset(dataset, cases)
    store.runs.add_variant(variant)
    store.runs.add_run(run)
    store.runs.add_outputs([_storable(an_output(run, case, output(i, 60).output.text)) for i, case in enumerate(cases)])
    assert score(store, run.run_id, {name: metric for name, metric in METRICS.items() if name != "ragas_string_presence"})
    assert not [row for row in store.runs.scores(run.run_id) if (row.reason or "").startswith("the metric failed")]


def _storable(said: Output) -> Output:
    return Output(said.output_id, said.run_id, said.case_id, mended(said.text).replace("\0", ""), "ok", NOW)


# ---------------------------------------------------------------------------------------------- judges


def test_a_judge_that_answers_anything_costs_a_value_and_nothing_else():
    random = Random(1)
    evidence = "The battery lasts two days."
    case = a_case("assistant", a_product(1), "en", question="How long does it last?")
    run = a_run(a_variant("assistant", "v"), _dataset(1))
    said = an_output(run, case, "It lasts two days [1].", [Passage(1, "review", "r", "en", evidence, 0, len(evidence))])
    items = [Item(case, said, claim) for claim in claims_of(said, "en")]

    def answer(_request):
        usual = {"choices": [{"message": {"content": reply(random, quoted=evidence)}, "finish_reason": "stop"}]}
        raw = json.dumps(usual).encode()
        return 200, random.choice((*[raw] * 12, raw[: len(raw) // 2], b"\xff\xfe", b"[]", b"null", b'{"choices": 1}', b"[" * 100_000))

    with serving(answer) as (url, _):
        judge = ClaimJudge(Judge(url, "judge", attempts=1, wait_s=0.001))
        found = [judge.judge(items)[0].measured() for _ in range(120)]
    assert {row.value is None for row in found} == {True, False}
    assert all(row.reason for row in found if row.value is None)


# ---------------------------------------------------------------------------------------------- nothing to measure by


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_cannot_be_measured_has_a_reason_and_is_never_0(tag):
    """An honest text of each language: without evidence, with empty evidence, and with evidence in another language."""
    other = "ja" if tag != "ja" else "en"
    foreign = honest(other)(Random(1), 80)
    text = " ".join(honest(tag)(Random(2), 200).replace("[1]", "").replace("[2]", "").replace("[3]", "").split())
    for passages in ((), (_passage(tag, ""), _passage(tag, " \n")), (_passage(other, foreign),)):
        for feature in ("highlights", "assistant"):
            case = a_case(feature, a_product(1), tag)
            said = an_output(a_run(a_variant(feature, "v"), _dataset(1)), case, text, passages)
            claims = claims_of(said, tag)
            for name, metric in ALL_METRICS.items():
                for row in metric.measure(case, said, claims):
                    assert (row.value is None) == bool(row.reason)
                    assert row.value != 0 or name in BY_TEXT_ALONE | _SAYS_NOTHING_SUPPORTS, (name, row.reason, row.detail)


_SAYS_NOTHING_SUPPORTS = {"grounded", "support"}


def _passage(tag: str, text: str) -> Passage:
    return Passage(1, "review", "r", tag, text, 0, len(text))
