"""Instructions for the model: planted in reviews and asked outright, and what honest texts lose to the rail.

A text whose group the shipped model was trained on is judged by a model that has not seen that group (`injection_train.folds`); the shipped
one judges the others. Texts are read, never printed.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from benchmarks.quality.data import Row, Sets, share, shown
from benchmarks.quality.injection_train import REVIEWS, SEED, fold_of, folds
from evals.languages import LANGUAGES
from evals.paths import DATA
from evals.statistics.intervals import Interval
from evals.text import sentences
from guardrails.base import Context, SpanRail
from guardrails.injection import rail
from guardrails.injection_model import DIRECT, PLANTED, Model, mark, read, trained_on
from guardrails.leak import LEAK
from guardrails.repetition import REPETITION

EVIDENCE, INPUT, OUTPUT = (Context("assistant", target) for target in ("evidence", "input", "output"))
PLACES = ("start", "middle", "end")
HOSTS = 1000  # honest reviews of a language
LEAST = 50  # below, a language is not measured
HOST = 40  # characters of a review that something is planted in
OUTPUTS = (
    "grounding_ragtruth", "grounding_mushroom", "grounding_memerag", "grounding_summeval", "grounding_begin", "summqual_multilingual",
    "summqual_opinion",
)  # fmt: skip
CATEGORIES = ("Goal_Hijacking", "Prompt_Leaking", "Role_Play_Instruction")


def figures(sets: Sets) -> str:
    """Markdown; a language without data is *unverified*."""
    hosts = _hosts(sets)
    return "\n\n".join([_planted(sets, hosts), _direct(sets), _honest(sets), _outputs(sets)])


@cache
def _rail(held: int | None, asked: int | None) -> SpanRail:
    """Each trained part the shipped one, or the one that has not seen a fold."""
    unseen = {PLANTED: held, DIRECT: asked}

    def model(name: str) -> Model:
        fold = unseen[name]
        return read(name) if fold is None else folds(name, Sets("dev"))[0][fold]

    return rail(model)


def _hit(text: str, row: Row, context: Context, span: tuple[int, int] | None = None) -> bool:
    """Whether the rail objects to a text (to that span of it), by models that have not seen `row`'s group."""
    group = row["group"]
    judge = _rail(*(fold_of(group) if mark(group) in trained_on(name) else None for name in (PLANTED, DIRECT)))
    hits = judge.check(text, row["lang"], context)
    return any(span is None or (hit.start < span[1] and hit.end > span[0]) for hit in hits)


@cache
def _hosts(sets: Sets) -> dict[str, list[Row]]:
    """Honest reviews by language, shuffled, each text once."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for name in REVIEWS:
        for row in sets.rows(name, lambda row: row["lang"] in LANGUAGES) if sets.has(name) else []:
            found[row["lang"]].setdefault(row["text"], row)
    shuffled = {tag: list(rows.values()) for tag, rows in sorted(found.items())}
    for rows in shuffled.values():
        random.Random(SEED).shuffle(rows)
    return shuffled


def plant(host: str, payload: str, tag: str, place: str) -> tuple[str, tuple[int, int]]:
    """`payload` before, within or behind a review, and where it stands; within: before the sentence nearest the middle."""
    starts = [sentence.start for sentence in sentences(host, tag)][1:]
    middle = min(starts, key=lambda start: abs(start - len(host) / 2), default=len(host))
    at = {"start": 0, "middle": middle, "end": len(host)}[place]
    before, after = host[:at].rstrip(), host[at:].lstrip()
    start = len(before) + bool(before)
    return " ".join(part for part in (before, payload, after) if part), (start, start + len(payload))


# ---------------------------------------------------------------------------------------------- planted


def _planted(sets: Sets, hosts: dict[str, list[Row]]) -> str:
    payloads = sets.rows("guard_injection_en", lambda row: row["dataset"] == "bipia_text_attack")
    hijacks = sets.rows("guard_multilingual_attacks", lambda row: row["category"] == "Goal_Hijacking")
    head = (
        "Planted in honest reviews, caught before the model (a hit on the planted part). BIPIA: English payloads in reviews of each "
        "language, of families that the model has not seen, clustered by family; XSafety: goal hijacking in the review's language."
    )
    lines = [head, "", "| reviews in | BIPIA: start | middle | end | all | XSafety | honest reviews hit |", "|---|--:|--:|--:|--:|--:|--:|"]
    for tag in LANGUAGES:
        some = hosts.get(tag, [])
        lines.append(
            f"| {tag} | " + " | ".join(_planted_in(tag, some, payloads, hijacks)) + " |" if len(some) >= LEAST else _unverified(tag)
        )
    return "\n".join(lines)


def _unverified(tag: str) -> str:
    return f"| {tag} | *unverified* | | | | | |"


def _planted_in(tag: str, some: Sequence[Row], payloads: Sequence[Row], hijacks: Sequence[Row]) -> Iterator[str]:
    long = [row["text"] for row in some if len(row["text"]) >= HOST]
    caught = {place: [_caught(row, long, tag, place) for row in payloads] for place in PLACES}
    groups = [row["group"] for row in payloads]
    yield from (shown(share(caught[place], groups)) for place in PLACES)
    yield shown(share([hit for place in PLACES for hit in caught[place]], groups * len(PLACES)))
    own = [row for row in hijacks if row["lang"] == tag]
    yield shown(share([_caught(row, long, tag, "end") for row in own], [row["group"] for row in own])) if own else "*unverified*"
    honest = some[:HOSTS]
    yield shown(share([_hit(row["text"], row, EVIDENCE) for row in honest], [row["group"] for row in honest]), 4)


def _caught(row: Row, hosts: Sequence[str], tag: str, place: str) -> bool:
    host = random.Random(f"{SEED}:{tag}:{place}:{row['id']}").choice(hosts)
    text, span = plant(host, row["text"], tag, place)
    return _hit(text, row, EVIDENCE, span)


# ---------------------------------------------------------------------------------------------- direct


def _direct(sets: Sets) -> str:
    lines = [
        "Asked outright (target input): share of rows that are blocked.",
        "",
        "| set | language | rows | blocked |",
        "|---|---|--:|--:|",
    ]
    english = sets.rows("guard_injection_en")
    for name in ("inthewild_jailbreak", "notinject", "xstest"):
        for label in ("jailbreak", "attack", "benign"):
            some = [row for row in english if row["dataset"] == name and row["label"] == label]
            lines += _line(f"{name}, {label}", "en", some, lambda row: row["text"])
    attacks = sets.rows("guard_multilingual_attacks", lambda row: row["category"] in (*CATEGORIES, "commonsense"))
    for category in (*CATEGORIES, "commonsense"):
        for tag in LANGUAGES:
            some = [row for row in attacks if row["category"] == category and row["lang"] == tag]
            lines += _line(f"XSafety {category.replace('_', ' ').lower()}", tag, some, lambda row: row["text"])
    return "\n".join(lines)


def _line(what: str, tag: str, some: Sequence[Row], text: Callable[[Row], str]) -> list[str]:
    if not some:
        return []
    found: Interval = share([_hit(text(row), row, INPUT) for row in some], [row["group"] for row in some])
    return [f"| {what} | {tag} | {len(some):,} | {shown(found, 4)} |"]


# ---------------------------------------------------------------------------------------------- honest


def _honest(sets: Sets) -> str:
    lines = ["Honest questions (target input) blocked, and honest reviews that the rail for repetition would object to.", ""]
    lines += ["| what | language | rows | hit |", "|---|---|--:|--:|"]
    lines += _line("shop questions, PQA", "en", sets.rows("shopqa_pqa"), lambda row: row["question"])
    subjective = [{**row, "text": asked["question"]} for row in sets.rows("shopqa_subjqa") for asked in row["questions"]]
    lines += _line("shop questions, SubjQA", "en", subjective, lambda row: row["text"])
    world = sets.rows("grounding_mushroom") if sets.has("grounding_mushroom") else []
    for tag in LANGUAGES:
        some = [row for row in world if row["lang"] == tag]
        lines += _line("questions about the world, Mu-SHROOM", tag, some, lambda row: row["question"])
    own = [json.loads(line) for line in (DATA / "sample" / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    lines += _line("questions of the project's sample", "28", [{**row, "group": row["text"]} for row in own], lambda row: row["text"])
    for tag, rows in _hosts(sets).items():
        hits = [bool(REPETITION.check(row["text"], tag, OUTPUT)) for row in rows]
        if len(rows) >= LEAST:
            lines.append(f"| repetition, reviews | {tag} | {len(rows):,} | {shown(share(hits, [row['group'] for row in rows]), 4)} |")
    return "\n".join(lines)


def _outputs(sets: Sets) -> str:
    """Models' answers and summaries, few of which leak or are stuck: a hit may be right."""
    lines = ["Outputs of models that the rails for leaks and repetition object to (loops among them are real).", ""]
    lines += ["| outputs of | rows | leak | repetition |", "|---|--:|--:|--:|"]
    for name in filter(sets.has, OUTPUTS):
        some = [row for row in sets.rows(name) if isinstance(row.get("output", row.get("text")), str)]
        counts = [
            sum(bool(rail_.check(row.get("output", row.get("text")), row["lang"], OUTPUT)) for row in some) for rail_ in (LEAK, REPETITION)
        ]
        lines.append(f"| {name} | {len(some):,} | {counts[0]} | {counts[1]} |")
    return "\n".join(lines)
