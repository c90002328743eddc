"""Behind the page Judges: the state of each judge in each language, where people see it otherwise, and figures that say why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support import NOW, two_runs

from evals.experiment import score
from evals.grounding.rules import GROUNDED
from evals.languages import LANGUAGES
from evals.records import Annotation, Annotator, Certificate, Claim, QueueItem, Retest, Score
from evals.statistics.intervals import no_interval
from evals.store import Store
from evals.trust.terms import load_terms
from workbench import claim_cards, judge_cards, judge_charts, judge_rows, sample_rows
from workbench.claim_cards import Layer, layered

TERMS = load_terms()
LATER = "2027-02-01T00:00:00Z"
MEASURES = {"auroc": [0.9, 0.85, 0.95], "kappa": None, "why": {"kappa": "one answer only"}, "curve": [[0.2, 0.1, 40], [0.8, 0.9, 12]]}


def a_certificate(judge: str = "support", language: str = "en", **more: object) -> Certificate:
    name = f"certificate-{judge}-{language}"
    made = Certificate(name, judge, "v:1", "claim-v2", language, "labels", 200, 100, 40, 3, NOW, "2027-01-01T00:00:00Z", None, MEASURES)
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


def states(store: Store, now: str = NOW) -> dict[tuple[str, str], str]:
    return {(one.judge, one.language): one.state for one in judge_rows.cells(store, TERMS, now=now)}


def test_every_state_of_a_certificate_is_told_apart() -> None:
    store = Store.open("sqlite://")
    few = {"n": 60, "positives": 30, "reason": "60 labels of 100"}
    poor = {"reason": "its AUROC may be as low as 0.49, 0.70 is needed"}
    rare = {"n": 300, "positives": 295, "reason": "5 of the rarer answer, 20 are needed"}
    tags = {"en": {}, "de": few, "fr": poor, "es": rare, "ja": {}}
    store.judging.add_certificates([a_certificate(language=tag, **more) for tag, more in tags.items()])
    store.judging.add_retests([Retest("retest-1", "certificate-support-ja", NOW, 60, "ranks worse than before")])
    expected = {"en": "certified", "de": "few labels", "fr": "not certified", "es": "few labels", "ja": "suspended"}
    assert states(store) == {("support", tag): state for tag, state in expected.items()}
    assert states(store, LATER)["support", "en"] == "expired"
    assert len(judge_rows.unheard(judge_rows.cells(store, TERMS, now=NOW))) == len(LANGUAGES) - 5
    assert set(judge_rows.STATES) == {*expected.values(), "expired", "unverified"}


@pytest.fixture
def scored() -> tuple[Store, list[Claim]]:
    """A store whose candidate's English and Arabic claims are scored by code."""
    store = Store.open("sqlite://")
    runs = two_runs(store, ("en", "ar"), products=2)
    score(store, runs.candidate.run_id, {GROUNDED.name: GROUNDED})
    return store, store.runs.claims(runs.candidate.run_id)


def said_by_people(store: Store, claim: Claim, verdicts: Sequence[str], why: str = "random audit") -> None:
    output = store.runs.output(claim.output_id)
    for number, verdict in enumerate(verdicts):
        name = f"{claim.claim_id}-{why}-{number}"
        item = QueueItem(
            name, "q", "highlights", store.runs.case(output.case_id).language, "claim-v2", claim.claim_id, why, 1.0, 1, NOW, {},  # type: ignore[arg-type]  # a reason
            output.run_id, output.case_id, output.output_id, claim.claim_id,
        )  # fmt: skip
        store.queue.add_items([item])
        store.labels.put_annotators([Annotator(f"annotator-{number}", f"{number}@example.org", "x", ("en",))])
        store.labels.put_annotations([Annotation(f"note-{name}", name, f"annotator-{number}", verdict, None, NOW, NOW)])


def test_a_judge_that_was_never_certified_is_unverified_and_counts_the_labels_it_has(scored: tuple[Store, list[Claim]]) -> None:
    store, claims = scored
    said_by_people(store, claims[0], ["grounded", "contradicted"])
    said_by_people(store, claims[1], ["not_checkable"])
    found = {one.language: one for one in judge_rows.cells(store, TERMS, now=NOW)}
    assert {one.state for one in found.values()} == {"unverified"}
    assert sorted(one.reason for one in found.values()) == ["0 of 100 labels", "1 of 100 labels"]


def test_a_certificate_under_other_settings_does_not_count(scored: tuple[Store, list[Claim]]) -> None:
    store, _ = scored
    store.judging.add_certificates([a_certificate("grounded", "en")])
    found = {one.language: one for one in judge_rows.cells(store, TERMS, now=NOW)}
    assert found["en"].state == "unverified" and "other settings" in found["en"].reason and found["en"].certificate is None


def test_claims_on_which_judge_and_people_differ_come_furthest_first_and_an_expert_settles(scored: tuple[Store, list[Claim]]) -> None:
    store, claims = scored
    values = {row.subject_id: row.value for row in store.runs.scores_about([one.claim_id for one in claims], "grounded")}
    good = [one for one in claims if values[one.claim_id] == 1]
    said_by_people(store, good[0], ["grounded", "contradicted"])
    said_by_people(store, good[1], ["unsupported", "contradicted", "not_checkable"])
    said_by_people(store, good[2], ["grounded", "grounded"])
    said_by_people(store, good[3], ["grounded"])
    said_by_people(store, good[3], ["contradicted"], "adjudication")
    rows = store.contested.most("grounded", GROUNDED.signature)
    apart = {row.claim_id: (row.people, row.votes, row.settled) for row in rows}
    assert apart == {good[1].claim_id: (0, 2, False), good[3].claim_id: (0, 2, True), good[0].claim_id: (0.5, 2, False)}
    assert rows[-1].claim_id == good[0].claim_id
    assert "an expert finds it not grounded" in judge_cards.contested_block(next(row for row in rows if row.settled), "grounded")
    assert store.contested.most("grounded", "v:other") == []
    assert {row.language for row in store.contested.most("grounded", GROUNDED.signature, "ar")} <= {"ar"}
    address = judge_rows.sample_address(store, rows[0])
    assert address is not None and address["a"] == address["b"] and address["look"] == f"claim-{rows[0].ordinal + 1}"


def test_figures_that_cannot_be_had_say_why() -> None:
    frame = judge_rows.figures(a_certificate()).set_index("figure")
    assert frame.loc["AUROC", "value"] == "0.90 [0.85–0.95]"
    assert (frame.loc["kappa", "value"], frame.loc["kappa", "why none"]) == ("–", "one answer only")
    assert "3 more were decided and have no value" in judge_rows.made_of(a_certificate())


def test_the_matrix_says_each_state_in_a_word_and_nothing_in_it_acts() -> None:
    store = Store.open("sqlite://")
    store.judging.add_certificates([a_certificate("<script>x</script>", "en", reason="\u202egnp <b>", n=400)])
    markup = judge_cards.matrix_block(judge_rows.cells(store, TERMS, now=NOW))
    assert "✗ not certified" in markup and "AUROC 0.90 [0.85–0.95]" in markup and 'scope="row">English' in markup
    assert "<script>" not in markup and "<b>" not in markup and "\u202e" not in markup


def test_the_calibration_curve_has_its_counts_and_the_diagonal() -> None:
    figure = judge_charts.calibration(MEASURES["curve"])  # type: ignore[arg-type]  # a list of points
    assert (figure.data[0].x, figure.data[0].y) == ((0, 1), (0, 1))
    assert figure.data[1].text == ("n 40", "n 12")
    assert figure.data[1].marker.symbol == ("circle", "circle-open")


def test_a_bias_that_cannot_be_measured_says_so() -> None:
    none = no_interval(0.95, 2, 2, "not measurable: 2 pairs")
    card = judge_rows.bias.BiasCard("=1+1", "v:1", "ar", 2, 0, none, none, none, none)
    row = judge_rows.bias_table([card]).iloc[0]
    assert (row["judge"], row["language"], row["length"]) == ("'=1+1", "Arabic", "not measurable: 2 pairs")


# ---------------------------------------------------------------------------------------------- one text under several marks


def text_of(markup: str) -> str:
    return re.sub("<[^>]+>", "", markup)


def test_layers_may_overlap_and_each_piece_has_all_that_lie_over_it() -> None:
    markup = layered("abcdef", [Layer(0, 4, "one"), Layer(2, 6, "two", after="9%")])
    assert markup == ('<span class="one">ab</span><span class="one two">cd</span><span class="two">ef</span><bdi class="pl-tag">9%</bdi>')


def test_layers_outside_the_text_are_left_out_and_the_text_stays_whole() -> None:
    many = [Layer(start, start + 9, "x") for start in range(-5, 12)]
    assert text_of(layered("a<b>\u202ec" * 2, many)) == "a&lt;b&gt;\ufffdc" * 2


def test_a_long_text_with_many_marks_is_drawn_in_one_pass() -> None:
    text = "ab" * 50_000
    markup = layered(text, [Layer(at, at + 3, "x") for at in range(0, 90_000, 10)])
    assert text_of(markup) == text


def test_what_a_scorer_says_without_a_verdict_is_read_from_its_value() -> None:
    def read(value: float | None, **detail: object) -> str:
        reason = None if value is not None else "no server"
        return sample_rows._verdict(Score("run", "case", "claim", "claim", "nli", "v:1", "model", value, reason, detail))

    assert (read(0.5), read(0.2), read(None)) == ("grounded", "unsupported", sample_rows.NO_ANSWER)
    assert read(None, verdict="not_checkable", failed=True) == sample_rows.NO_ANSWER
    assert read(None, verdict="not_checkable") == "not_checkable"
    assert all(claim_cards.sign(verdict) != claim_cards.UNKNOWN for verdict in ("grounded", "contradicted", "unsupported", "disputed"))
