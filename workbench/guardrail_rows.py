"""Behind the page Guardrails: hits as a heat map, the text around a hit, how often people say a rail was wrong, what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from evals.errors import UnknownIdError
from evals.languages import LANGUAGES
from evals.records import Finding
from evals.statistics.intervals import Interval, clopper_pearson
from evals.store import Found, HitCount, Judged, Store
from guardrails import RAILS, WITHHELD, measured, policy_in_force
from guardrails.policy import Places
from workbench.cards import Mark, isolated, quoted, safe
from workbench.charts import layout, palette

FOLDED = ("hate", "unsafe")  # rails whose findings nobody should have to read unasked
SENSITIVE = "redact"  # what was masked is not drawn without a click either
_AROUND = 160  # characters on either side of a hit
NOT_KEPT = "What was found is not kept: the text was {} before it was stored."


class Shown(NamedTuple):
    """A hit in its text: `text[start:end]`; or the text as it was stored, and why the hit is not in it (`note`)."""

    language: str
    text: str
    start: int = 0
    end: int = 0
    note: str = ""


# ---------------------------------------------------------------------------------------------- hits


def heat_map(counts: Sequence[HitCount], dark: bool = False) -> go.Figure:
    """Language × rail by findings; a click's customdata is ``[rail, language]``."""
    hits: Counter[tuple[str, str]] = Counter()
    for row in counts:
        hits[row.language, row.rail] += row.hits
    rails = [name for name in RAILS if any(rail == name for _, rail in hits)]
    rails += sorted({rail for _, rail in hits} - set(rails))
    languages = sorted({language for language, _ in hits}, key=_name)
    colours = palette(dark)
    ground = go.Heatmap(
        z=[[hits[language, rail] or None for rail in rails] for language in languages],
        x=rails,
        y=languages,
        zmin=0,
        colorscale=[[0.0, colours.middle], [1.0, colours.worse]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverinfo="skip",
    )
    targets = go.Scatter(
        x=[rail for _, rail in hits],
        y=[language for language, _ in hits],
        mode="markers+text",
        text=[f"{count:,}" for count in hits.values()],
        textfont={"color": colours.ink, "size": 13},
        marker={"symbol": "square", "size": 32, "color": "rgba(0,0,0,0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}, "textfont": {"color": colours.ink}},
        customdata=[[rail, language] for language, rail in hits],
        hovertext=[_hover(counts, rail, language) for language, rail in hits],
        hoverinfo="text",
    )
    figure = layout(go.Figure([ground, targets]), 44 + 34 * len(languages), dark, clickmode="event+select", hoverdistance=200)
    figure.update_xaxes(side="top", type="category", showgrid=False, range=[-0.5, len(rails) - 0.5])
    figure.update_yaxes(type="category", showgrid=False, range=[len(languages) - 0.5, -0.5])
    return figure.update_yaxes(tickvals=languages, ticktext=[_name(tag) for tag in languages])


def _name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def _hover(counts: Sequence[HitCount], rail: str, language: str) -> str:
    """By target and action, in lines."""
    mine = [row for row in counts if (row.rail, row.language) == (rail, language)]
    return "<br>".join(
        [f"{rail} · {_name(language)}", *(f"{row.target}: {row.hits:,} {row.action}, {row.outputs:,} outputs" for row in mine)]
    )


def totals(counts: Sequence[HitCount]) -> dict[str, int]:
    """Findings by what they led to."""
    found: Counter[str] = Counter()
    for row in counts:
        found["withheld" if row.action in WITHHELD else row.action] += row.hits
    return {name: found[name] for name in ("withheld", "redact", "allow")}


# ---------------------------------------------------------------------------------------------- findings


def short(found: Found) -> str:
    """Enough of a finding's id for an address."""
    return found.finding.finding_id.removeprefix("finding-")[:12]


def table(rows: Sequence[Found]) -> pd.DataFrame:
    """A row a finding, in the order given."""
    return pd.DataFrame(
        [
            {
                "rail": row.finding.rail,
                "language": _name(row.language),
                "target": row.finding.target,
                "action": row.finding.action,
                "what": row.finding.detail,
                "people": said(row),
            }
            for row in rows
        ]
    )


def said(row: Found) -> str:
    """What people say of a finding: ``2 right · 1 wrong``; nothing where nobody looked."""
    return " · ".join(f"{count} {word}" for count, word in ((row.right, "right"), (row.wrong, "wrong")) if count)


def shown(store: Store, row: Found) -> Shown:
    """The text a finding is about, as far as it is stored."""
    finding = row.finding
    if finding.target == "input":
        text = str(store.runs.case(row.case_id).inputs.get("question", ""))
        return _placed(Shown(row.language, text, finding.start, finding.end))
    if finding.target == "evidence":
        return _placed(_evidence(store, row))
    output = store.runs.output_of(row.run_id, row.case_id)
    if output.status == "blocked":
        return Shown(row.language, output.text, note=NOT_KEPT.format("withheld"))
    if any(one.action == "redact" and one.target == "output" for one in store.coverage.findings(output.output_id)):
        return Shown(row.language, output.text, note=NOT_KEPT.format("masked"))
    return _placed(Shown(row.language, output.text, finding.start, finding.end))


def _evidence(store: Store, row: Found) -> Shown:
    """A review, or an answer of the community."""
    source, finding = row.finding.source_id or "", row.finding
    try:
        review = store.catalog.review(source)
        return Shown(review.language, review.text, finding.start, finding.end)
    except UnknownIdError:
        asked = store.catalog.questions(store.runs.case(row.case_id).product_id)
    answer = next((one.answer for one in asked if one.question_id == source and one.answer), None)
    if answer is None:
        return Shown(row.language, "", note=f"The source {source} is no review and no answer that is stored.")
    return Shown(row.language, answer, finding.start, finding.end)


def _placed(shown: Shown) -> Shown:
    if shown.note or 0 <= shown.start < shown.end <= len(shown.text):
        return shown
    return shown._replace(start=0, end=0, note="The stored text is no longer the one in which this was found.")


def around_block(shown: Shown) -> str:
    """HTML of a hit marked in the words around it; nothing in it can act, turn the line around or stay hidden."""
    if not shown.text:
        return f'<div class="pl-meta">{safe(shown.note)}</div>'
    if shown.start == shown.end:
        note = f'<div class="pl-meta" dir="ltr">{safe(shown.note)}</div>'
        return quoted(shown.language, shown.text[: 4 * _AROUND]) + note
    first, last = max(0, shown.start - _AROUND), min(len(shown.text), shown.end + _AROUND)
    before, after = "…" if first else "", "…" if last < len(shown.text) else ""
    mark = Mark(shown.start - first + len(before), shown.end - first + len(before), "pl-decides")
    return quoted(shown.language, before + shown.text[first:last] + after, [mark])


def folded(finding: Finding) -> bool:
    return finding.rail in FOLDED or finding.action == SENSITIVE


def heading(row: Found) -> str:
    """HTML of what was found, by which rail, and what it led to."""
    finding = row.finding
    words = f"{isolated(finding.rail)} · {isolated(finding.detail)} · {finding.target} · {finding.action}"
    place = f"{safe(_name(row.language))} · {safe(row.feature)} · {safe(finding.finding_id)}"
    return f'<div><b>{words}</b></div><div class="pl-meta">{place}</div>'


# ---------------------------------------------------------------------------------------------- how far a rail can be trusted


def wrong_shares(judged: Sequence[Judged]) -> pd.DataFrame:
    """By rail, over all languages: how often people say it was wrong, with the exact interval; findings on which they are divided are left
    out and counted."""
    by_rail: dict[str, list[Judged]] = {}
    for row in judged:
        by_rail.setdefault(row.rail, []).append(row)
    return pd.DataFrame([_wrong(rail, rows) for rail, rows in sorted(by_rail.items())])


def _wrong(rail: str, rows: Sequence[Judged]) -> dict[str, object]:
    looked, wrong, divided = (sum(getattr(row, name) for row in rows) for name in ("findings", "wrong", "divided"))
    interval = clopper_pearson(wrong, looked - divided)
    return {"rail": rail, "looked at": looked, "wrong": wrong, "divided": divided, "judged wrong": percent(interval)}


def percent(interval: Interval) -> str:
    """``12 % [4–27]``; why not, where nothing can be said."""
    if interval.estimate is None or interval.low is None or interval.high is None:
        return f"– ({interval.reason})" if interval.reason else "–"
    return f"{100 * interval.estimate:.0f} % [{100 * interval.low:.0f}–{100 * interval.high:.0f}]"


def matrix(figures: measured.Figures) -> pd.DataFrame:
    """A row a language, a column a rail: ``recall / false positives`` in percent, or *unverified*."""
    columns = {tag: {rail: _cell(rail, tag, figures) for rail in RAILS} for tag in LANGUAGES}
    return pd.DataFrame([{"measured in": _name(tag), **row} for tag, row in columns.items()])


def _cell(rail: str, tag: str, figures: measured.Figures) -> str:
    found = measured.standing(rail, tag, figures).figures
    if found is None or found.recall is None:
        wrongly = None if found is None else found.false_positive_rate
        return measured.UNVERIFIED if wrongly is None else f"{measured.UNVERIFIED} / {100 * wrongly:.1f}"
    wrongly = found.false_positive_rate
    return f"{100 * found.recall:.0f} / {'–' if wrongly is None else f'{100 * wrongly:.1f}'}"


def actions() -> pd.DataFrame:
    """What the policy says: a row a rail, a column a feature and target; a marketplace that does otherwise is named."""
    policy, rows = policy_in_force(), []
    places = [(feature, target) for feature, targets in policy.features.items() for target in targets if targets[target]]
    for rail in RAILS:
        row: dict[str, str] = {"rail": rail}
        for feature, target in places:
            row[f"{feature} {target}"] = str(policy.actions(feature, target).get(rail, "–"))
        row["marketplaces"] = ", ".join(_others(rail, policy.marketplaces))
        rows.append(row)
    return pd.DataFrame(rows)


def _others(rail: str, marketplaces: Mapping[str, Places]) -> list[str]:
    return [
        f"{code}: {feature} {target} {actions[rail]}"
        for code, features in marketplaces.items()
        for feature, targets in features.items()
        for target, actions in targets.items()
        if rail in actions
    ]
