"""Compare: champion and candidate over the same cases, slice by slice, and the cases that lost most. Machine scores: the gate decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from evals.paths import database_url
from evals.records import Feature, Run
from workbench import charts, queries
from workbench.cards import plain
from workbench.session import choose, choose_feature, choose_run, dark, empty_state, language_name, run_slugs, store, store_at, title

TABS = ("Slices", "Differences", "Samples", "Table")


@st.cache_data(ttl=60, show_spinner=False)
def compared(url: str, champion_run_id: str, candidate_run_id: str) -> pd.DataFrame:
    """By run ids: outputs never change, and scores are appended seldom enough for a minute."""
    return queries.comparison_frame(store_at(url).comparisons.paired_means(champion_run_id, candidate_run_id))


def toolbar() -> tuple[Feature, dict[str, Run], list[str]]:
    """The feature, its runs, and the slugs of champion and candidate; none where there are fewer than two runs."""
    columns = st.columns([2, 3, 3, 1], vertical_alignment="bottom")
    with columns[0]:
        feature = choose_feature()
    runs = run_slugs(feature)
    if len(runs) < 2:
        return feature, runs, []
    with columns[1]:
        champion = choose_run("Champion", runs, "a", next(iter(runs)))
    with columns[2]:
        candidate = choose_run("Candidate", runs, "b", list(runs)[-1])
    columns[3].button(
        "Swap", icon=":material/swap_horiz:", on_click=swap, args=(champion, candidate), help="Champion and candidate change places"
    )
    return feature, runs, [champion, candidate]


def swap(champion: str, candidate: str) -> None:
    st.query_params["a"], st.query_params["b"] = candidate, champion


def figures(frame: pd.DataFrame, metrics: list[str]) -> None:
    """A card a metric, over all languages."""
    everywhere = frame[frame["language"] == queries.EVERYWHERE].set_index("metric")
    with st.grid(min(4, len(metrics)), min_column_width=150):
        for metric in metrics:
            row = everywhere.loc[metric]
            known = metric in queries.BETTER_IS_HIGHER
            digits = 3 if known else 1
            st.metric(
                charts.shown(metric),
                f"{row['candidate']:.{digits}f}",
                delta=round(float(row["difference"]), digits) or 0,
                delta_color="normal" if known else "off",
                delta_description=f"from {row['champion']:.{digits}f} · ▲ {row['better']} ▼ {row['worse']}",
                border=True,
                help=_interval(row),
            )


def _interval(row: pd.Series) -> str:
    if pd.isna(row["half_width"]):
        return f"{row['n']} paired case: too few for an interval"
    low, high = row["difference"] - row["half_width"], row["difference"] + row["half_width"]
    return (
        f"difference {row['difference']:+.3f}, roughly {low:+.3f} … {high:+.3f} (95 %, cases taken as independent), {row['n']} paired cases"
    )


def slices(frame: pd.DataFrame, metrics: list[str]) -> None:
    """Where it got better or worse; a click on a cell opens its cases."""
    directed = [metric for metric in metrics if metric in queries.BETTER_IS_HIGHER]
    if not directed:
        st.caption("No metric with a better end is measured in both runs.")
        return
    st.plotly_chart(
        charts.slice_heatmap(frame, directed, dark()),
        config=charts.CONFIG,
        key="cells",
        on_select=open_cell,
        selection_mode="points",
        alt="Candidate minus champion per metric and language: blue better, orange worse, grey too few cases",
    )
    st.caption(
        f"Candidate − champion. Blue: better, orange: worse. Cells with fewer than {queries.SMALL} cases (n) keep their number and lose "
        "their colour. Choose a cell to see its cases."
    )


def open_cell() -> None:
    """A cell was clicked: its metric and language go into the address, and the samples come to the front."""
    points = st.session_state["cells"]["selection"]["points"]
    if points:
        st.query_params["metric"], st.query_params["lang"] = points[0]["customdata"][:2]
        st.session_state["tab"] = "Samples"


def choose_metric(metrics: list[str]) -> str:
    return choose("Metric", metrics, "metric", show=charts.shown)


def differences(frame: pd.DataFrame, metric: str) -> None:
    """One metric, every language, worst first."""
    rows = [_forest_row(row) for row in frame[frame["metric"] == metric].to_dict("records")]
    st.plotly_chart(charts.forest(rows, dark()), config=charts.CONFIG, alt=f"{metric}: candidate minus champion by language, worst first")
    st.caption(f"Grey: fewer than {queries.SMALL} cases. Bars: mean ± 1.96 standard errors over cases; for looking, not for deciding.")


def _forest_row(row: Mapping[str, Any]) -> charts.Row:
    """Green or red only where enough cases point one way."""
    name = "all languages" if row["language"] == queries.EVERYWHERE else language_name(row["language"])
    label, hover = f"{name} (n {row['n']})", f"{name}: {row['champion']:.3f} → {row['candidate']:.3f}"
    if pd.isna(row["half_width"]):
        return charts.Row(label, row["difference"], None, None, hover=hover)
    low, high = row["difference"] - row["half_width"], row["difference"] + row["half_width"]
    telling = row["n"] >= queries.SMALL and row["metric"] in queries.BETTER_IS_HIGHER
    verdict = "fail" if telling and high < 0 else "pass" if telling and low > 0 else ""
    return charts.Row(label, row["difference"], low, high, verdict, hover=hover)


def choose_language(tags: list[str]) -> str:
    return choose("Language", [queries.EVERYWHERE, *tags], "lang", show=_language_or_all)


def _language_or_all(tag: str) -> str:
    return "all languages" if tag == queries.EVERYWHERE else language_name(tag)


def samples(runs: dict[str, Run], metric: str, language: str) -> None:
    """The cases that lost most; choosing one opens it. `runs`: champion and candidate by slug."""
    champion, candidate = runs.values()
    table = queries.worst_frame(store(), champion, candidate, metric, None if language == queries.EVERYWHERE else language)
    if table.empty:
        empty_state("filter_alt_off", f"No case in {plain(language_name(language))} has {plain(metric)} in both runs.")
        return
    table["language"] = table["language"].map(language_name)
    number = st.column_config.NumberColumn
    chosen = st.dataframe(
        table,
        key="worst",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        column_order=["product", "language", "champion", "candidate", "difference"],
        column_config={
            "champion": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1),
            "candidate": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1),
            "difference": number(format="%+.2f"),
        }
        if metric in queries.BETTER_IS_HIGHER
        else {name: number(format="%.1f") for name in ("champion", "candidate", "difference")},
        alt="Cases, the largest loss first",
    )
    st.caption("The largest losses first. Choose a row to read both outputs beside their evidence.")
    if chosen["selection"]["rows"]:
        case_id = str(table.iloc[chosen["selection"]["rows"][0]]["case_id"])
        address = dict(zip(("a", "b"), runs, strict=True)) | {"metric": metric, "lang": language, "case": case_id}
        st.switch_page("views/sample.py", query_params=address)


def body(feature: Feature, runs: dict[str, Run]) -> None:
    """`runs`: champion and candidate by slug."""
    champion, candidate = runs.values()
    frame = compared(database_url(), champion.run_id, candidate.run_id)
    if frame.empty:
        empty_state("compare_arrows", "These two runs have no scored case in common.", f"plumb score {feature} RUN")
        return
    metrics, languages = queries.metrics_of(frame), sorted(set(frame["language"]) - {queries.EVERYWHERE})
    st.caption(f"{int(frame['n'].max()):,} paired cases in {len(languages)} languages. Machine scores; people's verdicts are the gate's.")
    figures(frame, metrics)
    tabs = dict(zip(TABS, st.tabs(TABS, key="tab", on_change="rerun", bind="query-params"), strict=True))
    if tabs["Slices"].open:
        with tabs["Slices"]:
            slices(frame, metrics)
    if tabs["Differences"].open:
        with tabs["Differences"]:
            with st.columns([1, 2])[0]:
                metric = choose_metric(metrics)
            differences(frame, metric)
    if tabs["Samples"].open:
        with tabs["Samples"]:
            left, right, _ = st.columns(3)
            with left:
                metric = choose_metric(metrics)
            with right:
                language = choose_language(languages)
            samples(runs, metric, language)
    if tabs["Table"].open:
        with tabs["Table"]:
            st.dataframe(frame.drop(columns="sum_squares"), hide_index=True, alt="Paired means per metric and language")


def page() -> None:
    title("Compare", "Champion and candidate over the same cases: where it got better, where worse, and which cases show it.")
    feature, runs, chosen = toolbar()
    if not chosen:
        empty_state("compare_arrows", f"Two {feature} runs are needed to compare.", f"plumb run {feature} --variant lm-int8")
    elif chosen[0] == chosen[1]:
        empty_state("content_copy", "Champion and candidate are the same run. Choose another one on either side.")
    else:
        body(feature, {name: runs[name] for name in chosen})


page()
