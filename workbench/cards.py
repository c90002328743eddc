"""Text of others drawn safely: escaped, isolated from its surroundings, in its own direction."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from evals.bands import band
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import AspectRow, Passage
from evals.text import visible

# Streamlit keeps a left-to-right base direction in text; this gives every paragraph the direction of its own first letter.
BASE_CSS = """
[data-testid="stMarkdownContainer"] :is(p,li,h1,h2,h3,td),[data-testid="stTextArea"] textarea,[data-testid="stTextInput"] input,
[data-testid="stChatInput"] textarea{unicode-bidi:plaintext;text-align:start}
.pl-text{font-size:1.05rem;line-height:1.6;overflow-wrap:anywhere;white-space:pre-wrap}
.pl-quote{border-inline-start:3px solid var(--pl-edge,#8aa);padding-inline-start:.75rem;margin-block:.4rem;overflow-wrap:anywhere}
.pl-cite{font-size:.75em;vertical-align:super;opacity:.75;unicode-bidi:isolate}
.pl-meta{opacity:.7;font-size:.85rem;unicode-bidi:plaintext}
.pl-bad{text-decoration:underline wavy #d33;text-underline-offset:3px}
.pl-good{text-decoration:underline solid #2a7;text-underline-offset:3px}
"""

CHIP_COLOURS = {"positive": "green", "negative": "orange", "mixed": "gray"}
_EDGES = {"positive": "#2e9e62", "negative": "#d9822b", "neutral": "#8b98a8", None: "#8b98a8"}


def direction(tag: str) -> str:
    return LANGUAGES[tag].direction if tag in LANGUAGES else "auto"


def sentiment_of(row: AspectRow) -> str:
    """``positive``, ``negative`` or ``mixed``: what a chip's colour says."""
    return band(row).rpartition("_")[2]


def aspect_name(tag: str, aspect: str) -> str:
    return pack(tag).aspects[aspect].name if tag in LANGUAGES and aspect in pack(tag).aspects else aspect


def chip(tag: str, row: AspectRow) -> str:
    """An aspect as Streamlit Markdown: green praised, orange criticised, grey mixed; the counts say it too, never colour alone."""
    name = re.sub(r"([\[\]:*_`\\$])", r"\\\1", visible(aspect_name(tag, row.aspect)))
    return f":{CHIP_COLOURS[sentiment_of(row)]}-badge[{name} +{row.positive} −{row.negative}]"


def text_block(tag: str, text: str, marks: Iterable[tuple[int, int, str]] = ()) -> str:
    """HTML of an output: escaped, with citation marks raised and claims underlined by verdict (`marks`: start, end, class)."""
    pieces, position = [], 0
    for start, end, style in sorted(marks):
        if start >= position:
            pieces += [_inline(text[position:start]), f'<span class="{style}">{_inline(text[start:end])}</span>']
            position = end
    pieces.append(_inline(text[position:]))
    return f'<div class="pl-text" lang="{html.escape(tag)}" dir="{direction(tag)}">{"".join(pieces)}</div>'


def _inline(text: str) -> str:
    return re.sub(r"\[(\d+)\]", r'<bdi class="pl-cite">[\1]</bdi>', html.escape(visible(text)))


def quote_block(passage: Passage, caption: str = "") -> str:
    """HTML of a piece of evidence with its number and where it comes from."""
    edge = _EDGES.get(passage.polarity, _EDGES[None])
    meta = html.escape(visible(f"[{passage.number}] {passage.source} {passage.source_id} {caption}".strip()))
    body = html.escape(visible(passage.text))
    tag = html.escape(passage.language)
    return (
        f'<div class="pl-quote" style="--pl-edge:{edge}"><div lang="{tag}" dir="{direction(passage.language)}">{body}</div>'
        f'<div class="pl-meta" dir="ltr">{meta}</div></div>'
    )


def evidence_blocks(passages: Sequence[Passage], aspect: str | None = None) -> str:
    """HTML of all passages, or of those about one aspect."""
    return "".join(quote_block(passage) for passage in passages if aspect is None or passage.aspect == aspect)
