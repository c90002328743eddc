"""Compare: champion and candidate over the same cases, slice by slice, and the cases that lost most. Machine scores: the gate decides."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench import charts, queries
from workbench.session import choose_feature, choose_runs, empty_state, slug, store

# For these, a candidate that scores higher is better; the others are only different.
BETTER_IS_HIGHER = ("grounded", "language_adherence", "citation_share")

st.title("Compare")
feature = choose_feature()
runs = choose_runs(feature)
if runs is None:
    empty_state("compare_arrows", f"Two {feature} runs are needed.", f"plumb run {feature} --variant lm-int8")
    st.stop()
champion, candidate = runs

frame = queries.comparison_frame(store().comparisons.paired_means(champion.run_id, candidate.run_id))
if frame.empty:
    empty_state("compare_arrows", "These two runs have no scored case in common.", f"plumb score {feature} lm-int8")
    st.stop()


def overall(metric: str) -> pd.Series:
    """Case-weighted means over all languages."""
    rows = frame[frame["metric"] == metric]
    weights = rows["n"] / rows["n"].sum()
    sums = rows[["better", "worse", "n"]].sum()
    return pd.concat([rows[["champion", "candidate", "difference"]].mul(weights, axis=0).sum(), sums])


metrics = sorted(frame["metric"].unique(), key=lambda name: (name not in BETTER_IS_HIGHER, name))
for column, metric in zip(st.columns(min(4, len(metrics))), metrics[:4], strict=False):
    values = overall(metric)
    column.metric(
        metric.replace("_", " "),
        f"{values['candidate']:.3f}",
        delta=f"{values['difference']:+.3f}",
        delta_color="normal" if metric in BETTER_IS_HIGHER else "off",
        border=True,
        help=f"champion {values['champion']:.3f}; {values['n']:.0f} cases; ▲ {values['better']:.0f} better, ▼ {values['worse']:.0f} worse",
    )

cases = int(frame.groupby("metric")["n"].sum().max())
st.caption(
    f"{cases:,} paired cases in {frame['language'].nunique()} languages. Machine scores, not people's; "
    f"cells with fewer than {queries.SMALL} cases are not coloured."
)
slices, samples = st.tabs(["Slices", "Samples"])
with slices:
    st.plotly_chart(charts.slice_heatmap(frame), config=charts.CONFIG, alt="Difference per metric and language")
    with st.expander("As a table"):
        st.dataframe(frame, hide_index=True, alt="Paired means per metric and language")
with samples:
    metric = st.selectbox("Metric", metrics, key="metric", bind="query-params")
    pairs = store().comparisons.worst_pairs(champion.run_id, candidate.run_id, metric)
    table = pd.DataFrame([pair._asdict() for pair in pairs])
    chosen = st.dataframe(table, key="worst", on_select="rerun", selection_mode="single-row", hide_index=True, alt="Worst cases first")
    if chosen["selection"]["rows"]:
        case_id = table.iloc[chosen["selection"]["rows"][0]]["case_id"]
        query = {"feature": feature, "a": slug(store(), champion), "b": slug(store(), candidate), "case": case_id}
        st.switch_page("views/sample.py", query_params=query)
    st.caption("Choose a row to read both outputs beside their evidence.")
