"""Agreement: how far people give the same answers, who with whom, whether the judge says what people say, and whether scales compare."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from annotators.raters import agreement, bridge, judged
from annotators.raters.agreement import QuestionAgreement, RaterMatrix
from evals.records import Feature
from workbench import agreement_rows, charts, measured, people_charts
from workbench.agreement_rows import language_name
from workbench.queries import SMALL
from workbench.session import choose, choose_feature, dark, empty_state, title

VIEWS = ("Between people", "Judge against people", "Across languages")
FEW_COLUMNS = 4  # so many questions leave room beside the heat map
FITS = 14


def between_people(feature: Feature) -> None:
    found = measured.once(agreement.agreement_of, feature=feature)
    if not any(one.items for one in found):
        empty_state(
            "diversity_3",
            "No item was judged by two people yet. The labelling plan says how many items get a second opinion.",
            f"plumb queue {feature} --overlap 2",
        )
        return
    columns = agreement_rows.columns(found)
    if len(columns) <= FEW_COLUMNS:
        left, right = st.columns([3, 2])
        with left:
            heat(found, columns)
        with right:
            pairs(feature)
    else:
        heat(found, columns)
        pairs(feature)
    table(found)


def heat(found: Sequence[QuestionAgreement], columns: dict[str, str]) -> None:
    st.subheader("Krippendorff's alpha", anchor=False)
    st.plotly_chart(
        people_charts.heatmap(agreement_rows.heat_cells(found), columns, agreement_rows.languages(found), dark()),
        config=charts.CONFIG,
        key="agreement_cells",
        on_select=open_cell,
        selection_mode="points",
        alt="Alpha per question and language: blue agree, orange do not, grey too few items or not measurable",
    )
    st.caption(
        f"1: they always agree, 0: no more than by chance. Blue from {people_charts.TENTATIVE:g} up, orange below. Grey: fewer than "
        f"{SMALL} items judged by two (n), or not measurable (–): the pointer says why. Choose a cell to see who agrees with whom."
    )


def open_cell() -> None:
    """A cell was clicked: its queue goes into the address."""
    points = st.session_state["agreement_cells"]["selection"]["points"]
    if points:
        column, language = points[0]["customdata"][:2]
        st.query_params["asked"] = f"{language}/{column.split('/')[0]}"


def pairs(feature: Feature) -> None:
    """Who agrees with whom, in one queue."""
    st.subheader("Who agrees with whom", anchor=False)
    found = {f"{one.language}/{one.rubric}": one for one in measured.once(agreement.rater_matrices, feature=feature) if one.pairs}
    if not found:
        st.caption("No two people judged the same item.")
        return
    chosen = choose("Queue", sorted(found, key=_queue), "asked", show=_queue)
    matrix(found[chosen])


def _queue(name: str) -> str:
    language, _, rubric = name.partition("/")
    return f"{language_name(language)} · {rubric.replace('-', ' ')}"


def matrix(found: RaterMatrix) -> None:
    names = agreement_rows.matrix_names(found)
    st.plotly_chart(
        people_charts.pair_matrix(agreement_rows.matrix_cells(found), names, dark()),
        config=charts.CONFIG,
        alt="Share of shared items on which two people gave the same answer",
    )
    st.caption(
        f"Share of the items both judged (n) on which they gave the same answer, chance included. Grey: fewer than {SMALL} items shared."
    )


def table(found: Sequence[QuestionAgreement]) -> None:
    frame = agreement_rows.table(found)
    text = st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "language": text("language", pinned=True),
            "items": st.column_config.NumberColumn("items", help="judged by two people or more", width=60),
            "labels": st.column_config.NumberColumn("labels", width=60),
            "alpha": text("alpha", help="Krippendorff's, with 95 % interval; items of one product are resampled together"),
            "says": text("says", help="by the lower end of the interval: from 0.8 on reliable, from 0.667 on tentative"),
            "AC1": text("AC1", help="Gwet's: does not fall apart where one answer is common"),
            "same answer": text("same answer", help="chance included"),
            "span IoU": text("span IoU", help="of the words marked, among those who marked any"),
            "raters": st.column_config.ListColumn("raters"),
            "why not": text("why not", width="large"),
        },
        placeholder="–",
        height="content" if len(frame) <= FITS else 530,
        alt="Agreement per question and language, the lowest first",
    )


# ---------------------------------------------------------------------------------------------- judge


def against_judge(feature: Feature) -> None:
    found = measured.once(judged.judge_against_people, feature=feature)
    if not found:
        empty_state("balance", "People have judged no drawn claim yet.", f"plumb queue {feature}")
        return
    left, right = st.columns(2)
    for column, figure, name in ((left, "accuracy", "Same verdict"), (right, "auroc", "AUROC")):
        with column:
            st.subheader(name, anchor=False)
            rows = agreement_rows.judge_rows(found, figure)
            lines = (0.5,) if figure == "auroc" else ()
            st.plotly_chart(
                people_charts.rates(rows, dark(), lines=lines),
                config=charts.CONFIG,
                key=f"judge_{figure}",
                alt=f"{name} per language, lowest first",
            )
    st.caption(
        "The metric grounded against what people together say, over claims drawn with known chances, each weighted by 1 ÷ its chance; 95 % "
        "intervals over products. Same verdict: both say grounded or both do not. AUROC: chance that a claim people find grounded has the "
        "higher score; one half is guessing."
    )
    st.dataframe(agreement_rows.judge_table(found), hide_index=True, placeholder="–", height="content", alt="Judge against people")


# ---------------------------------------------------------------------------------------------- scales


def across_languages(feature: Feature) -> None:
    shifts = measured.once(bridge.language_shifts, feature=feature)
    tags = agreement_rows.anchored(shifts)
    st.subheader("The same things in two languages", anchor=False)
    if tags:
        with st.columns([1, 2])[0]:
            reference = choose("Compared with", tags, "reference", default="en", show=language_name)
        scale(agreement_rows.shift_rows(shifts, reference), "anchors")
        st.caption(
            f"How much higher each language scores the same anchors than {language_name(reference)}, on a scale from 0 to 1, with 90 % "
            f"interval. Green: the same within ± {bridge.MARGIN:g} (dotted). Red: not the same. Grey: the anchors do not tell yet."
        )
    else:
        st.caption("Anchors are the same items in several languages. Nobody has judged any in two languages yet: `plumb quality`.")
    breaks()


def breaks() -> None:
    """Versions of one rubric, where a bridge set was labelled under both."""
    st.subheader("The same things under two versions of a rubric", anchor=False)
    drawn = False
    for older, newer in agreement_rows.versions():
        rows = agreement_rows.break_rows(measured.once(bridge.scale_break, from_rubric=older, to_rubric=newer))
        if any(row.estimate is not None for row in rows):
            drawn = True
            st.markdown(f"**{newer.replace('-', ' ')}** against {older.replace('-', ' ')}")
            scale(rows, newer)
    if not drawn:
        st.caption("No item was judged under two versions. A bridge set asks the same items again: `plumb bridge`.")


def scale(rows: Sequence[charts.Row], key: str) -> None:
    figure = people_charts.rates(rows, dark(), ends=(-0.5, 0.5), lines=(-bridge.MARGIN, 0.0, bridge.MARGIN))
    st.plotly_chart(figure, config=charts.CONFIG, key=f"scale_{key}", alt="Difference of scores, furthest first")


def page() -> None:
    title("Agreement", "Do people give the same answers, does the judge give theirs, and does a score mean the same everywhere?")
    feature = choose_feature()
    views = dict(zip(VIEWS, st.tabs(VIEWS, key="agreement_view", on_change="rerun", bind="query-params"), strict=True))
    for name, draw in zip(VIEWS, (between_people, against_judge, across_languages), strict=True):
        if views[name].open:
            with views[name]:
                draw(feature)


page()
