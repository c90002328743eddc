"""The quality of people on public data with several annotators: ``python -m benchmarks.people [--write]``.

Development parts of crowd_product, crowd_act (five sets), crowd_multipico, grounding_qags, grounding_memerag (votes) and
grounding_mushroom (spans), found through PLUMBLINE_SHARED. Consensus against gold by each method and by the stated rule; agreement with its
interval beside the figures of the whole sets; our numbers against crowd-kit and krippendorff called directly. Only figures are kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import krippendorff
import numpy as np

from benchmarks.report import hardware, put
from evals.paths import shared_data
from evals.statistics.agreement import Agreement, Rated, agreements
from evals.statistics.calibration import fit
from evals.statistics.consensus import Consensus, Method, Result, choose_method, consensus, posteriors, shape_of
from evals.statistics.spans import Marked, span_iou

SETS = ("crowd_product", "crowd_act", "crowd_multipico", "grounding_qags", "grounding_memerag", "grounding_mushroom")
VOTED = {"qags_cnndm", "qags_xsum", "memerag_ext"}  # their gold is the majority of these very votes
ALPHA = {"qags_cnndm": 0.51, "qags_xsum": 0.34, "memerag_ext en": 0.72, "memerag_ext de": 0.64, "memerag_ext es": 0.81}
ALPHA |= {"memerag_ext fr": 0.69, "memerag_ext hi": 0.86, "multipico hi": 0.11, "multipico it": 0.35}
IOU = {"it": 0.79, "fr": 0.73, "ca": 0.70, "hi": 0.68, "fi": 0.68, "sv": 0.66, "ar": 0.66, "fa": 0.64, "eu": 0.62, "cs": 0.61, "de": 0.58}
IOU |= {"en": 0.49, "es": 0.45, "zh": 0.45}
VOTES = ("items", "raters", "per item", "per rater", "classes")
METHODS = ("majority", "Dawid–Skene", "one-coin", "MACE")
MARGIN = 0.01  # how much worse than majority the rule may be


@dataclass
class Votes:
    """One set (one language of it): who said what, and what is right where somebody knows."""

    name: str
    rated: list[Rated] = field(default_factory=list)
    gold: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> tuple[str, ...]:
        return tuple(sorted({one.label for one in self.rated}))


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    given.add_argument("--seed", type=int, default=0)
    options = given.parse_args()
    missing = [name for name in SETS if not (shared_data() / name / "dev" / "data.jsonl.gz").exists()]
    if missing:
        sys.exit(f"skipped: {', '.join(missing)} not in {shared_data()} (set PLUMBLINE_SHARED)")
    votes = {one.name: one for one in (*crowds(), *sentences(), *statements())}
    text = report(votes, options.seed)
    print(text)
    if options.write:
        put("people", text)


# ---------------------------------------------------------------------------------------------- reading


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_data() / name / "dev" / "data.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def crowds() -> list[Votes]:
    """The crowd_* sets; multipico by language."""
    found: dict[str, Votes] = {}
    for name in SETS[:3]:
        for row in rows(name):
            key = row["dataset"] + (f" {row['lang']}" if name == "crowd_multipico" else "")
            mine = found.setdefault(key, Votes(key))
            mine.rated += [Rated(row["id"], rater, str(label), row["group"]) for rater, label in row["votes"].items()]
            if row.get("gold") is not None:
                mine.gold[row["id"]] = str(row["gold"])
    return list(found.values())


def sentences() -> list[Votes]:
    """QAGS: three votes a sentence."""
    found: dict[str, Votes] = {}
    for row in rows("grounding_qags"):
        mine = found.setdefault(row["dataset"], Votes(row["dataset"]))
        for number, sentence in enumerate(row["sentences"]):
            item = f"{row['id']}#{number}"
            mine.rated += [Rated(item, rater, str(label), row["group"]) for rater, label in sentence["votes"].items()]
            mine.gold[item] = str(sentence["label"])
    return list(found.values())


def statements() -> list[Votes]:
    """MEMERAG with five annotators; their numbers are slots, not persons."""
    found: dict[str, Votes] = {}
    for row in rows("grounding_memerag"):
        if row["dataset"] == "memerag_ext":
            key = f"memerag_ext {row['lang']}"
            mine = found.setdefault(key, Votes(key))
            mine.rated += [Rated(row["id"], f"slot {one['a']}", one["factuality"], row["group"]) for one in row["annotators"]]
            mine.gold[row["id"]] = row["factuality"]
    return list(found.values())


def marks() -> dict[str, list[Marked]]:
    found: dict[str, list[Marked]] = defaultdict(list)
    for row in rows("grounding_mushroom"):
        found[row["lang"]] += [
            Marked(row["id"], rater, [(start, end) for start, end in spans], row["group"]) for rater, spans in row["annotators"].items()
        ]
    return found


# ---------------------------------------------------------------------------------------------- measuring


def report(votes: Mapping[str, Votes], seed: int) -> str:
    """Markdown: consensus, agreement, spans, and how far our numbers are from the libraries'."""
    judged = {one.name: consensus_row(one) for one in votes.values() if one.gold}
    worst = min(judged, key=lambda name: judged[name][1])
    held = "holds" if judged[worst][1] >= -MARGIN else "DOES NOT HOLD"
    rule = f"The rule is never worse than majority by more than {MARGIN * 100:.0f} point: {held} (least: {judged[worst][1] * 100:+.1f})."
    unjudged = ", ".join(f"{one.name} {choose_method(shape_of(one.rated))[0]}" for one in votes.values() if not one.gold)
    agreed = [(one.name, *agreements(one.rated, one.scale, seed=seed)) for one in votes.values()]
    spans = [(language, span_iou(marked, seed=seed)) for language, marked in sorted(marks().items())]
    known = [(ALPHA[name], alpha) for name, alpha, *_ in agreed if name in ALPHA] + [(IOU[language], iou) for language, iou in spans]
    return "\n".join(
        [
            hardware(),
            "",
            "Accuracy against gold in %; a tie counts as a draw by lot. *says*: mean probability the rule gives its labels; *calibrated*:",
            "with gold from the other half of the items. † gold is the majority of these very votes: it only shows what a method changes.",
            "",
            f"| set | {' | '.join(VOTES + METHODS)} | **rule** | gain | says | calibrated |",
            "|---|" + "--:|" * 9 + "---|" + "--:|" * 3,
            *(row for row, _ in judged.values()),
            "",
            f"{rule} Without gold: {unjudged}.",
            "",
            "| set | alpha (nominal) | whole set | AC1 | raw | items, sources |",
            "|---|---|--:|---|---|---|",
            *(agreement_row(*one) for one in agreed),
            "",
            "| Mu-SHROOM | pairwise span IoU | whole set | raters | items, sources |",
            "|---|---|--:|--:|---|",
            *(span_row(*one) for one in spans),
            "",
            f"{sum(inside(figure, found) for figure, found in known)} of {len(known)} figures of whole sets lie in the development part's"
            f" 95 % interval. {distances(votes)}",
        ]
    )


def consensus_row(votes: Votes) -> tuple[str, float]:
    """The row, and how much better than majority the rule is."""
    shape = shape_of(votes.rated)
    found = {method: consensus(votes.rated, votes.scale, method=method) for method in get_args(Method)}
    share = {method: accuracy(result.items, votes.gold) for method, result in found.items()}
    chosen = choose_method(shape)[0]
    gain = share[chosen] - share["majority"]
    cells = [votes.name + ("†" if votes.name.split()[0] in VOTED else ""), f"{shape.items:,}", str(shape.raters)]
    cells += [f"{shape.raters_per_item:.1f}", f"{shape.labels_per_rater:.1f}", str(shape.classes)]
    cells += [f"{100 * share[method]:.1f}" for method in get_args(Method)]
    cells += [f"**{chosen.replace('_', ' ')}**", f"{100 * gain:+.1f}", said(found[chosen].items.values()), calibrated(votes, found[chosen])]
    return f"| {' | '.join(cells)} |", gain


def accuracy(found: Mapping[str, Consensus], gold: Mapping[str, str]) -> float:
    """Share of gold met; a tie counts as a draw by lot would on average."""
    right = [
        float(found[item].label == label) if found[item].label is not None else (label in found[item].tied) / len(found[item].tied)
        for item, label in gold.items()
    ]
    return sum(right) / len(right)


def said(found: Iterable[Consensus]) -> str:
    known = [one.probability for one in found if one.probability is not None]
    return f"{100 * sum(known) / len(known):.1f}"


def calibrated(votes: Votes, plain: Result) -> str:
    """Mean probability when the other half of gold is known."""
    probabilities = {item: one.probabilities for item, one in plain.items.items()}
    halves = [dict(sorted(votes.gold.items())[start::2]) for start in (0, 1)]
    found = []
    for known, other in (halves, halves[::-1]):
        fitted = fit(probabilities, known)
        if fitted is None:
            return ""
        found += [max(fitted.applied(probabilities[item]).values()) for item in other]
    return f"{100 * sum(found) / len(found):.1f}"


def agreement_row(name: str, alpha: Agreement, ac1: Agreement, raw: Agreement) -> str:
    whole = f"{ALPHA[name]:.2f}" if name in ALPHA else ""
    return f"| {name} | {span(alpha)} | {whole} | {span(ac1)} | {span(raw)} | {alpha.interval.n:,}, {alpha.interval.clusters:,} |"


def span_row(language: str, found: Agreement) -> str:
    return f"| {language} | {span(found)} | {IOU[language]:.2f} | {len(found.raters)} | {found.interval.n}, {found.interval.clusters} |"


def inside(figure: float, found: Agreement) -> bool:
    """Is a figure given to two digits in the interval?"""
    low, high = found.interval.low, found.interval.high
    return low is not None and high is not None and low - 0.005 <= figure <= high + 0.005


def span(found: Agreement) -> str:
    interval = found.interval
    if interval.estimate is None or interval.low is None or interval.high is None:
        return interval.reason or ""
    return f"{interval.estimate:.2f} ({interval.low:.2f}–{interval.high:.2f})"


# ---------------------------------------------------------------------------------------------- against the libraries


def distances(votes: Mapping[str, Votes]) -> str:
    """Largest difference to krippendorff on the plain rater × item matrix, and to crowd-kit called with its own defaults."""
    alphas = max(abs((agreements(one.rated, one.scale, draws=1)[0].interval.estimate or 0.0) - plain_alpha(one)) for one in votes.values())
    models = max(plain_crowd_kit(one) for one in votes.values() if one.gold and not one.name.startswith("memerag"))
    return (
        f"Largest difference to krippendorff called directly: {alphas:.0e}; to crowd-kit's probabilities, its own settings: {models:.0e}."
    )


def plain_alpha(votes: Votes) -> float:
    raters, items = (sorted({getattr(one, what) for one in votes.rated}) for what in ("rater", "item"))
    row, column = ({name: number for number, name in enumerate(names)} for names in (raters, items))
    matrix = np.full((len(raters), len(items)), np.nan)
    for one in votes.rated:
        matrix[row[one.rater], column[one.item]] = votes.scale.index(one.label)
    return float(krippendorff.alpha(reliability_data=matrix, level_of_measurement="nominal"))


def plain_crowd_kit(votes: Votes) -> float:
    import pandas
    from crowdkit.aggregation import MACE, DawidSkene, OneCoinDawidSkene

    frame = pandas.DataFrame([(one.item, one.rater, one.label) for one in sorted(votes.rated)], columns=["task", "worker", "label"])
    models: dict[Method, Any] = {"dawid_skene": DawidSkene(), "one_coin": OneCoinDawidSkene(), "mace": MACE()}
    largest = 0.0
    for method, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = model.fit_predict_proba(frame)
        ours = posteriors(method, votes.rated)
        largest = max(largest, max(abs(ours[item][label] - theirs.at[item, label]) for item in ours for label in ours[item]))
    return largest


if __name__ == "__main__":
    main()
