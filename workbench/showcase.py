"""The Playground's first half: a product's highlights under up to three variants, aspects as chips, evidence on a click."""

from __future__ import annotations

import streamlit as st

from evals.paths import database_url
from evals.records import Feature, Output, Run
from evals.store import CoveredProduct
from evals.text import visible
from workbench import cards, queries
from workbench.session import choose, empty_state, language_name, run_slugs, store, store_at

MANY = 300  # products above which a search field stands before the list


@st.cache_data(ttl=30, show_spinner=False)
def _products(url: str, feature: Feature, search: str) -> list[CoveredProduct]:
    return store_at(url).coverage.products(feature, search, limit=MANY)


def choose_product(feature: Feature) -> CoveredProduct | None:
    """One of the products that have cases, by title; a big store is searched first. None where there is none at all."""
    found = _offered(feature)
    if not found:
        return None
    by_id = {product.product_id: product for product in found}
    titles = {name: " ".join(visible(product.title).split())[:90] for name, product in by_id.items()}
    return by_id[choose("Product", sorted(by_id, key=lambda name: titles[name]), "product", show=titles.__getitem__)]


def _offered(feature: Feature) -> list[CoveredProduct]:
    """All of them, or of a big store those that match the search, and in any case the one in the address."""
    url, asked = database_url(), st.query_params.get("product", "")
    found = _products(url, feature, "")
    if len(found) < MANY:
        return found
    search = st.text_input("Search products", key=f"search_{feature}", type="search", placeholder="title or id").strip()[:100]
    matching = _products(url, feature, search) if search else found
    if not matching:
        st.caption("No product matches; showing the ones with most cases.")
    named = [product for product in _products(url, feature, asked) if product.product_id == asked] if asked else []
    return list(dict.fromkeys([*named, *(matching or found)]))


def choose_language(feature: Feature, product_id: str) -> str:
    tags = store().coverage.languages(feature, product_id)
    return choose("Language", tags, "lang", default="en", show=language_name)


def page() -> None:
    runs = run_slugs("highlights")
    columns = st.columns([3, 2, 4], vertical_alignment="top")
    with columns[0]:
        product = choose_product("highlights") if runs else None
    if product is None:
        empty_state("auto_awesome", "No highlights yet. A run sums up every product's reviews in every language.", "plumb run highlights")
        return
    with columns[1]:
        language = choose_language("highlights", product.product_id)
    with columns[2]:
        names = st.multiselect("Runs", list(runs), default=list(runs)[-2:], max_selections=3, key="runs", bind="query-params")
    st.html(cards.title_block(product.title, f"{language_name(language)} · {product.product_id}"))
    if not names:
        empty_state("checklist", "Choose at least one run.")
        return
    for column, name in zip(st.columns(len(names)), names, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{cards.plain(name.split('.')[0])}**")
            highlight(runs[name], product.product_id, language)


def highlight(run: Run, product_id: str, language: str) -> None:
    """What a run said about a product: summary, chips, and the evidence behind the chosen one."""
    output = store().coverage.output(run.run_id, product_id, language)
    if output is None:
        st.caption("This variant has not run on this product and language.")
        return
    if output.status == "error":
        st.warning(f"No summary: {cards.plain(output.error or 'the model failed')}", icon=":material/error:")
    elif output.status == "blocked":
        st.warning("A guardrail stopped the model's text. Shoppers see this instead:", icon=":material/shield:")
    st.html(cards.text_block(language, output.text))
    chips(output, language)
    times(output)


def chips(output: Output, language: str) -> None:
    """Aspects coloured by sentiment; choosing one shows the reviews it was counted from."""
    rows = {row.aspect: row for row in output.aspects}
    if not rows:
        st.caption("No aspect is mentioned often enough to be counted.")
        return
    picked = st.pills(
        "Aspects by sentiment",
        list(rows),
        format_func=lambda aspect: cards.chip(language, rows[aspect]),
        key=f"chips_{cards.direction(language)}_{output.output_id}",
        label_visibility="collapsed",
        wrap=True,
    )
    if picked is None:
        st.caption(
            "Choose an aspect to read the reviews behind it. Green: mostly praised, orange: mostly criticised, 8/10: eight of ten praise."
        )
        return
    evidence(output, picked, language)


def evidence(output: Output, aspect: str, language: str) -> None:
    """The quotations of one aspect, each marked inside the review it was cut from, and its counts in words."""
    row = next(row for row in output.aspects if row.aspect == aspect)
    passages = [passage for passage in output.passages if passage.aspect == aspect]
    reviews = queries.reviews_behind(store(), passages)
    st.html(cards.counts_block(language, row, quoted=len(passages)))
    st.html(cards.evidence_blocks(passages, reviews) or '<p class="pl-meta">Too few clear sentences to quote for this aspect.</p>')


def times(output: Output) -> None:
    if output.generated_tokens and output.total_s:
        rate = output.generated_tokens / output.total_s
        st.caption(f"{output.generated_tokens} generated tokens in {output.total_s:.2f} s ({rate:.0f} a second)")
    elif output.total_s is not None:
        st.caption(f"no model: sentence patterns, {output.total_s:.2f} s with its evidence")
