"""A sentence is held against the passages it cites, and against no other."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.claims import claims_of
from evals.grounding.base import Judgement
from evals.languages import LANGUAGES
from evals.metric import Measured
from evals.metrics import METRICS
from evals.metrics.citation_support import MOST, make_citation_support
from evals.packs import pack
from evals.records import AspectRow, Case, Output, Passage

SUPPORT = METRICS["citation_support"]
# Two things said of a product; neither says the other.
SAID = {
    "en": ("The battery lasts two full days.", "The strap broke after a week."),
    "ar": ("تدوم البطارية يومين كاملين.", "انقطع الحزام بعد أسبوع واحد."),
    "ja": ("バッテリーは丸二日持ちます。", "ベルトは一週間で切れました。"),
    "hi": ("बैटरी पूरे दो दिन चलती है।", "पट्टा एक हफ्ते में टूट गया।"),
    "de": ("Der Akku hält zwei volle Tage.", "Das Armband riss nach einer Woche."),
}


def passages(tag: str, *texts: str) -> tuple[Passage, ...]:
    return tuple(Passage(n, "review", f"r{n}", tag, text, 0, len(text)) for n, text in enumerate(texts, 1))


def support(text: str, tag: str, evidence: tuple[Passage, ...], metric=SUPPORT, feature="assistant", aspects=()) -> list[Measured]:
    case = Case("case", feature, "product", tag, "category", {"question": "?"})
    output = Output("output", "run", "case", text, "ok", "now", evidence, tuple(aspects))
    claims = claims_of(output, tag)
    return list(metric.compute(case, output, claims))


@pytest.mark.parametrize("tag", SAID)
def test_the_passage_that_says_it_supports_it(tag):
    (found,) = support(f"{SAID[tag][0]} [1]", tag, passages(tag, *SAID[tag]))
    assert found.value == 1 and found.detail["supporting"] == [1] and found.detail["better"] == []


@pytest.mark.parametrize("tag", SAID)
def test_a_passage_beside_it_does_not_help_and_is_named_as_the_better_one(tag):
    (found,) = support(f"{SAID[tag][0]} [2]", tag, passages(tag, *SAID[tag]))
    assert found.value == 0 and found.detail["supporting"] == [] and found.detail["better"] == [1]


@pytest.mark.parametrize("tag", SAID)
def test_of_several_citations_those_that_support_are_named(tag):
    (found,) = support(f"{SAID[tag][0]} [2][1]", tag, passages(tag, *SAID[tag]))
    assert found.value == 1 and found.detail["cited"] == [2, 1] and found.detail["supporting"] == [1] and found.detail["better"] == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_in_every_language_a_quotation_needs_the_passage_it_comes_from(tag):
    sound, comfort = (pack(tag).answer["aspect_positive"][0].format(aspect=pack(tag).aspects[a].name) for a in ("sound", "comfort"))
    text = pack(tag).answer["quote"][0].format(snippet=sound)
    evidence = passages(tag, sound, comfort)
    (right,) = support(f"{text} [1]", tag, evidence)
    (wrong,) = support(f"{text} [2]", tag, evidence)
    assert (right.value, wrong.value) == (1, 0) and wrong.detail["better"] == [1]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_cites_nothing_has_no_value_and_saying_so_is_no_claim(tag):
    (said,) = support("12 kg 1998", tag, passages(tag, "12 kg"))
    assert said.value is None and "cites nothing" in said.reason
    (unknown,) = support(pack(tag).answer["unknown"][0], tag, passages(tag, "12 kg"))
    assert unknown.value is None and "does not tell" in unknown.reason


def test_a_citation_of_nothing_supports_nothing():
    (found,) = support("The battery lasts two full days. [7]", "en", passages("en", *SAID["en"]))
    assert found.value == 0 and found.detail["supporting"] == [] and "do not exist" in found.detail["why"]


def test_one_that_does_not_exist_beside_one_that_does_leaves_the_one():
    (found,) = support("The battery lasts two full days. [1][7]", "en", passages("en", *SAID["en"]))
    assert found.value == 1 and found.detail["cited"] == [1, 7] and found.detail["supporting"] == [1]


def test_a_highlight_is_counted_in_its_table_and_cites_snippets_of_its_aspect():
    sound = Passage(1, "review", "r1", "en", "Great sound", 0, 11, "sound", "positive")
    comfort = Passage(2, "review", "r2", "en", "Soft pads", 0, 9, "comfort", "positive")
    text = pack("en").summary["most_positive"][0].format(aspect=pack("en").aspects["sound"].name)
    rows = [AspectRow("sound", 9, 0, 1, 10)]
    (right,) = support(f"{text} [1]", "en", (sound, comfort), feature="highlights", aspects=rows)
    (wrong,) = support(f"{text} [2]", "en", (sound, comfort), feature="highlights", aspects=rows)
    assert (right.value, wrong.value, wrong.detail["better"]) == (1, 0, [1])


@dataclass
class Counting:
    """A scorer with probabilities that remembers how it was asked."""

    name: str = "counting"
    signature: str = "v:1"
    source: str = "judge"
    meaning: str = "whether the last letter of the evidence is a"
    asked: int = 0
    calls: int = 0

    def judge(self, items):
        self.calls += 1
        self.asked += len(items)
        return [self._one("".join(passage.text for passage in item.output.passages)) for item in items]

    def _one(self, text: str) -> Judgement:
        if "?" in text:
            return Judgement("not_checkable", "the server did not answer")
        return Judgement("grounded", "said", probability=0.9 if text.endswith("a") else 0.2)


def test_the_value_is_the_scorers_probability_and_its_settings_are_in_the_signature():
    metric = make_citation_support(Counting())
    (found,) = support("It is. [2]", "en", passages("en", "a", "b", "ca"), metric)
    assert found.value == 0.2 and found.detail["better"] == [1, 3]
    assert metric.source == "judge" and "by:counting" in metric.signature and metric.signature.endswith("|v:1")


def test_a_call_that_failed_is_no_zero_and_nothing_more_is_asked():
    scorer = Counting()
    (found,) = support("It is. [1]", "en", passages("en", "?", "a"), make_citation_support(scorer))
    assert found.value is None and "did not answer" in found.reason and scorer.asked == 1


def test_a_scorer_is_asked_in_two_rounds_and_not_about_more_passages_than_the_limit():
    scorer = Counting()
    evidence = passages("en", *["b"] * 100)
    support("It is. [1] It was. [2]", "en", evidence, make_citation_support(scorer))
    assert scorer.calls == 2 and scorer.asked == 2 + 2 * MOST


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.sampled_from(["[1]", "[2]", "[9]", " ok. ", "字。", "\ud800", "‮", "👩‍👧", "“", "12 ", "[1,2]"]), max_size=20).map(
        "".join
    ),
    tag=st.sampled_from([*LANGUAGES, "und"]),
)
def test_any_text_gives_a_value_or_a_reason_and_names_only_passages_that_are_there(text, tag):
    evidence = passages(tag, "ok", "字", "\udfff 12")
    found = support(text, tag, evidence)
    assert found == support(text, tag, evidence)
    for one in found:
        assert (one.value is None) == (one.reason is not None)
        assert {*one.detail.get("supporting", ()), *one.detail.get("better", ())} <= {1, 2, 3}


def test_a_line_of_a_megabyte_is_judged():
    assert support("word " * 200_000 + "[1]", "en", passages("en", "word"))[0].detail["cited"] == [1]
