"""Playground: a highlight as a shopper sees it, and the assistant, live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import streamlit as st

from evals.errors import PlumblineError
from evals.records import Output, Product, Run, Variant
from runner import assistant
from workbench import cards, variants
from workbench.session import empty_state, language_name, slug, store

st.title("Playground")
highlights_tab, assistant_tab = st.tabs(["Highlights", "Assistant"])


def highlight_card(output: Output, language: str) -> None:
    """Summary, aspect chips by sentiment, and on a click the reviews behind an aspect."""
    with st.container(border=True):
        st.html(cards.text_block(language, output.text))
        if output.status == "blocked":
            st.caption("A guardrail blocked this output; shoppers see the text above.")
        rows = {row.aspect: row for row in output.aspects}
        picked = st.pills(
            "Aspects",
            list(rows),
            format_func=lambda aspect: cards.chip(language, rows[aspect]),
            key=f"chips_{output.output_id}",
            help="green: mostly praised · orange: mostly criticised · grey: mixed; + and − count mentions",
        )
        if picked:
            st.html(cards.evidence_blocks(output.passages, picked) or "<p>No snippet was chosen for this aspect.</p>")


def choose_product(products: dict[str, Product]) -> Product:
    name = st.selectbox("Product", sorted(products), key="product", bind="query-params")
    return products[name]


def show_highlights() -> None:
    runs = {slug(store(), run): run for run in store().runs.runs("highlights")}
    cases = {case.case_id: case for dataset in store().runs.datasets("highlights") for case in store().runs.cases(dataset.dataset_id)}
    if not runs or not cases:
        empty_state("science", "No highlights yet.", "plumb run highlights")
        return
    products = {product.product_id: product for product in store().catalog.products()}
    titled = {cards.visible(products[case.product_id].title): products[case.product_id] for case in cases.values()}
    toolbar = st.columns([2, 1, 2])
    with toolbar[0]:
        product = choose_product(titled)
    languages = sorted({case.language for case in cases.values() if case.product_id == product.product_id})
    language = toolbar[1].selectbox("Language", languages, format_func=str, key="lang", bind="query-params")
    names = toolbar[2].multiselect("Variants", list(runs), default=list(runs)[:2], max_selections=3, key="variants")
    found = [case for case in cases.values() if (case.product_id, case.language) == (product.product_id, language)]
    st.caption(f"{language_name(language)} · read from the store: no model is asked when a page is opened")
    for column, name in zip(st.columns(max(1, len(names))), names, strict=False):
        with column:
            st.markdown(f"**{name}**")
            show_stored(runs[name], [case.case_id for case in found], language)


def show_stored(run: Run, case_ids: list[str], language: str) -> None:
    for case_id in case_ids:
        try:
            highlight_card(store().runs.output_of(run.run_id, case_id), language)
            return
        except PlumblineError:
            continue
    st.caption("This variant has not run on this case.")


@st.cache_resource
def assistant_variant(name: str) -> Variant:
    """Loads the model: once per process."""
    return variants.variant_of("assistant", name, variants.settings_of("assistant", name))


def show_assistant() -> None:
    questions = store().catalog.questions()
    if not questions:
        empty_state("science", "No questions yet.", "plumb import questions FILE")
        return
    by_title = {cards.visible(product.title): product for product in store().catalog.products()}
    toolbar = st.columns([2, 1, 1])
    with toolbar[0]:
        product = by_title[st.selectbox("Product", sorted(by_title), key="asked_product")]
    mine = [question for question in questions if question.product_id == product.product_id]
    language = toolbar[1].selectbox("Language", sorted({question.language for question in mine}) or ["en"], key="asked_lang")
    name = toolbar[2].selectbox("Variant", variants.names("assistant"), index=1, key="asked_variant")
    examples = [question.text for question in mine if question.language == language]
    if examples:
        st.html(cards.text_block(language, "\n".join(examples)))
    asked = st.chat_input("Ask about this product", submit_mode="stop") or st.session_state.pop("asked", None)
    if st.button("Ask the first of them", icon=":material/play_arrow:", disabled=not examples) and examples:
        asked = examples[0]
    if asked:
        answer(name, product, language, asked)


def answer(name: str, product: Product, language: str, asked: str) -> None:
    """The streamed answer, its evidence, and what it cost."""
    with st.chat_message("user"):
        st.html(cards.text_block(language, asked))
    with st.chat_message("assistant"):
        waiting = st.empty()
        waiting.markdown(":shimmer[Retrieving evidence…]")
        started, kept = time.perf_counter(), {}
        try:
            events = assistant.stream(store().catalog, assistant_variant(name), product.product_id, language, asked)
            waiting.write_stream(_texts(events, kept))
        except PlumblineError as error:
            waiting.error(str(error))
            return
        done = kept["done"]
        waiting.html(cards.text_block(language, done.text))
        st.caption(
            f"first token {_seconds(done.first_token_s)} · {done.generated_tokens} tokens in {time.perf_counter() - started:.2f} s"
            f" · {len(done.findings)} findings"
        )
        st.html(cards.evidence_blocks(kept["evidence"]))


def _texts(events: Iterator[assistant.Event], kept: dict[str, object]) -> Iterator[str]:
    """Only the text is streamed; evidence and totals are kept for below."""
    for event in events:
        if isinstance(event, assistant.Text):
            yield event.text
        elif isinstance(event, assistant.Evidence):
            kept["evidence"] = event.passages
        else:
            kept["done"] = event


def _seconds(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f} s"


with highlights_tab:
    show_highlights()
with assistant_tab:
    show_assistant()
