"""Rails for personal data and for hidden letters: beside Presidio on labelled rows, on benign texts, and on planted data in 28 languages.

A hit is right if it overlaps a marked span of its type, a span found if a hit of its type overlaps it. Presidio is asked for the types it
has a recognizer for and gets, per table, the score threshold that is best for it on these very rows; of its hits those inside a better
one of another type are left out, as its anonymizer does.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality import planted_personal, presidio_arm
from benchmarks.quality.data import LEVEL, Row, Sets, shown
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import shared_data
from evals.statistics.bootstrap import Coefficient, by_group, groups_of, interval
from evals.statistics.intervals import clopper_pearson
from guardrails.addresses import ADDRESSES
from guardrails.base import Context, SpanRail
from guardrails.contact import CONTACT
from guardrails.hidden import HIDDEN
from guardrails.homoglyphs import HOMOGLYPHS
from guardrails.identity import IDENTITY
from guardrails.names import NAMES

SEED = 20_261_123
MOST = 2000  # benign texts of one language
PLANTED = 60  # of each kind in each language
EVIDENCE = Context("assistant", "evidence")
RAILS = (CONTACT, IDENTITY, ADDRESSES, NAMES, HIDDEN, HOMOGLYPHS)
BENIGN = ("reviews_", "absa_mabsa", "absa_more", "absa_semeval16", "shopqa_pqa", "shopqa_subjqa")
# What a hit of ours claims to be, by the beginning of its detail; what is not here is no type of this set.
CLAIMS = {
    "e-mail": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "payment card": "CREDIT_CARD",
    "bank account": "IBAN_CODE",
    "link": "URL",
    "IP": "IP_ADDRESS",
    "national id": "US_SSN",
    "driving licence": "US_DRIVER_LICENSE",
    "street address": "STREET_ADDRESS",
    "a name": "PERSON",
}
Spans = list[tuple[int, int, str]]


def figures(sets: Sets) -> str:
    """Three tables; see the module."""
    return "\n\n".join((_labelled(sets.rows("guard_pii")), _benign(sets), _planted()))


def _labelled(rows: Sequence[Row]) -> str:
    marked = [[(s["start"], s["end"], "URL" if s["type"] == "DOMAIN_NAME" else s["type"]) for s in row["spans"]] for row in rows]
    ours = [_ours(row["text"]) for row in rows]
    theirs = presidio_arm.spans([row["text"] for row in rows])
    groups = groups_of({str(i): row["group"] for i, row in enumerate(rows)})
    best = 0.0 if isinstance(theirs, str) else _best_threshold(theirs, marked)
    peer = None if isinstance(theirs, str) else [_resolved(found, best) for found in theirs]
    lines = [
        "| guard_pii | marked | ours: precision | recall | F1 | Presidio: precision | recall | F1 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    both = list(presidio_arm.TYPES)
    for types in [[one] for one in CLAIMS.values()] + [both, [*both, "STREET_ADDRESS"], list(CLAIMS.values())]:
        name = types[0] if len(types) == 1 else _OVERALL[len(types) - len(both)]
        asked = peer is not None and (len(types) > 1 or types[0] in both)
        other = _cells(peer, marked, types) if asked and peer is not None else "— | — | —"
        lines.append(f"| {name} | {sum(s[2] in types for m in marked for s in m)} | {_cells(ours, marked, types)} | {other} |")
    lines.append("")
    if isinstance(theirs, str):
        return "\n".join([*lines, f"Presidio: not measured, {theirs}."])
    lines.append(_ahead(ours, peer or [], marked, both, groups))
    lines.append(
        f"Presidio {presidio_arm.VERSION} without a model, score threshold {best:g}: names and street addresses it leaves to a model."
    )
    return "\n".join(lines)


_OVERALL = {0: "**types both claim**", 1: "**and street addresses**", 2: "**and names** (ours: announced ones only)"}


def _ours(text: str) -> Spans:
    hits = [hit for rail in RAILS[:4] for hit in rail.check(text, "en", EVIDENCE)]
    return [(hit.start, hit.end, kind) for hit in hits for begins, kind in CLAIMS.items() if hit.detail.startswith(begins)]


def _resolved(found: Sequence[presidio_arm.Found], threshold: float) -> Spans:
    kept = [one for one in found if one[3] >= threshold]
    inside = [any(a[0] <= b[0] and b[1] <= a[1] and (a[3], a[1] - a[0]) > (b[3], b[1] - b[0]) and a[2] != b[2] for a in kept) for b in kept]
    return [(start, end, kind) for (start, end, kind, _), within in zip(kept, inside, strict=True) if not within]


def _best_threshold(found: Sequence[Sequence[presidio_arm.Found]], marked: Sequence[Spans]) -> float:
    scores = sorted({one[3] for row in found for one in row} | {0.0})
    return max(scores, key=lambda score: _f1(_counts([_resolved(row, score) for row in found], marked, presidio_arm.TYPES).sum(axis=0)))


def _counts(found: Sequence[Spans], marked: Sequence[Spans], types: Sequence[str]) -> np.ndarray:
    """Per row: hits, right hits, marked spans, found spans."""

    def overlapping(one: tuple[int, int, str], others: Spans) -> bool:
        return any(one[2] == other[2] and one[0] < other[1] and other[0] < one[1] for other in others)

    table = []
    for hits, spans in zip(found, marked, strict=True):
        hits, spans = ([one for one in some if one[2] in types] for some in (hits, spans))
        table.append([len(hits), sum(overlapping(h, spans) for h in hits), len(spans), sum(overlapping(s, hits) for s in spans)])
    return np.array(table, dtype=float)


def _f1(sums: np.ndarray) -> float | np.ndarray:
    """Of precision and recall, from sums over rows in the last axis; 0 where nothing was found."""
    hits, right, spans, found = (sums[..., i] for i in range(4))
    precision, recall = right / np.maximum(hits, 1), found / np.maximum(spans, 1)
    return 2 * precision * recall / np.maximum(precision + recall, 1e-9)


def _cells(found: Sequence[Spans], marked: Sequence[Spans], types: Sequence[str]) -> str:
    sums = _counts(found, marked, types).sum(axis=0)
    precision = f"{sums[1] / sums[0]:.3f}" if sums[0] else "—"
    return f"{precision} | {sums[3] / max(sums[2], 1):.3f} | {float(_f1(sums)):.3f}"


def _ahead(ours: Sequence[Spans], theirs: Sequence[Spans], marked: Sequence[Spans], types: Sequence[str], groups: np.ndarray) -> str:
    both = np.hstack([_counts(ours, marked, types), _counts(theirs, marked, types)])
    sums = by_group(both, groups)

    def ahead(drawn: np.ndarray) -> np.ndarray:
        return np.asarray(_f1(drawn[..., :4]) - _f1(drawn[..., 4:]))

    size = sums[:, 2].mean()
    worst, best = np.array([size, 0, size, 0, size, size, size, size]), np.array([size, size, size, size, size, 0, size, 0])
    found = interval(Coefficient(float(ahead(sums.sum(axis=0))), sums, worst, best, ahead), n=len(both), level=LEVEL)
    return f"F1 ours less Presidio's, types both claim, clustered by template: **{shown(found)}**."


def _benign(sets: Sets) -> str:
    lines = ["| benign texts touched, % | " + " | ".join(rail.name for rail in RAILS) + " |", "|---|" + "--:|" * len(RAILS)]
    public = benign_texts(sets)
    for language in LANGUAGES:
        texts = public.get(language) or _pack_sentences(language)
        cells = [_percent(touched(rail, language, texts)) for rail in RAILS]
        lines.append(f"| {language}{'' if language in public else '†'} ({len(texts):,}) | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "† no 100 public texts in this language: the review sentences of its own pack, which say little."])


def _pack_sentences(tag: str) -> list[str]:
    return [text for aspect in pack(tag).aspects.values() for text in (*aspect.positive, *aspect.negative, *aspect.neutral)]


def touched(rail: SpanRail, language: str, texts: Iterable[str]) -> list[bool]:
    """Whether the rail objects to each text."""
    return [bool(rail.check(text, language, EVIDENCE)) for text in texts]


def _percent(values: Sequence[bool]) -> str:
    """The rate and its upper 95 % bound, texts taken one by one: they are a sample of texts, not of products."""
    most = clopper_pearson(sum(values), len(values), LEVEL).high or 0.0
    return f"{100 * sum(values) / len(values):.2f} (≤ {100 * most:.2f})"


def benign_texts(sets: Sets) -> dict[str, list[str]]:
    """A seeded sample of reviews, review sentences, questions and answers of each language with at least 100 of them."""
    by_language: defaultdict[str, set[str]] = defaultdict(set)
    for name in sorted(path.name for path in Path(shared_data()).iterdir() if path.name.startswith(BENIGN)):
        for row in sets.rows(name) if sets.has(name) else ():
            by_language[row["lang"]].update(_texts(row))
    rng = random.Random(SEED)
    return {
        tag: rng.sample(sorted(by_language[tag]), min(MOST, len(by_language[tag])))
        for tag in sorted(by_language)
        if tag in LANGUAGES and len(by_language[tag]) >= 100
    }


def _texts(row: Row) -> Iterable[str]:
    yield from (row[key] for key in ("text", "question") if isinstance(row.get(key), str))
    yield from (review["text"] for review in row.get("reviews", ()) if isinstance(review, Mapping))


def _planted() -> str:
    """Recall on constructed data: touched, and masked from the first character to the last."""
    kinds = planted_personal.KINDS
    lines = ["| constructed, found (found whole), % | " + " | ".join(kinds) + " |", "|---|" + "--:|" * len(kinds)]
    for tag in LANGUAGES:
        found = [np.array(planted_found(tag, kind)).mean(axis=0) * 100 for kind in kinds]
        lines.append(f"| {tag} | " + " | ".join(f"{touch:.0f} ({whole:.0f})" for touch, whole in found) + " |")
    told = f"{PLANTED} of each kind in each language, planted between two review sentences; every third in the script's own digits."
    return "\n".join([*lines, "", told])


def planted_found(tag: str, kind: str) -> list[tuple[bool, bool]]:
    """Whether each planted thing was touched, and whether it was found from its first to its last character."""
    rail = next(rail for rail in RAILS if rail.name == planted_personal.RAIL.get(kind, "identity"))
    pairs = [(one, rail.check(one.text, tag, EVIDENCE)) for one in planted_personal.planted(tag, kind, PLANTED, SEED)]
    return [
        (any(h.start < one.end and h.end > one.start for h in hits), any(h.start <= one.start and h.end >= one.end for h in hits))
        for one, hits in pairs
    ]
