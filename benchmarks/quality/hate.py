"""What the hate rail finds and what it mistakes, per language and per functional test of Multilingual HateCheck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmarks.quality import benign
from benchmarks.quality.data import Row, Sets, share, shown
from benchmarks.quality.linear import model_for
from evals.languages import LANGUAGES
from guardrails.hate import spans
from guardrails.linear import load, pieces

TRAPS = (0.05, 0.10, 0.15, 0.20, 0.30)


def hit(text: str, language: str, group: str) -> bool:
    """Does the rail object, with a model that has not seen the group?"""
    return any(True for _ in spans(text, language, model_for("hate", group)))


def figures(sets: Sets) -> str:
    """Three tables and a list."""
    rows = sets.rows("guard_hate")
    hits = [hit(row["text"], row["lang"], row["group"]) for row in rows]
    reviews = list(benign.reviews(sets))
    touched = [hit(one.text, one.language, one.group) for one in reviews]
    questions = list(benign.shop_questions(sets))
    asked = [hit(one.text, one.language, one.group) for one in questions]
    seen = sum(load("hate").knows(row["group"]) for row in rows)
    return "\n".join(
        [
            f"{seen:,} of {len(rows):,} cases are of groups that the shipped model was trained on: scored by models that were not.",
            "",
            *_languages(rows, hits, reviews, touched),
            "",
            f"Shop questions (en) hit: {_share(asked, [one.group for one in questions])} of {len(questions):,}.",
            "",
            *_functions(rows, hits),
            "",
            *_curve(rows),
        ]
    )


def _languages(rows: Sequence[Row], hits: Sequence[bool], reviews: Sequence[benign.Benign], touched: Sequence[bool]) -> Iterator[str]:
    yield "| language | hateful found | not hateful, hit | cases | benign reviews hit | reviews |"
    yield "|---|--:|--:|--:|--:|--:|"
    for tag in LANGUAGES:
        cases = [(row["label"] == "hateful", row["group"], found) for row, found in zip(rows, hits, strict=True) if row["lang"] == tag]
        texts = [(one.group, found) for one, found in zip(reviews, touched, strict=True) if one.language == tag]
        recall = _share([f for bad, _, f in cases if bad], [g for bad, g, _ in cases if bad]) if cases else "*unverified*"
        wrong = _share([f for bad, _, f in cases if not bad], [g for bad, g, _ in cases if not bad]) if cases else "*unverified*"
        clean = _share([f for _, f in texts], [g for g, _ in texts]) if len(texts) >= benign.FEW else "*unverified*"
        yield f"| {tag} | {recall} | {wrong} | {len(cases) or ''} | {clean} | {len(texts):,} |"


def _functions(rows: Sequence[Row], hits: Sequence[bool]) -> Iterator[str]:
    yield "| functional test | label | hit | cases |"
    yield "|---|---|--:|--:|"
    for label in ("non-hateful", "hateful"):
        for name in sorted({row["category"] for row in rows if row["label"] == label}):
            some = [
                (row["group"], found) for row, found in zip(rows, hits, strict=True) if (row["category"], row["label"]) == (name, label)
            ]
            yield f"| {name} | {label} | {_share([f for _, f in some], [g for g, _ in some])} | {len(some):,} |"


def _curve(rows: Sequence[Row]) -> Iterator[str]:
    """The model alone, all languages together: what another cut would cost."""
    scores = np.array([_score(row) for row in rows])
    bad = np.array([row["label"] == "hateful" for row in rows])
    found = (f"{100 * np.mean(scores[bad] > np.quantile(scores[~bad], 1 - trap)):.0f} % at {100 * trap:.0f} %" for trap in TRAPS)
    yield f"The model alone at other cuts, hateful cases found at so many not hateful ones hit: {', '.join(found)}."


def _score(row: Row) -> float:
    model = model_for("hate", row["group"])
    return max((model.score(row["text"][start:end]) for start, end in pieces(row["text"], row["lang"])), default=-9.0)


def _share(values: Iterable[bool], groups: Sequence[str]) -> str:
    return shown(share(list(map(float, values)), groups))
