"""Judges: how far each may be believed in each language, where people see it otherwise, what moves it, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from evals.store import ContestedClaim
from evals.trust.terms import load_terms
from workbench import cards, charts, judge_cards, judge_charts, judge_rows
from workbench.cards import plain
from workbench.context import now
from workbench.judge_rows import Cell, judge_name, language_name
from workbench.queries import EVERYWHERE
from workbench.session import choose, dark, empty_state, store, title

TABS = ("Certificates", "Disagreements", "Pairs", "Bill")
FITS = 10  # rows of the table shown whole
MOST = 50  # claims listed


# ---------------------------------------------------------------------------------------------- certificates


def certificates(found: Sequence[Cell]) -> None:
    numbers(found)
    st.html(f"<style>{judge_cards.CSS}</style>{judge_cards.matrix_block(found)}")
    terms = load_terms()
    st.caption(
        f"Certified: at least {terms.min_labels} claims decided by people, {terms.min_rare} of the rarer answer; AUROC from "
        f"{terms.min_auroc:g} at the lower end of its 95 % interval; calibration error up to {terms.max_calibration_error:g}; for "
        f"{terms.days} days. Without a certificate a judge decides nothing alone."
    )
    if silent := judge_rows.unheard(found):
        st.caption(f"Unverified too, for no judge has scored anything there: {', '.join(silent)}.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        judge = choose_judge(found)
        mine = [one for one in found if one.judge == judge]
        tag = choose("Language", [one.language for one in mine], "lang", show=language_name)
    one(next(each for each in mine if each.language == tag))


def numbers(found: Sequence[Cell]) -> None:
    count = {state: sum(one.state == state for one in found) for state in judge_rows.STATES}
    with st.grid(3, min_column_width=150):
        st.metric("Certified", count["certified"], border=True, help="judge × language, today")
        st.metric("Suspended or expired", count["suspended"] + count["expired"], border=True)
        rest = len(found) - count["certified"] - count["suspended"] - count["expired"]
        st.metric("Not certified", rest, border=True, help="unverified, too few labels, or not good enough")


def choose_judge(found: Sequence[Cell]) -> str:
    return choose("Judge", list(dict.fromkeys(one.judge for one in found)), "judge", show=judge_name, clears=("claim",))


def one(chosen: Cell) -> None:
    """The calibration curve beside the figures; what to do where there is none."""
    st.subheader(f"{judge_name(chosen.judge)} · {language_name(chosen.language)}", anchor=False)
    if chosen.certificate is None:
        empty_state("verified", f"{chosen.state}: {plain(chosen.reason)}.", f"plumb judge certify {chosen.judge}")
        return
    left, right = st.columns(2)
    with left:
        curve(chosen)
    with right:
        st.markdown(f"**{chosen.state}** · {plain(chosen.reason)}")
        st.dataframe(judge_rows.figures(chosen.certificate), hide_index=True, placeholder="", alt="Figures with 95 % intervals")
        st.caption(plain(judge_rows.made_of(chosen.certificate)))
        st.caption(f"Settings: {plain(chosen.signature)}")
        again = store().judging.retests(chosen.certificate.certificate_id)
        if again:
            st.dataframe(judge_rows.retests(again), hide_index=True, alt="Retests on the anchors, newest first")
        else:
            st.caption(f"Not tested again yet: `plumb judge retest {chosen.judge}`")


def curve(chosen: Cell) -> None:
    points = chosen.certificate.measures.get("curve") if chosen.certificate else None
    if not points:
        st.caption("There are too few labels for a calibration curve.")
        return
    st.plotly_chart(
        judge_charts.calibration(points, dark()),
        config=charts.CONFIG,
        key="judge_curve",
        alt="Calibration: what the judge says against the share people find grounded",
    )
    st.caption("On the dotted line it means what it says; below, fewer claims are grounded than it says. Hollow: fewer than 30 claims.")


# ---------------------------------------------------------------------------------------------- disagreements


def disagreements(found: Sequence[Cell]) -> None:
    """Where judge and people differ most; one of them closely, with the way to its sample."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        judge = choose_judge(found)
        mine = [one for one in found if one.judge == judge]
        tag = choose(
            "Language",
            [EVERYWHERE, *(one.language for one in mine)],
            "lang",
            show=lambda name: "all languages" if name == EVERYWHERE else language_name(name),
            clears=("claim",),
        )
    rows = store().contested.most(judge, mine[0].signature, None if tag == EVERYWHERE else tag, MOST)
    if not rows:
        empty_state("handshake", "People have decided no claim that it sees otherwise.", "plumb queue highlights")
        return
    table(rows)
    names = [judge_rows.short(row) for row in rows]
    place = current(names)
    stepper(names, place)
    detail(rows[place], judge)


def table(rows: Sequence[ContestedClaim]) -> None:
    share = {"min_value": 0.0, "max_value": 1.0, "format": "%.2f", "width": 110}
    st.dataframe(
        judge_rows.contested_table(rows),
        key="contested_rows",
        on_select=lambda: picked(rows),
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(rows) <= FITS else 380,
        column_config={
            "claim": st.column_config.TextColumn("claim", width="large"),
            "judge": st.column_config.ProgressColumn("judge", help="how probable it finds that the evidence says so", **share),  # type: ignore[arg-type]  # width and format, by name
            "people": st.column_config.ProgressColumn("people", help="share that finds it grounded", **share),  # type: ignore[arg-type]
        },
        placeholder="–",
        alt="Claims on which judge and people differ, most first",
    )


def picked(rows: Sequence[ContestedClaim]) -> None:
    """A row was clicked: its claim goes into the address."""
    chosen = st.session_state["contested_rows"]["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        go(judge_rows.short(rows[chosen[0]]))


def go(name: str) -> None:
    st.query_params["claim"] = name


def current(names: list[str]) -> int:
    """The place of the claim that the address names, else the first; one that is not here is named."""
    asked = st.query_params.get("claim")
    if asked is None or asked in names:
        return 0 if asked is None else names.index(asked)
    st.warning(f"There is no claim “{plain(asked[:60])}” among these: showing the first.", icon=":material/search_off:")
    return 0


def stepper(names: list[str], place: int) -> None:
    """Previous and next within what is shown: k and j."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.markdown(f":gray[{place + 1} of {len(names)}, furthest apart first]", width="content")
        before, after = names[max(0, place - 1)], names[min(len(names) - 1, place + 1)]
        st.button("Previous", shortcut="k", disabled=place == 0, on_click=go, args=(before,), icon=":material/chevron_left:")
        st.button("Next", shortcut="j", disabled=place == len(names) - 1, on_click=go, args=(after,), icon=":material/chevron_right:")


def detail(row: ContestedClaim, judge: str) -> None:
    with st.container(border=True):
        st.html(cards.text_block(row.language, row.text))
        st.html(judge_cards.contested_block(row, judge))
        address = judge_rows.sample_address(store(), row)
        if address:
            st.page_link("views/sample.py", label="Open the sample", icon=":material/article:", query_params=address)


# ---------------------------------------------------------------------------------------------- judges of pairs, and the bill


def pairs() -> None:
    found = judge_rows.bias_cards(store())
    if not found:
        empty_state("compare", "No judge has compared two outputs yet.", "plumb judge pairs CHAMPION_RUN CANDIDATE_RUN --judge NAME")
        return
    widths = {name: st.column_config.TextColumn(name, width=190) for name in ("first shown", "length", "own kin", "kappa with people")}
    st.dataframe(judge_rows.bias_table(found), hide_index=True, column_config=widths, alt="What moves a judge of pairs besides the texts")
    st.caption(
        "First shown: share of its choices that fell on what was shown first, 0.5 is none. Length: 0 is none, positive likes long texts "
        "better than people do. Own kin: how much more often than people it prefers its own model family. Kappa: agreement with people."
    )


def bill() -> None:
    rows = store().judging.spent()
    if not rows:
        empty_state("receipt_long", "No judge has been asked anything yet.", "plumb judge run RUN --judge NAME")
        return
    config = {
        "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
        "usd": st.column_config.NumberColumn("USD", format="%.4f", help="open where a request has no price"),
        "purpose": st.column_config.TextColumn("for"),
        "prompt_tokens": st.column_config.NumberColumn("tokens asked", format="localized"),
        "completion_tokens": st.column_config.NumberColumn("tokens answered", format="localized"),
    }
    st.dataframe(judge_rows.bill(rows), hide_index=True, column_config=config, placeholder="–", alt="What judges were asked and cost")


def judged(draw: Callable[[Sequence[Cell]], None]) -> None:
    """What needs a judge that has scored claims."""
    found = judge_rows.cells(store(), load_terms(), now=now())
    if found:
        draw(found)
    else:
        empty_state("verified", "No judge has scored a claim yet: run, label, then certify.", "plumb judge certify grounded")


def page() -> None:
    title("Judges", "How far each judge may be believed in each language. One that was not held against people here is unverified.")
    draws: tuple[Callable[[], None], ...] = (lambda: judged(certificates), lambda: judged(disagreements), pairs, bill)
    for tab, draw in zip(st.tabs(TABS, on_change="rerun", key="judges_tab", bind="query-params"), draws, strict=True):
        if tab.open:
            with tab:
                draw()


page()
