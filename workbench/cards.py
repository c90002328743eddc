"""Text of others drawn safely: escaped, isolated from its surroundings, in its own direction."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from evals.bands import band
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import AspectRow, Claim, Passage, Review, Score
from evals.text import visible

# Streamlit keeps a left-to-right base direction in text; the first rule gives every paragraph the direction of its own first letter.
# Colours are mixed from the text's own, so that one sheet serves the light and the dark theme.
BASE_CSS = """
[data-testid="stMarkdownContainer"] :is(p,li,h1,h2,h3,td),[data-testid="stTextArea"] textarea,[data-testid="stTextInput"] input,
[data-testid="stChatInput"] textarea{unicode-bidi:plaintext;text-align:start}
.st-key-feature button{min-height:2.5rem;text-transform:capitalize}
[data-testid="stTab"][aria-selected="true"],.st-key-feature [aria-checked="true"]{color:inherit!important;font-weight:600}
[class*="st-key-chips_rtl"] [role="radiogroup"]{direction:rtl}
[class*="st-key-chips_"] button{padding:0;border-color:transparent;background:transparent}
[class*="st-key-chips_"] button .stMarkdownBadge{font-size:.95rem;padding:.3rem .65rem;border-radius:999px}
[class*="st-key-chips_"] [aria-checked="true"]{outline:2px solid currentColor;outline-offset:1px}
.st-key-work_rtl{direction:rtl}
.pl-text{font-size:1.08rem;line-height:1.65;overflow-wrap:anywhere;white-space:pre-wrap}
.pl-quote{border-inline-start:3px solid var(--pl-edge);padding:.1rem .8rem;margin-block:.55rem;overflow-wrap:anywhere}
.pl-quote[dir="rtl"] .pl-meta{text-align:right}
.pl-quote .pl-around{opacity:.72}
.pl-quote mark{background:color-mix(in srgb,var(--pl-edge) 22%,transparent);color:inherit;border-radius:3px;padding:.05em .1em}
.pl-cite{font-size:.72em;vertical-align:super;opacity:.8;unicode-bidi:isolate}
.pl-meta{opacity:.75;font-size:.85rem;margin-top:.15rem}
.pl-bad{text-decoration:underline wavy #d9482b;text-underline-offset:4px}
.pl-good{text-decoration:underline solid #2e9e62;text-underline-offset:4px}
.pl-unknown{text-decoration:underline dotted #8b98a8;text-underline-offset:4px}
.pl-product{font-size:1.15rem;font-weight:600}
.pl-card{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:8px;padding:.5rem .8rem;max-width:28rem}
.pl-claim{border-top:1px solid color-mix(in srgb,currentColor 14%,transparent);padding-block:.45rem}
.pl-claim summary{cursor:pointer;overflow-wrap:anywhere}
.pl-claim summary:hover{opacity:.8}
.pl-badges{margin-inline-end:.5rem}
.pl-empty-icon{font-family:"Material Symbols Rounded";font-size:2.5rem;line-height:1;opacity:.6;white-space:nowrap}
.pl-badge{display:inline-block;border-radius:6px;padding:.05rem .45rem;font-size:.8rem;margin-inline-end:.3rem;white-space:nowrap}
.pl-good-badge{background:color-mix(in srgb,#2e9e62 20%,transparent)}
.pl-bad-badge{background:color-mix(in srgb,#d9482b 22%,transparent)}
.pl-unknown-badge{background:color-mix(in srgb,currentColor 12%,transparent)}
.pl-label{font-size:.8rem;opacity:.75;margin-top:.6rem}
.pl-decides{background:color-mix(in srgb,#d9a22b 34%,transparent);border-radius:3px}
.pl-vote{border-top:1px solid color-mix(in srgb,currentColor 14%,transparent);padding-block:.5rem;overflow-wrap:anywhere}
.pl-vote:first-child{border-top:0}
.pl-remark{margin-top:.25rem;white-space:pre-wrap}
.pl-before{font-size:.85rem;opacity:.8;margin-top:.3rem;padding-inline-start:.7rem;border-inline-start:2px solid #8b98a8}
.pl-others>span{display:inline-block;margin-inline-end:.9rem;margin-top:.2rem}
"""

CHIP_COLOURS = {"positive": "green", "negative": "orange", "mixed": "gray"}
CHIP_WORDS = {"positive": "mostly praised", "negative": "mostly criticised", "mixed": "opinions differ"}
_EDGES = {"positive": "#2e9e62", "negative": "#d9822b", "neutral": "#8b98a8", None: "#8b98a8"}
_AROUND = 160  # characters of a review shown on either side of a quotation
_ADDRESS = re.compile(r"www(?=\.)|[:@]", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&^=@'\"])")


class Mark(NamedTuple):
    """A stretch of an output and the class it is underlined with."""

    start: int
    end: int
    style: str


def plain(text: str) -> str:
    """`text` as Streamlit Markdown that shows it as it is: no markup, no link, no formula, no icon or emoji code, one line.

    Addresses become links whether escaped or not: a word joiner, which nobody sees, keeps them apart.

    >>> plain("<b>*1* $x$ a:smile:")
    '\\\\<b\\\\>\\\\*1\\\\* \\\\$x\\\\$ a:\\u2060smile:\\u2060'
    """
    apart = _ADDRESS.sub("\\g<0>\u2060", " ".join(visible(text).split()))
    return _SPECIAL.sub(r"\\\1", apart)


def cell(text: str) -> str:
    """`text` for a cell of a table, in one line. A table can be downloaded as CSV: what a spreadsheet would compute is kept from it.

    >>> cell("=1+1"), cell("a\\nb")
    ("'=1+1", 'a b')
    """
    line = " ".join(visible(text).split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def direction(tag: str) -> str:
    """``ltr`` or ``rtl``; ``auto`` for a language we do not know."""
    return LANGUAGES[tag].direction if tag in LANGUAGES else "auto"


def sentiment_of(row: AspectRow) -> str:
    """``positive``, ``negative`` or ``mixed``: what a chip's colour says."""
    return band(row).rpartition("_")[2]


def aspect_name(tag: str, aspect: str) -> str:
    """As shoppers of that language read it; the id where the language has no pack."""
    return pack(tag).aspects[aspect].name if tag in LANGUAGES and aspect in pack(tag).aspects else aspect


def chip(tag: str, row: AspectRow) -> str:
    """An aspect as Streamlit Markdown: green praised, orange criticised, grey mixed; an icon and counts say it too, never colour alone."""
    sentiment = sentiment_of(row)
    icon = {"positive": "thumb_up", "negative": "thumb_down", "mixed": "thumbs_up_down"}[sentiment]
    name = plain(aspect_name(tag, row.aspect))
    return f":{CHIP_COLOURS[sentiment]}-badge[:material/{icon}: {name} {row.positive}/{row.positive + row.negative}]"


def counts_block(tag: str, row: AspectRow, quoted: int) -> str:
    """HTML of an aspect's counts in words; the name is isolated, for it may run the other way."""
    counts = f"{row.positive} praise, {row.negative} criticise, {row.neutral} neither, in {row.reviews} reviews; {quoted} quoted below"
    name = f"<bdi><b>{safe(aspect_name(tag, row.aspect))}</b></bdi>"
    return f'<div dir="ltr">{name}: {CHIP_WORDS[sentiment_of(row)]} <span class="pl-meta">({counts})</span></div>'


def text_block(tag: str, text: str, marks: Iterable[Mark] = ()) -> str:
    """HTML of an output: escaped, with citation marks raised and claims underlined by verdict."""
    return f'<div class="pl-text" {_language(tag)}>{_marked(text, marks, _inline)}</div>'


def _marked(text: str, marks: Iterable[Mark], draw: Callable[[str], str]) -> str:
    """Marks that overlap one before them are left out."""
    pieces, position = [], 0
    for start, end, style in sorted(marks):
        if start >= position:
            pieces += [draw(text[position:start]), f'<span class="{style}">{draw(text[start:end])}</span>']
            position = end
    return "".join([*pieces, draw(text[position:])])


def _inline(text: str) -> str:
    return re.sub(r"\[(\d+)\]", r'<bdi class="pl-cite">[\1]</bdi>', safe(text))


def safe(text: str) -> str:
    """Foreign text as HTML: no markup, nothing hidden."""
    return html.escape(visible(text))


def isolated(text: str) -> str:
    """HTML of a foreign text inside a line of ours, which it cannot turn around."""
    return f"<bdi>{safe(text)}</bdi>"


def quoted(tag: str, text: str, marks: Iterable[Mark] = ()) -> str:
    """HTML of one line of evidence as annotators see it, with stretches marked."""
    return f'<div class="pl-quote" style="--pl-edge:{_EDGES[None]}" {_language(tag)}>{_marked(text, marks, safe)}</div>'


def _language(tag: str) -> str:
    return f'lang="{html.escape(tag)}" dir="{direction(tag)}"'


def title_block(title: str, meta: str = "") -> str:
    """HTML of a product's title, which a seller wrote, and a line of ours below it."""
    return f'<div class="pl-product" dir="auto">{safe(title)}</div><div class="pl-meta">{safe(meta)}</div>'


def quote_block(passage: Passage, review: Review | None = None) -> str:
    """HTML of a piece of evidence: its words marked where they stand in the review, if that is given; its number and origin below."""
    edge = _EDGES.get(passage.polarity, _EDGES[None])
    return (
        f'<div class="pl-quote" style="--pl-edge:{edge}" {_language(passage.language)}><div>{_in_context(passage, review)}</div>'
        f'<div class="pl-meta" dir="ltr">{origin(passage, review)}</div></div>'
    )


def _in_context(passage: Passage, review: Review | None) -> str:
    """The quotation inside its review, cut out by the stored offsets; alone where the review is not at hand or no longer says so."""
    if review is None or review.text[passage.start : passage.end] != passage.text:
        return safe(passage.text)
    before, after = review.text[max(0, passage.start - _AROUND) : passage.start], review.text[passage.end : passage.end + _AROUND]
    dots = ("…" if passage.start > _AROUND else "", "…" if passage.end + _AROUND < len(review.text) else "")
    return (
        f'<span class="pl-around">{dots[0]}{safe(before)}</span><mark>{safe(passage.text)}</mark>'
        f'<span class="pl-around">{safe(after)}{dots[1]}</span>'
    )


def origin(passage: Passage, review: Review | None) -> str:
    """HTML of where a passage comes from: its number, kind, stars and date if its review is known, and id."""
    parts = [f"[{passage.number}]", {"qa": "community answer"}.get(passage.source, passage.source)]
    if review is not None and review.rating is not None:
        parts.append(f"{review.rating:g} of 5 stars")
    if review is not None and review.date:
        parts.append(review.date[:10])
    return " · ".join(f"<bdi>{safe(part)}</bdi>" for part in [*parts, passage.source_id])


def evidence_blocks(passages: Sequence[Passage], reviews: dict[str, Review] | None = None) -> str:
    """HTML of all passages, each in its review where that is given by id."""
    known = reviews or {}
    return "".join(quote_block(passage, known.get(passage.source_id)) for passage in passages)


# ---------------------------------------------------------------------------------------------- claims and their verdicts

_STYLES = {"grounded": "pl-good", "contradicted": "pl-bad", "unsupported": "pl-bad"}


class Checked(NamedTuple):
    """A claim, the verdict of code (or ``not scored``) and why, the number of the passage that decided, and what people said."""

    claim: Claim
    verdict: str
    why: str
    passage: int | None
    people: tuple[str, ...]

    def mark(self) -> Mark:
        return Mark(self.claim.start, self.claim.end, _STYLES.get(self.verdict, "pl-unknown"))


def checked(claim: Claim, scores: Sequence[Score], people: Sequence[str]) -> Checked:
    """What is known about a claim: its score of ``grounded`` by code, and what people said."""
    score = next((score for score in scores if score.metric == "grounded"), None)
    if score is None:
        return Checked(claim, "not scored", "", None, tuple(people))
    verdict = str(score.detail.get("verdict") or "not_checkable")
    return Checked(claim, verdict, str(score.detail.get("why") or score.reason or ""), score.detail.get("passage"), tuple(people))


def claim_block(tag: str, check: Checked, passages: Sequence[Passage], reviews: dict[str, Review]) -> str:
    """HTML of a claim that opens: its verdicts by machine and people, why, and the evidence that decided or that it cites."""
    numbers = {check.passage} if check.passage else set(check.claim.citations)
    evidence = evidence_blocks([passage for passage in passages if passage.number in numbers], reviews)
    people = "".join(verdict_badge(verdict, "people: ") for verdict in check.people)
    return (
        f'<details class="pl-claim" {_language(tag)}><summary><span class="pl-badges">{verdict_badge(check.verdict)}{people}</span>'
        f"<bdi>{_inline(check.claim.text)}</bdi></summary>"
        f'<div class="pl-meta" dir="auto">{safe(check.why)}</div>{evidence}</details>'
    )


def verdict_badge(verdict: str, before: str = "") -> str:
    """HTML of a claim's verdict: a word on a colour, never colour alone."""
    style = _STYLES.get(verdict, "pl-unknown")
    return f'<span class="pl-badge {style}-badge" dir="ltr">{safe(before + verdict.replace("_", " "))}</span>'
