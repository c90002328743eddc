"""The page Programme: experiments, cadence, what labels served, gains, sealed sets; hostile text stays text."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import text
from streamlit.testing.v1 import AppTest
from support import NOW, TwoRuns, a_case, a_product, two_runs

from annotators.asking import queues
from evals.identity import content_id
from evals.paths import ROOT
from evals.programme import experiments, load_rules, registration, sealed
from evals.records import Annotation, Annotator, Experiment
from evals.store import Month, Store
from workbench import programme_words
from workbench.programme_rows import cadence, cadence_alt, calendar

HOSTILE = "<script>alert(1)</script> **bold** :red[x] \u202egnp"
POLICY: dict[str, Any] = {
    "version": 1,
    "feature": "highlights",
    "alpha": 0.02,
    "requirements": [{"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.95, "min_labels": 3}],
}


def plan(store: Store, runs: TwoRuns, hypothesis: str = "A shorter prompt is as true.", **more: Any) -> Experiment:
    return registration.plan(
        store, load_rules(), feature="highlights", hypothesis=hypothesis, champion=runs.champion, candidates=[runs.candidate],
        policy=POLICY, actor="owner", now=NOW, **more,
    )  # fmt: skip


def promoted(store: Store) -> Experiment:
    """An experiment whose candidate is promoted: everybody says that everything is grounded."""
    runs = two_runs(store, ("en",), products=9, claims=2)
    found = plan(store, runs, HOSTILE)
    ann = Annotator("annotator-ann", "ann@example.org", "Ann", ("en",))
    store.labels.put_annotators([ann])
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    store.labels.put_annotations(
        Annotation(content_id("annotation", item.item_id), item.item_id, ann.annotator_id, "grounded", None, NOW, NOW)
        for item in store.queue.items()
    )
    experiments.decide(store, found.experiment_id, actor="owner", now=NOW)
    return found


def opened(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)
    at.switch_page("views/programme.py")
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.code, at.warning)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def test_an_empty_programme_says_how_to_plan(store: Store) -> None:
    at = opened()
    assert at.title[0].value == "Programme"
    assert "plumb experiment plan highlights" in said(at) and "plumb experiment seal" in said(at)
    assert not at.dataframe


def test_a_decided_experiment_shows_its_gain_and_what_to_expect(store: Store) -> None:
    found = promoted(store)
    at = opened()
    tables = {tuple(frame.value.columns): frame.value for frame in at.dataframe}
    table = next(value for columns, value in tables.items() if "allowed" in columns)
    assert (table["state"][0], table["promoted"][0], table["id"][0]) == (["decided"], 1, programme_words.short(found))
    gain = next(value for columns, value in tables.items() if "expected" in columns)
    assert (gain["requirement"][0], gain["reported"][0], gain["expected"][0]) == ("grounded", "+0.000", "+0.000")
    assert re.fullmatch(r"−0\.\d{3} … \+0\.\d{3}", gain["interval"][0])
    assert "1 of 1 candidates promoted" in said(at)
    assert {metric.label: metric.value for metric in at.metric} == {
        "Running": "0",
        "Planned": "0",
        "Next level": "0.0291",
        "Sealed sets": "0",
    }
    assert "<script>" not in said(at) and "\u202e" not in said(at)


def test_an_experiment_shows_what_was_frozen_and_whether_it_still_is(store: Store) -> None:
    found = promoted(store)
    at = opened(experiment=programme_words.short(found))
    assert "as registered" in said(at) and "margin: 0.95" in said(at) and "looks: 1" in said(at)
    assert [link.proto.label for link in at.get("page_link")] == ["Open the decision"]
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE experiment SET seed = 7"))
    assert "not what was registered" in said(opened())


def test_cadence_and_exposure_have_words_beside_their_colours(store: Store) -> None:
    promoted(store)
    at = opened()
    chart = at.get("plotly_chart")[0]
    assert "meant 2 to 3" in chart.proto.alt
    exposed = next(frame for frame in at.dataframe if "standing" in frame.value.columns)
    assert (exposed.value["comparisons"][0], exposed.value["left"][0], exposed.value["standing"][0]) == (1, 11, ["fresh"])


def test_exploratory_ones_say_so_and_open_ones_come_first(store: Store) -> None:
    promoted(store)
    plan(store, two_runs(store, ("ja",)), exploratory=True)
    table = next(frame.value for frame in opened().dataframe if "allowed" in frame.value.columns)
    assert table["kind"].tolist() == ["exploratory", "registered"] and table["state"].tolist() == [["planned"], ["decided"]]


def test_a_sealed_set_is_shown_without_what_is_in_it(store: Store) -> None:
    store.catalog.add_products(a_product(number) for number in range(3))
    cases = [a_case("highlights", a_product(number), "en", reviews=1) for number in range(3)]
    found = sealed.seal(store, "highlights", "winter", cases, 2, seed=0, actor="owner", now=NOW)
    at = opened()
    table = next(frame.value for frame in at.dataframe if "commitment" in frame.value.columns)
    assert (table["state"][0], table["cases"][0], table["commitment"][0]) == (["sealed"], 2, found.commitment)
    assert "product-" not in said(at) + table.to_csv()


def test_each_feature_has_its_own_programme(store: Store) -> None:
    promoted(store)
    assert "plumb experiment plan assistant" in said(opened(feature="assistant"))


# ---------------------------------------------------------------------------------------------- the chart


def test_twelve_months_are_shown_those_without_experiments_too() -> None:
    from datetime import date

    found = calendar([Month("2026-02", 3, 1, 0), Month("2020-01", 9, 9, 9)], date(2026, 3, 5))
    assert [month.month for month in found][:2] == ["2025-04", "2025-05"] and found[-1].month == "2026-03" and len(found) == 12
    assert [month.planned for month in found][-2:] == [3, 0]


def test_the_band_of_the_chart_is_the_cadence_meant() -> None:
    months = [Month("2026-02", 5, 1, 0), Month("2026-03", 0, 0, 1)]
    figure = cadence(months, (2, 3)).to_plotly_json()
    assert list(figure["data"][0]["y"]) == [5, 0]
    (band,) = figure["layout"]["shapes"]
    assert (band["y0"], band["y1"]) == (2, 3)
    assert cadence_alt(months, (2, 3)) == "Experiments planned a month, meant 2 to 3: 2026-02 5"
