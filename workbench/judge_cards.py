"""HTML of the page Judges: the matrix of judges and languages, and what judge and people say of a claim."""

from __future__ import annotations

from collections.abc import Sequence

from evals.store import ContestedClaim
from workbench.cards import isolated, safe
from workbench.judge_rows import STATES, Cell, figure, judge_name, language_name

CSS = """
.pl-matrix{border-collapse:collapse;font-size:.92rem}.pl-matrix caption{text-align:start;padding-block:.3rem;opacity:.8}
.pl-matrix th,.pl-matrix td{text-align:start;vertical-align:top;padding:.35rem .8rem .35rem .2rem;
border-top:1px solid color-mix(in srgb,currentColor 14%,transparent);max-width:15rem}
.pl-matrix thead th{border-top:0;text-transform:capitalize}.pl-matrix tbody th{font-weight:500}
.pl-wide{overflow-x:auto}
"""


def matrix_block(found: Sequence[Cell]) -> str:
    """HTML: a row a language, a column a judge; each cell a sign and a word, why, and the AUROC with its interval."""
    judges = list(dict.fromkeys(one.judge for one in found))
    by_place = {(one.language, one.judge): one for one in found}
    languages = sorted({one.language for one in found}, key=language_name)
    heads = "".join(f'<th scope="col">{safe(judge_name(judge))}</th>' for judge in judges)
    rows = "".join(
        f'<tr><th scope="row">{safe(language_name(tag))}</th>{"".join(_matrix_cell(by_place.get((tag, judge))) for judge in judges)}</tr>'
        for tag in languages
    )
    caption = "How far each judge may be believed, by language"
    return (
        f'<div class="pl-wide" dir="ltr" tabindex="0" role="region" aria-label="{caption}"><table class="pl-matrix">'
        f'<caption>{caption}</caption><thead><tr><th scope="col">language</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _matrix_cell(one: Cell | None) -> str:
    if one is None:
        return '<td><span class="pl-badge pl-unknown-badge">? unverified</span><div class="pl-meta">it has scored nothing here</div></td>'
    sign, style, meaning = STATES[one.state]
    badge = f'<span class="pl-badge pl-{style}-badge" title="{safe(meaning)}">{sign} {safe(one.state)}</span>'
    ranking = figure(one.certificate.measures.get("auroc")) if one.certificate else None
    told = f"<div>AUROC {safe(ranking)}</div>" if ranking else ""
    return f'<td>{badge}<div class="pl-meta">{safe(one.reason)}{told}</div></td>'


def contested_block(row: ContestedClaim, judge: str) -> str:
    """HTML: what the judge says and why, and what people say."""
    told = f"{row.people:.0%} of {row.votes} votes find it grounded"
    if row.settled:
        told = f"an expert finds it {'grounded' if row.people >= 0.5 else 'not grounded'}, after {row.votes - 1} other votes"
    why = str(row.detail.get("why") or "")
    return (
        f'<div dir="ltr"><b>{safe(judge_name(judge))}</b>: {row.said:.2f} <span class="pl-meta">{isolated(why)}</span></div>'
        f'<div dir="ltr"><b>people</b>: {safe(told)}</div>'
    )
