"""HTML of an output beside its evidence: claims, suspect stretches and findings marked in one text, and what everybody says of a claim.

A mark is never a colour alone: each claim carries its number and a sign, each suspect stretch its probability, each finding its rail.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from evals.records import Case, Finding, Passage, Review
from workbench.cards import direction, isolated, origin, safe, verdict_badge
from workbench.sample_rows import Opinion, Weighed, Weighing, decided_in, found_in

SIGNS = {"grounded": "✓", "contradicted": "✗", "unsupported": "∅", "not_checkable": "?", "disputed": "≠"}
UNKNOWN = "–"
_STYLES = {"grounded": "pl-good", "contradicted": "pl-bad", "unsupported": "pl-bad", "disputed": "pl-disputed"}
_AROUND = 160  # characters of a source shown on either side of a passage

CSS = """
.pl-disputed{text-decoration:underline double #b8860b;text-underline-offset:4px}
.pl-chosen{background:color-mix(in srgb,#4c9be8 30%,transparent);border-radius:3px;color:inherit;outline:2px solid #4c9be8}
.pl-suspect{border-bottom:3px dashed #a8324a;padding-bottom:.22em}
.pl-rail{background:color-mix(in srgb,#7a4eab 24%,transparent);border-radius:3px}
.pl-tag{font-size:.68em;vertical-align:super;unicode-bidi:isolate;direction:ltr;opacity:.9;white-space:nowrap;margin-inline:.1em}
.pl-quote.pl-near{outline:2px solid #4c9be8;outline-offset:2px;border-radius:4px}
.pl-legend{font-size:.8rem;opacity:.8;margin-top:.5rem}.pl-legend>span{margin-inline-end:.9rem;display:inline-block}
.pl-scorers{width:100%;min-width:36rem;border-collapse:collapse;font-size:.92rem}
.pl-scorers caption{text-align:start;font-weight:600;padding-block:.3rem}
.pl-scorers th,.pl-scorers td{text-align:start;vertical-align:top;padding:.35rem .5rem;overflow-wrap:anywhere;
border-top:1px solid color-mix(in srgb,currentColor 14%,transparent)}.pl-scorers thead th{overflow-wrap:normal}
.pl-scorers thead th{font-weight:500;opacity:.75;border-top:0}
.pl-scorers tbody th{font-weight:500;min-width:6.5rem}.pl-wide{overflow-x:auto}
"""


class Layer(NamedTuple):
    """A stretch of a text, the class it is drawn with, and what is written before and after it; `chosen` ones become ``<mark>``."""

    start: int
    end: int
    style: str
    before: str = ""
    after: str = ""
    title: str = ""


def layered(text: str, layers: Iterable[Layer], draw: Callable[[str], str] = safe) -> str:
    """HTML of `text` with layers that may overlap: cut at every edge, each piece drawn with all the classes that lie over it.

    Linear in the text; a layer that does not lie in it is left out.
    """
    kept = [layer for layer in layers if 0 <= layer.start < layer.end <= len(text)]
    starts: dict[int, list[Layer]] = {}
    ends: dict[int, list[Layer]] = {}
    for layer in kept:
        starts.setdefault(layer.start, []).append(layer)
        ends.setdefault(layer.end, []).append(layer)
    pieces, over, position = [], list[Layer](), 0
    for edge in sorted({*starts, *ends, len(text)}):
        pieces.append(_piece(draw(text[position:edge]), over))
        pieces += [_tag(layer.after) for layer in ends.get(edge, ())]
        over = [layer for layer in over if layer.end != edge] + starts.get(edge, [])
        pieces += [_tag(layer.before) for layer in starts.get(edge, ())]
        position = edge
    return "".join(pieces)


def _piece(drawn: str, over: Sequence[Layer]) -> str:
    if not drawn or not over:
        return drawn
    classes = " ".join(dict.fromkeys(layer.style for layer in over))
    told = "; ".join(layer.title for layer in over if layer.title)
    title = f' title="{safe(told)}"' if told else ""
    name = "mark" if any("pl-chosen" in layer.style for layer in over) else "span"
    return f'<{name} class="{classes}"{title}>{drawn}</{name}>'


def _tag(text: str) -> str:
    return f'<bdi class="pl-tag">{safe(text)}</bdi>' if text else ""


def sign(verdict: str) -> str:
    return SIGNS.get(verdict, UNKNOWN)


def words(verdict: str) -> str:
    return verdict.replace("_", " ")


# ---------------------------------------------------------------------------------------------- the output


def output_block(case: Case, found: Weighing, chosen: Weighed | None, passage: int | None) -> str:
    """The output in its own direction: claims numbered and underlined by verdict, the chosen marked, suspect stretches and findings."""
    layers = [*map(_suspect, found.suspects), *map(_finding, _output_findings(found))]
    layers += [_claim(one, one is chosen or (passage is not None and one.rests_on(passage))) for one in found.claims]
    return f'<div class="pl-text" {_place(case.language)}>{layered(found.sample.output.text, layers)}</div>{_legend(found)}'


def _claim(one: Weighed, chosen: bool) -> Layer:
    style = _STYLES.get(one.verdict, "pl-unknown") + (" pl-chosen" if chosen else "")
    title = f"claim {one.number}, {one.kind}: {words(one.verdict)}"
    return Layer(one.claim.start, one.claim.end, style, before=f"{one.number}{sign(one.verdict)}", title=title)


def _suspect(one: tuple[int, int, float]) -> Layer:
    start, end, probability = one
    return Layer(start, end, "pl-suspect", after=f"{probability:.0%}", title=f"suspect: {probability:.0%} probably hallucinated")


def _finding(one: Finding) -> Layer:
    return Layer(one.start, one.end, "pl-rail", after=f"▲{one.rail}", title=f"rail {one.rail}: {one.detail} ({one.action})")


def _output_findings(found: Weighing) -> list[Finding]:
    """Offsets of a text that was masked or withheld are of the text before that: they are listed, not drawn."""
    rows, output = found.sample.findings, found.sample.output
    changed = output.status != "ok" or any(one.target == "output" and one.action == "redact" for one in rows)
    return [] if changed else found_in(rows, "output", None, len(output.text))


def _legend(found: Weighing) -> str:
    shown = {one.verdict: words(one.verdict) for one in found.claims}
    parts = [f'<span><span class="{_STYLES.get(key, "pl-unknown")}">{sign(key)} {safe(name)}</span></span>' for key, name in shown.items()]
    if found.suspects:
        unverified = "" if found.verified else ", unverified in this language"
        parts.append(f'<span><span class="pl-suspect">%</span> suspect: probably hallucinated{unverified}</span>')
    if _output_findings(found):
        parts.append('<span><span class="pl-rail">▲</span> found by a rail</span>')
    return f'<div class="pl-legend" dir="ltr">{"".join(parts)}</div>'


# ---------------------------------------------------------------------------------------------- the evidence


def passage_block(passage: Passage, review: Review | None, found: Weighing, chosen: Weighed | None, *, picked: bool) -> str:
    """A passage in its source, with what decided the chosen claim marked, what rails found in it, and the claims that rest on it."""
    window = _window(passage, review)
    decided = decided_in(chosen, passage)
    layers = [Layer(start, end, "pl-decides", before="▸", title="this decided") for start, end in decided]
    layers += [_finding(one) for one in found.sample.findings if one.target == "evidence" and one.source_id == passage.source_id]
    layers += [Layer(start, end, "pl-around") for start, end in ((window.start, passage.start), (passage.end, window.end))]
    moved = [layer._replace(start=max(layer.start - window.start, 0), end=layer.end - window.start) for layer in layers]
    near = picked or bool(decided) or (chosen is not None and chosen.rests_on(passage.number))
    return (
        f'<div class="pl-quote{" pl-near" if near else ""}" style="--pl-edge:#8b98a8" {_place(passage.language)}>'
        f"<div>{window.before}{layered(window.text, moved)}{window.after}</div>"
        f'<div class="pl-meta" dir="ltr">{origin(passage, review)}{_resting(passage, found, chosen)}</div></div>'
    )


class _Window(NamedTuple):
    """A stretch of a passage's source: `text`, where it lies there, and dots where more stands around it."""

    text: str
    start: int
    end: int
    before: str = ""
    after: str = ""


def _window(passage: Passage, review: Review | None) -> _Window:
    """The passage inside its review; alone where the review is not at hand or no longer says so."""
    if review is None or review.text[passage.start : passage.end] != passage.text:
        return _Window(passage.text, passage.start, passage.start + len(passage.text))
    first, last = max(0, passage.start - _AROUND), min(len(review.text), passage.end + _AROUND)
    return _Window(review.text[first:last], first, last, "…" if first else "", "…" if last < len(review.text) else "")


def _resting(passage: Passage, found: Weighing, chosen: Weighed | None) -> str:
    """Which claims rest on the passage, and who decided the chosen one by it."""
    numbers = found.resting(passage.number)
    text = f" · claims that rest on it: {', '.join(map(str, numbers))}" if numbers else " · no claim rests on it"
    by = chosen.deciding().get(passage.number, []) if chosen else []
    names = ", ".join(dict.fromkeys(isolated(_name(one.who)) for one in by))
    return text + (f" · <b>decided claim {chosen.number}</b> for {names}" if chosen and by else "")


def _place(tag: str) -> str:
    return f'lang="{html.escape(tag)}" dir="{direction(tag)}"'


# ---------------------------------------------------------------------------------------------- what is said of a claim


def scorers_block(tag: str, claim: Weighed) -> str:
    """A table: a row per scorer and person with verdict, probability, why, and how far it may be believed in this language."""
    rows = "".join(map(_row, claim.opinions)) or '<tr><td colspan="6">Nobody has scored it.</td></tr>'
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("who", "verdict", "supported", "evidence", "why", "certificate"))
    split = f" · {sign('disputed')} they disagree whether the evidence says so" if claim.disputed else ""
    caption = f"Claim {claim.number} · about {_ABOUT.get(claim.kind, safe(claim.kind))}{split}"
    return (
        f'<div class="pl-text" {_place(tag)}><bdi>{safe(claim.claim.text)}</bdi></div>'
        f'<div class="pl-wide" dir="ltr" tabindex="0" role="region" aria-label="What is said of the claim">'
        f'<table class="pl-scorers"><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


_ABOUT = {"review": "what reviews say", "reviewer": "who the reviewers are", "fact": "the product (a fact)"}


def _row(one: Opinion) -> str:
    script = ' <span class="pl-badge pl-unknown-badge">simulated</span>' if one.simulated else ""
    person = one.certified is None
    name = f'{isolated(one.who)} <div class="pl-meta">person, {isolated(one.under)}{script}</div>' if person else isolated(_name(one.who))
    probability = UNKNOWN if one.probability is None else f"{one.probability:.2f}"
    passage = UNKNOWN if one.passage is None else f"[{one.passage}]"
    cells = (
        verdict_badge(one.verdict, f"{sign(one.verdict)} "),
        probability,
        passage,
        f'<span dir="auto">{safe(one.why)}</span>',
        _trust(one),
    )
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{each}</td>" for each in cells)}</tr>'


def _trust(one: Opinion) -> str:
    if one.certified is None:
        return UNKNOWN
    style, mark = ("pl-good-badge", "✓") if one.certified else ("pl-unknown-badge", "?")
    head, _, rest = one.trust.partition(": ")
    return f'<span class="pl-badge {style}">{mark} {safe(head)}</span><div class="pl-meta">{safe(rest)}</div>'


def _name(who: str) -> str:
    return who.replace("_", " ")


def _rest(numbers: Sequence[int]) -> str:
    return f"claim {numbers[0]} rests on it." if len(numbers) == 1 else f"claims {', '.join(map(str, numbers))} rest on it."


def status(found: Weighing, chosen: Weighed | None, passage: int | None) -> str:
    """One line that says what is marked, for everybody and for a screen reader."""
    if passage is not None:
        numbers = found.resting(passage)
        text = f"Passage [{passage}]: " + (_rest(numbers) if numbers else "no claim rests on it.")
    elif chosen is None:
        text = "The output makes no claim."
    else:
        deciding = ", ".join(f"[{number}]" for number in sorted(chosen.deciding()))
        text = f"Claim {chosen.number} of {len(found.claims)}: {words(chosen.verdict)}. "
        text += f"Decided by {deciding}." if deciding else "No passage decided."
    return f'<div class="pl-status" role="status" aria-live="polite" dir="ltr">{safe(text)}</div>'
