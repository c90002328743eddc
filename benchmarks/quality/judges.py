"""Judges against people: stored detectors and our own scorers as certificates would state them, several of them as a jury, and how often a
certificate is given by chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.quality.data import LEVEL, Row, Sets, shown
from evals.claims import claims_of
from evals.metric import Sample
from evals.metrics import METRICS
from evals.records import Case, Certificate, Output, Passage
from evals.statistics.bootstrap import groups_of, interval
from evals.statistics.intervals import clopper_pearson
from evals.statistics.partial import spearman
from evals.trust import jury
from evals.trust.certificates import certify
from evals.trust.labelled import Against, Labelled
from evals.trust.terms import load_terms

NOW = "2026-11-22T12:00:00Z"
EXPERIMENTS = 200
# (true AUROC, separation of two normals for which it is Φ(separation / √2), labels)
CELLS = ((0.70, 0.7416, 120), (0.70, 0.7416, 300), (0.75, 0.9539, 300), (0.85, 1.4657, 300))
HEADER = "| judge | n | AUROC | kappa | calibration error | certified |\n|---|--:|---|---|---|---|"


def figures(sets: Sets) -> str:
    """Markdown: three sets and a simulation."""
    return "\n\n".join("\n".join(part) for part in (_faithbench(sets), _memerag(sets), _frank(sets), _by_chance()))


# ---------------------------------------------------------------------------------------------- stored detectors


def _faithbench(sets: Sets) -> Iterator[str]:
    rows = sets.rows("grounding_faithbench")
    names = sorted({name for row in rows for name in row["detectors"]})
    detectors = [_against(name, [(row, row["detectors"].get(name)) for row in rows]) for name in names]
    passages = len({row["group"] for row in rows})
    yield f"FaithBench: {len(rows)} summaries of {passages} passages, chosen because detectors disagree on them.\n"
    yield HEADER
    for one in detectors:
        yield _line(one.judge, one, "en")
    yield from _juries(detectors, "en")


def _juries(members: Sequence[Against], language: str) -> Iterator[str]:
    fitted = jury.fit(members)
    mean = replace(fitted, folds=tuple(replace(one, fitted=False) for one in fitted.folds))
    yield _line(f"**jury of {len(members)}, out of fold**", jury.against_people(fitted, members), language)
    yield _line("plain mean of the same", jury.against_people(mean, members), language)


def _against(name: str, said: Sequence[tuple[Row, float | None]]) -> Against:
    by_language: dict[str, list[Labelled]] = defaultdict(list)
    for row, value in said:
        if row["label"] in (0, 1):
            by_language[row["lang"]].append(Labelled(row["id"], row["lang"], row["label"] == 1, value, row["group"]))
    return Against(name, "v:1", by_language, {})


def _line(name: str, against: Against, language: str) -> str:
    [found] = [one for one in certify(against, "claim-v2", load_terms(), now=NOW) if one.language == language]
    cells = [_cell(found.measures.get(key)) for key in ("auroc", "kappa", "calibration_error")]
    return f"| {name} | {found.n} | {' | '.join(cells)} | {found.reason or 'yes'} |"


def _cell(figure: Sequence[float | None] | None) -> str:
    if not figure or figure[0] is None:
        return "—"
    return f"{figure[0]:.3f}" if None in figure else f"{figure[0]:.3f} ({figure[1]:.3f}–{figure[2]:.3f})"


# ---------------------------------------------------------------------------------------------- our own scorers


def _memerag(sets: Sets) -> Iterator[str]:
    rows = sets.rows("grounding_memerag", lambda row: row["label"] in (0, 1))
    scorers = {name: _against(name, list(zip(rows, _values(name, rows), strict=True))) for name in _scorers(rows)}
    yield f"MEMERAG: {len(rows)} sentences of answers in five languages, never trained on; the offline scorers of claims.\n"
    yield HEADER.replace("| judge |", "| language | judge |").replace("|---|--:|", "|---|---|--:|")
    for language in sorted({row["lang"] for row in rows}):
        for name, against in scorers.items():
            yield f"| {language} {_line(name, against, language)}"


def _scorers(rows: Sequence[Row]) -> list[str]:
    """Those metrics of claims that give a probability here."""
    kinds = [name for name, metric in METRICS.items() if metric.subject == "claim"]
    some = {name: [value for value in _values(name, rows[:40]) if value is not None] for name in kinds}
    return [name for name in kinds if some[name] and all(0 <= value <= 1 for value in some[name])]


def _values(name: str, rows: Sequence[Row]) -> list[float | None]:
    """The metric's value of each output, its least claim's."""
    found = METRICS[name].measure_many([_sample(row) for row in rows])
    values = [[score.value for score in scores if score.value is not None] for scores in found]
    return [min(some) if some else None for some in values]


def _sample(row: Row) -> Sample:
    passages = (Passage(1, "source", "s1", row["lang"], row["source"], 0, len(row["source"])),)
    case = Case(row["id"], "assistant", "p", row["lang"], "qa", {"question": row.get("question") or ""})
    output = Output(row["id"], "r", row["id"], row["output"], "ok", "now", passages)
    return case, output, claims_of(output, row["lang"])


# ---------------------------------------------------------------------------------------------- stored metrics


def _frank(sets: Sets) -> Iterator[str]:
    rows = sets.rows("judge_frank")
    people = np.array([row["human"]["factuality"] for row in rows])
    groups = groups_of({str(i): row["group"] for i, row in enumerate(rows)})
    held = np.array([float(row["origin"] == "bbc") for row in rows])
    yield f"FRANK: Spearman of stored metrics with people's factuality, {len(rows)} summaries; then with BBC or CNN held still.\n"
    yield "| metric | plain | origin held still |\n|---|---|---|"
    for name in sorted({name for row in rows for name in row["metrics"]}):
        have = np.array([row["metrics"].get(name) is not None for row in rows])
        x = np.array([row["metrics"][name] for row, one in zip(rows, have, strict=True) if one], dtype=float)
        again = np.unique(groups[have], return_inverse=True)[1]
        both = [spearman(x, people[have], again), spearman(x, people[have], again, given=held[have])]
        yield f"| {name} | " + " | ".join(shown(interval(one, n=len(x), level=LEVEL), 2) for one in both) + " |"


# ---------------------------------------------------------------------------------------------- by chance


def _by_chance() -> Iterator[str]:
    line = f"{load_terms().min_auroc:.2f}"
    yield f"Certificates given to calibrated judges of a known ranking, four claims a product, {EXPERIMENTS} experiments each."
    yield f"A judge at or under {line} may get one in 2.5 % of them at most.\n"
    yield "| true AUROC | labels | certified | interval holds the true AUROC |\n|--:|--:|---|---|"
    for truth, separation, size in CELLS:
        found = [_certificate(_population(separation, size, seed)) for seed in range(EXPERIMENTS)]
        bounds = [one.measures["auroc"] for one in found]
        covered = sum(low <= truth <= high for _, low, high in bounds)
        yield f"| {truth:.2f} | {size} | {_share(sum(one.reason is None for one in found))} | {_share(covered)} |"


def _certificate(rows: Sequence[Labelled]) -> Certificate:
    [found] = certify(Against("simulated", "v:1", {"en": rows}, {}), "claim-v2", load_terms(), now=NOW)
    return found


def _population(separation: float, size: int, seed: int) -> list[Labelled]:
    rng = np.random.default_rng(seed)
    right = rng.random(size) < 0.5
    x = rng.normal(size=size) + separation * (right - 0.5)
    said = 1 / (1 + np.exp(-separation * x))
    return [Labelled(f"c{i}", "en", bool(right[i]), float(said[i]), f"p{i // 4}") for i in range(size)]


def _share(count: int) -> str:
    found = clopper_pearson(count, EXPERIMENTS)
    return f"{100 * count / EXPERIMENTS:.1f} % ({100 * (found.low or 0):.1f}–{100 * (found.high or 1):.1f})"
