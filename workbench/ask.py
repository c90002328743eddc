"""The Playground's second half: the assistant answers live, only text that the rails let pass is shown, and what it cost stands below."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from evals.datasets import assistant_case
from evals.errors import PlumblineError, UnknownIdError
from evals.experiment import TaskResult
from evals.languages import LANGUAGES
from evals.paths import ROOT
from evals.records import Output, Passage, Product, Variant
from runner import assistant
from workbench import cards, queries, variants
from workbench.session import choose, empty_state, language_name, store
from workbench.showcase import choose_product

KEPT_TURNS = 6
EXAMPLES = 4


@dataclass
class Turn:
    """A question and what came back. `shown_s`, `all_shown_s`: seconds until the first and all of the checked text stood on the page;
    `note`: why there is no live answer."""

    product_id: str
    language: str
    variant: str
    question: str
    text: str = ""
    passages: tuple[Passage, ...] = ()
    products: tuple[Product, ...] = ()
    done: TaskResult | None = None
    shown_s: float | None = None
    all_shown_s: float | None = None
    note: str | None = None
    replay: Output | None = None


@st.cache_resource(show_spinner=False)
def warmed(name: str) -> Variant:
    """A variant with its model loaded, once per process. A first answer is thrown away: times shown are of serving, not of loading."""
    variant = variants.variant_of("assistant", name, variants.settings_of("assistant", name))
    for product in store().coverage.products("assistant", limit=1):
        tag = store().coverage.languages("assistant", product.product_id)[0]
        for asked in store().catalog.questions(product.product_id, tag)[:1]:
            deque(assistant.stream(store().catalog, variant, product.product_id, tag, asked.text), maxlen=0)
    return variant


def default_variant(names: list[str]) -> str:
    """The model that ships with the project where it is there, else the first that needs none."""
    local = [name for name in names if (ROOT / str(variants.settings_of("assistant", name).get("model", "?"))).is_dir()]
    return "lm-int8" if "lm-int8" in local else (local or [name for name in names if name == "template"] or names)[0]


def page() -> None:
    columns = st.columns([3, 2, 2, 2], vertical_alignment="top")
    with columns[0]:
        product = choose_product("assistant") or choose_product("highlights")
    if product is None:
        empty_state("forum", "There is nothing to ask about yet. Import products and shoppers' questions, or run the demo.", "make run")
        return
    with columns[1]:
        language = choose("Language", _languages(product.product_id), "lang", default="en", show=language_name)
    with columns[2]:
        names = variants.names("assistant")
        name = choose("Variant", names, "variant", default=default_variant(names))
    price = columns[3].number_input("Machine, USD an hour", 0.0, value=0.40, step=0.05, help="For the cost of a million generated tokens.")
    st.html(cards.title_block(product.title, _attributes(store().catalog.product(product.product_id))))
    converse(Turn(product.product_id, language, name, ""), price)


def converse(blank: Turn, price: float) -> None:
    """What was said before, the shoppers' own questions, the input; a new turn is drawn where the others stand."""
    turns: list[Turn] = st.session_state.setdefault("turns", [])
    conversation = st.container()
    with conversation:
        for turn in turns[-KEPT_TURNS:]:
            show(turn, price)
    examples(blank.product_id, blank.language)
    typed = st.chat_input("Ask about this product", key="asked", max_chars=500, submit_mode="stop")
    asked = str(typed or st.session_state.pop("example", "")).strip()
    if asked:
        with conversation:
            turns.append(answer(replace(blank, question=asked), price))
        del turns[:-KEPT_TURNS]


def _languages(product_id: str) -> list[str]:
    """Those with questions first; any of ours can be asked in."""
    asked = store().coverage.languages("assistant", product_id)
    return [*asked, *(tag for tag in LANGUAGES if tag not in asked)]


def _attributes(product: Product) -> str:
    return " · ".join([product.category, *(f"{name.replace('_', ' ')}: {value}" for name, value in product.attributes.items())])


def examples(product_id: str, language: str) -> None:
    """Questions that shoppers asked about this product: one click asks them again."""
    asked = store().catalog.questions(product_id, language)
    texts = list(dict.fromkeys(" ".join(row.text.split()) for row in asked))[:EXAMPLES]
    if not texts:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Shoppers asked", width="content")
        for number, text in enumerate(texts):
            key = f"example_{product_id}_{language}_{number}"
            st.button(cards.plain(text[:120]), key=key, on_click=ask_again, args=(text,))


def ask_again(text: str) -> None:
    st.session_state["example"] = text


def answer(turn: Turn, price: float) -> Turn:
    """Ask, show the text as it passes the rails, then what it cost; a recorded answer where the variant cannot be loaded here."""
    said(turn)
    with st.chat_message("assistant", avatar=":material/auto_awesome:"):
        waiting = st.empty()
        waiting.markdown(":shimmer[Loading the model, retrieving evidence…]")
        try:
            stream(turn, waiting)
        except PlumblineError as error:
            turn.note, turn.replay = str(error), recorded(turn)
        waiting.empty()
        reply(turn, price)
    return turn


def stream(turn: Turn, place: Any) -> None:
    """Fill the turn event by event, drawing what has come so far."""
    variant = warmed(turn.variant)
    began = time.perf_counter()
    for event in assistant.stream(store().catalog, variant, turn.product_id, turn.language, turn.question):
        if isinstance(event, assistant.Evidence):
            turn.passages = event.passages
            place.markdown(f":shimmer[{len(event.passages)} passages found, answering…]")
        elif isinstance(event, assistant.Text):
            turn.shown_s = turn.shown_s or time.perf_counter() - began
            turn.text += event.text
            turn.products += (event.product,) if event.product else ()
            place.html(cards.text_block(turn.language, turn.text))
        else:
            turn.done, turn.text = event, event.text
    turn.all_shown_s = time.perf_counter() - began


def recorded(turn: Turn) -> Output | None:
    """What a finished run of the variant answered to this very question, if one did."""
    case = assistant_case(store().catalog.product(turn.product_id), turn.language, turn.question)
    for slug, run in reversed(queries.run_slugs(store(), "assistant").items()):
        if slug.startswith(f"{turn.variant}."):
            try:
                return store().runs.output_of(run.run_id, case.case_id)
            except UnknownIdError:
                continue
    return None


# ---------------------------------------------------------------------------------------------- drawing a turn


def show(turn: Turn, price: float) -> None:
    """A turn that is over."""
    said(turn)
    with st.chat_message("assistant", avatar=":material/auto_awesome:"):
        reply(turn, price)


def said(turn: Turn) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.html(cards.text_block(turn.language, turn.question))


def reply(turn: Turn, price: float) -> None:
    """The answer, its figures, its evidence and what the rails found."""
    if turn.note is not None:
        st.warning(f"{cards.plain(turn.variant)} cannot answer here: {cards.plain(turn.note)}", icon=":material/cloud_off:")
        if turn.replay is None:
            st.caption("No finished run has an answer to this question either. The variant “template” needs no model.")
            return
        st.badge("replay of a recorded answer", color="violet", icon=":material/history:")
        st.html(cards.text_block(turn.language, turn.replay.text))
        sources(turn.replay.passages)
        return
    if turn.done is not None and turn.done.status == "blocked":
        st.badge("stopped by a guardrail", color="orange", icon=":material/shield:")
    st.html(cards.text_block(turn.language, turn.text))
    for product in dict.fromkeys(item.product_id for item in turn.products):
        named = next(item for item in turn.products if item.product_id == product)
        st.html(f'<div class="pl-card">{cards.title_block(named.title, _attributes(named))}</div>')
    if turn.done is not None:
        st.caption(f"{cards.plain(turn.variant)}: {model_figures(turn.done, price)}  \nAs a shopper sees it: {shopper_figures(turn)}")
        findings(turn.done)
    sources(turn.passages)


def model_figures(done: TaskResult, price: float) -> str:
    """The model's times and cost; what was not measured is not there."""
    if not done.generated_tokens or not done.total_s:
        return "no model was asked"
    cost = usd_per_million_tokens(done.total_s, done.generated_tokens, price)
    parts = [f"first token {done.first_token_s:.2f} s"] if done.first_token_s is not None else []
    parts.append(f"{done.generated_tokens} tokens in {done.total_s:.2f} s ({done.generated_tokens / done.total_s:.0f} a second)")
    return " · ".join([*parts, f"{cost:.2f} USD per million generated tokens"])


def shopper_figures(turn: Turn) -> str:
    """With retrieval and rails, on this page: a sentence is shown when it has been checked."""
    parts = [] if turn.shown_s is None else [f"first sentence {turn.shown_s:.2f} s"]
    return " · ".join([*parts, f"whole answer {turn.all_shown_s or 0:.2f} s"])


def usd_per_million_tokens(seconds: float, tokens: int, usd_per_hour: float) -> float:
    """Of one request alone on a machine of that price; batching makes it cheaper.

    >>> usd_per_million_tokens(seconds=3600, tokens=1_000_000, usd_per_hour=0.4)
    0.4
    """
    return usd_per_hour * seconds / 3600 * 1_000_000 / tokens


def findings(done: TaskResult) -> None:
    if done.findings:
        with st.expander(f"Guardrail findings ({len(done.findings)})", icon=":material/shield:"):
            columns = ("rail", "action", "target", "detail")
            st.dataframe([{name: getattr(finding, name) for name in columns} for finding in done.findings], hide_index=True, alt="Findings")


def sources(passages: tuple[Passage, ...]) -> None:
    if passages:
        with st.expander(f"Evidence ({len(passages)})", icon=":material/format_quote:"):
            st.html(cards.evidence_blocks(passages, queries.reviews_behind(store(), passages)))
