"""What pages read: small frames from SQL, and a decision's rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from filled_store import fill
from support import NOW, TwoRuns, a_store, two_runs

from evals.records import Decision, Feature, Product
from evals.store import PairedMean, Store
from workbench import gate_rows, queries, verdicts


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Store, dict[Feature, TwoRuns]]]:
    store = a_store()
    yield store, fill(store)
    store.close()


def test_the_figures_of_an_empty_store_are_zero() -> None:
    assert set(queries.figures(a_store())) == {0}


def test_the_figures_count_what_is_stored(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    figures = queries.figures(filled[0])
    assert (figures.products, figures.languages, figures.runs) == (3, 3, 4)
    assert figures.annotations == figures.done_tasks > 0
    assert figures.open_tasks > 0


def test_slugs_are_unique_and_lead_to_their_runs(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    store, made = filled
    slugs = queries.run_slugs(store, "highlights")
    assert {run.run_id for run in slugs.values()} == {made["highlights"].champion.run_id, made["highlights"].candidate.run_id}
    assert all(name.count(".") == 1 for name in slugs)


def test_a_run_without_a_model_has_no_tokens_per_second(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    frame = queries.runs_frame(filled[0])
    assert frame["tokens_per_s"].isna().all()
    assert set(frame["precision"]) == {"no model"}


def test_the_row_over_all_languages_weighs_by_cases() -> None:
    means = [PairedMean("m", "en", 30, 0.5, 0.6, 0.1, 3.0, 9, 1), PairedMean("m", "ja", 10, 0.9, 0.5, -0.4, 2.0, 0, 5)]
    whole = queries.comparison_frame(means).iloc[0]
    assert whole["language"] == queries.EVERYWHERE
    assert whole["difference"] == pytest.approx((30 * 0.1 - 10 * 0.4) / 40)
    assert (whole["n"], whole["better"], whole["worse"]) == (40, 9, 6)


def test_the_half_width_is_that_of_the_mean_difference() -> None:
    differences = [0.0, 0.5, -0.5, 1.0]
    mean = sum(differences) / 4
    row = PairedMean("m", "en", 4, 0, 0, mean, sum(d * d for d in differences), 0, 0)
    variance = sum((d - mean) ** 2 for d in differences) / 3
    assert queries.half_width(row) == pytest.approx(1.96 * (variance / 4) ** 0.5)


def test_one_case_has_no_interval() -> None:
    assert queries.half_width(PairedMean("m", "en", 1, 0.5, 0.6, 0.1, 0.01, 1, 0)) is None


def test_metrics_with_a_better_end_come_first() -> None:
    means = [PairedMean(name, "en", 5, 0, 0, 0, 0, 0, 0) for name in ("length_words", "citation_share", "grounded")]
    assert queries.metrics_of(queries.comparison_frame(means)) == ["grounded", "citation_share", "length_words"]


def test_a_language_without_an_annotator_is_found(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    assert queries.uncovered(filled[0]) == ["ar"]


def test_a_sample_joins_claims_scores_and_labels(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    store, made = filled
    run = made["highlights"].candidate
    case = next(case for case in store.runs.cases(run.dataset_id) if case.language == "en")
    sample = queries.sample(store, run, case.case_id)
    assert len(sample.claims) == 3
    assert all(claim.claim_id in sample.scores and claim.claim_id in sample.labels for claim in sample.claims)


# ---------------------------------------------------------------------------------------------- coverage, in SQL


def test_products_are_found_by_part_of_their_title_whatever_it_contains(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    store = filled[0]
    assert [row.product_id for row in store.coverage.products("highlights")] == ["product-1", "product-2", "product-3"]
    assert [row.product_id for row in store.coverage.products("highlights", "PRODUCT 2")] == ["product-2"]
    assert [row.product_id for row in store.coverage.products("highlights", "**bold**")] == ["product-1"]
    assert store.coverage.products("highlights", "%") == []
    assert len(store.coverage.products("highlights", limit=2)) == 2


def test_products_without_cases_are_not_offered() -> None:
    store = a_store()
    store.catalog.add_products([Product("lonely", "Lonely", "audio")])
    assert store.coverage.products("highlights") == []
    assert store.coverage.languages("highlights", "lonely") == []


def test_an_output_is_found_by_product_and_language(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    store, made = filled
    output = store.coverage.output(made["highlights"].champion.run_id, "product-2", "ja")
    assert output is not None
    assert store.runs.case(output.case_id).language == "ja"
    assert store.coverage.output(made["highlights"].champion.run_id, "product-2", "de") is None


# ---------------------------------------------------------------------------------------------- a decision's rows


@pytest.fixture(scope="module")
def decision(filled: tuple[Store, dict[Feature, TwoRuns]]) -> Decision:
    return filled[0].ledger.decisions("highlights")[0]


def test_requirements_stand_worst_first_with_number_interval_and_threshold(decision: Decision) -> None:
    rows = verdicts.requirement_rows(decision)
    assert len(rows) == len(decision.body["requirements"])
    grounded = next(row for row in rows if "grounded" in row.requirement)
    assert grounded.threshold == "≥\u00a0−10.0\u00a0pp"
    assert "3 pass" in grounded.slices
    assert not any("pass" in row.verdict for row in rows[:1])


def test_the_forest_holds_the_whole_first_with_its_own_margin(decision: Decision) -> None:
    requirement = next(row for row in verdicts.sliced(decision) if row["name"] == "grounded")
    whole, *slices = gate_rows.forest_rows(requirement)
    assert whole.label.startswith("all cases")
    assert whole.margin == pytest.approx(10)
    assert [row.margin for row in slices] == [pytest.approx(30)] * 3
    assert next(row for row in slices if row.label.startswith("Arabic")).estimate is None


def test_a_hold_says_what_would_settle_it(decision: Decision) -> None:
    assert decision.outcome == "hold"
    assert "labelled cases" in str(verdicts.plan_sentence(decision))
    missing = verdicts.plan_frame(decision)["labelled cases missing"].tolist()
    assert missing == sorted(missing, reverse=True)


def test_the_reason_is_said_once(decision: Decision) -> None:
    assert not verdicts.sentence(decision).lower().startswith("hold")


def test_the_history_has_a_row_a_decision(filled: tuple[Store, dict[Feature, TwoRuns]]) -> None:
    decisions = filled[0].ledger.decisions()
    assert len(verdicts.history_frame(decisions)) == len(decisions) == 2


def test_a_sample_without_slices_has_no_forest() -> None:
    store = a_store()
    two_runs(store, now=NOW)
    assert queries.latest_decision(store, "highlights") is None
