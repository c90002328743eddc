"""Spans that are flagged as probably hallucinated: where they lie, what they catch, and what is not measured."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.quality.span_rows import marks_of
from benchmarks.quality.spans_training import Counts, example, exported
from evals.claims import claims_of
from evals.grounding.span_features import columns, read, units
from evals.grounding.spans import MODEL, MOST_CHARACTERS, Suspicion, Trees, Vocabulary, most_overlap, suspicion
from evals.languages import LANGUAGES
from evals.metric import Measured
from evals.metrics import METRICS
from evals.records import Case, Output, Passage

MEASURED = ("ar", "cs", "de", "en", "es", "fi", "fr", "hi", "it", "sv", "zh")  # and three that are none of the 28
SHARE = METRICS["hallucinated_share"]
HOSTILE = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(["1998", "Paris ", "‮", "\ud800", "👩‍👩‍👧", "[1]", "字", "。", "“", "\n", "تأسست ", "\x00", "ﷺ"]), max_size=25
    ).map("".join),
)


def passage(text: str, tag: str, number: int = 1, source: str = "review") -> Passage:
    return Passage(number, source, f"{source}{number}", tag, text, 0, len(text))


def share(text: str, tag: str = "en", question: str = "", passages=()) -> Measured:
    case = Case("case", "assistant", "product", tag, "category", {"question": question})
    output = Output("output", "run", "case", text, "ok", "now", tuple(passages))
    (found,) = SHARE.compute(case, output, claims_of(output, tag))
    return found


def assert_in_order(found: Suspicion, text: str) -> None:
    places = [place for span in found.spans for place in (span.start, span.end)]
    assert places == sorted(set(places)), "each begins behind the end of the one before"
    assert all(0 <= place <= len(text) for place in places)
    assert all(0 < span.probability <= 1 for span in found.spans)
    assert len(found.characters) == len(text) and found.flagged.sum() == sum(span.end - span.start for span in found.spans)


@settings(max_examples=25, deadline=None)
@given(
    text=HOSTILE,
    question=HOSTILE,
    evidence=HOSTILE,
    tag=st.sampled_from([*LANGUAGES, "ca", "und"]),
    setting=st.sampled_from(["memory", "evidence"]),
)
def test_spans_lie_inside_the_text_in_order_apart_and_the_same_again(text, question, evidence, tag, setting):
    found = suspicion(text, tag, setting=setting, question=question, evidence=evidence)
    assert_in_order(found, text)
    again = suspicion(text, tag, setting=setting, question=question, evidence=evidence)
    assert found.spans == again.spans and np.array_equal(found.characters, again.characters)


@pytest.mark.parametrize(
    ("tag", "question", "answer", "wrong", "right"),
    [
        ("en", "When was the bridge in Ulmbach opened?", "The bridge in Ulmbach was opened in 1937.", "1937", "The bridge in Ulmbach"),
        ("ar", "متى افتتح الجسر في مدينة نورة؟", "افتتح الجسر في مدينة نورة في عام 1937.", "1937", "افتتح الجسر"),
        ("hi", "नूरपुर का पुल कब खोला गया था?", "नूरपुर का पुल 1937 में खोला गया था।", "1937", "नूरपुर का पुल"),
        ("de", "Wann wurde die Brücke in Ulmbach eröffnet?", "Die Brücke in Ulmbach wurde 1937 eröffnet.", "1937", "Die Brücke in Ulmbach"),
        ("ja", "ウルムの橋はいつ開通しましたか?", "ウルムの橋は1937年に開通しました。", "1937", "ウルムの橋"),
        ("zh", "乌尔姆的桥是什么时候开通的？", "乌尔姆的桥于1937年开通。", "1937", "乌尔姆的桥"),
    ],
)
def test_the_answer_is_more_suspect_than_the_question_said_back(tag, question, answer, wrong, right):
    found = suspicion(answer, tag, setting="memory", question=question).characters
    mean = {part: found[answer.index(part) : answer.index(part) + len(part)].mean() for part in (wrong, right)}
    assert mean[wrong] > mean[right] + 0.1, mean


def test_what_the_evidence_has_is_less_suspect():
    evidence = "The speaker weighs 540 g and comes in black. Reviewers like the clear sound. " * 2
    text = "The speaker weighs 540 g and comes in black. It was designed in 1987 by Otto Frandsen of Lisbon."
    found = suspicion(text, "en", setting="evidence", evidence=evidence).characters
    assert found[:45].mean() < found[45:].mean()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_without_measured_spans_says_so(tag):
    detail = share("12 kg, 1998.", tag).detail
    assert detail["setting"] == "memory" and detail["verified"] == (tag in MEASURED)
    detail = share("12 kg, 1998.", tag, passages=[passage("12 kg", tag)]).detail
    assert detail["setting"] == "evidence" and detail["verified"] == (tag == "en")


@pytest.mark.parametrize(
    ("text", "passages", "why"),
    [
        ("", [], "no letter"),
        ("… [1] !", [], "no letter"),
        ("It is light.", [passage("Es ist leicht.", "de")], "the evidence is in de, the output in en"),
        ("The reviews and product details do not answer this question.", [], "does not tell"),
        ("long " * MOST_CHARACTERS, [], f"more than {MOST_CHARACTERS} characters"),
    ],
)
def test_where_nothing_can_be_told_there_is_a_reason_and_no_value(text, passages, why):
    found = share(text, passages=passages)
    assert found.value is None and why in found.reason


def test_an_attribute_is_evidence_in_every_language():
    assert share("Es wiegt 540 g.", "de", passages=[passage("540 g", "en", source="attribute")]).value is not None


def test_the_value_is_the_share_of_characters_in_the_spans_and_citation_marks_are_not_counted():
    text = "Opened in 1937 by Otto Frandsen. [1]"
    found = share(text, question="When was it opened?")
    counted = [place for place, character in enumerate(text[:-3]) if not character.isspace()]
    inside = [place for start, end, _ in found.detail["spans"] for place in range(start, end) if place in counted]
    assert found.value == pytest.approx(len(inside) / len(counted))
    assert 0 < found.detail["expected_share"] < 1
    assert share(text[:-4], question="When was it opened?").detail["spans"] == found.detail["spans"]


def test_a_million_characters_are_refused_at_once_and_read_no_further_than_the_limit():
    assert share("a" * 1_000_000).value is None
    found = suspicion("a" * 1_000_000, "en", setting="memory", evidence="word " * 200_000)
    assert len(found.characters) == 1_000_000 and found.spans[-1].end <= MOST_CHARACTERS


@given(st.lists(st.floats(0, 1), max_size=7))
def test_what_is_flagged_has_the_largest_expected_overlap_of_all_sets(probabilities):
    p = np.array(probabilities)
    chosen = most_overlap(p)

    def overlap(flagged: np.ndarray) -> float:
        return p[flagged].sum() / (flagged.sum() + p[~flagged].sum()) if flagged.any() else 0.0

    sets = [np.array([bool(number >> place & 1) for place in range(len(p))], dtype=bool) for number in range(2 ** len(p))]
    assert overlap(chosen) == pytest.approx(max(map(overlap, sets)), abs=1e-9)


def test_trees_add_their_leaves_and_send_what_is_missing_where_they_learned_to():
    trees = Trees(
        roots=np.array([0, 3], dtype=np.int32),
        feature=np.array([0, 0, 0, 1, 0, 0], dtype=np.uint8),
        threshold=np.array([0.5, 0, 0, 2, 0, 0], dtype=np.float32),
        missing_left=np.array([False, False, False, True, False, False]),
        left=np.array([1, 1, 2, 4, 4, 5], dtype=np.int32),
        right=np.array([2, 1, 2, 5, 4, 5], dtype=np.int32),
        value=np.array([0, -1, 1, 0, -10, 10], dtype=np.float32),
        depth=1,
        baseline=0.25,
    )
    rows = np.array([[0.5, 3], [0.6, 2], [np.nan, np.nan]], dtype=np.float32)
    assert trees.log_odds(rows).tolist() == [9.25, -8.75, -8.75]


def test_the_features_are_those_the_trees_were_trained_on_and_the_file_is_small():
    recipe = json.loads((MODEL / "recipe.json").read_text(encoding="utf-8"))
    found = columns(read("A word.", "en"), Vocabulary({}, 0.3, {}))
    assert all(set(head["features"]) == set(found) for head in recipe["heads"].values())
    assert sum(file.stat().st_size for file in MODEL.iterdir()) <= 1_000_000


def test_a_unit_is_a_word_a_number_a_mark_or_a_character():
    assert [unit.text for unit in units("L’eau: 1.5 l 水は")] == ["L’eau", ":", "1.5", "l", "水", "は"]


def row(output: str, start: int, end: int, group: str) -> dict:
    return {"output": output, "lang": "en", "group": group, "source": None, "spans": [{"start": start, "end": end}], "soft_spans": []}


def test_a_words_rates_never_count_the_answer_they_are_looked_up_for():
    examples = [example(row(f"Opened in {year}.", 10, 14, f"g{year}")) for year in (1931, 1932, 1933)]
    counts = Counts(examples)
    before = counts.look("en", "opened")
    with counts.without(examples[0]) as others:
        assert others.look("en", "1931") == (0.0, others.base("en"))
        assert others.look("en", "opened")[0] == pytest.approx(np.log1p(100), abs=0.01)
    assert counts.look("en", "opened") == before and before[1] < counts.base("en")


def test_a_mark_is_a_hallucination_from_a_severity_on_and_half_the_target_is_votes():
    mild, grave = ({"start": 0, "end": 2, "severity": severity} for severity in (1, 3))
    assert marks_of({"output": "abc", "spans": [mild]}).hard.tolist() == [0, 0, 0]
    assert marks_of({"output": "abc", "spans": [grave]}).soft.tolist() == [1, 1, 0]
    voted = marks_of({"output": "abc", "spans": [], "soft_spans": [{"start": 1, "end": 4, "prob": 0.25}]})
    assert voted.hard.tolist() == [0, 0, 0] and voted.soft.tolist() == [0, 0.25, 0.25]


def test_exported_trees_say_what_scikit_learn_says():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    right = np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1]) > rng.normal(size=400)
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(max_iter=8, early_stopping=False, random_state=0).fit(rows, right)
    arrays, about = exported(model)
    trees = Trees(**{key: value.astype(np.int32) if key in ("roots", "left", "right") else value for key, value in arrays.items()}, **about)
    assert trees.log_odds(rows) == pytest.approx(model.decision_function(rows), abs=1e-5)
