"""Examples the small model learns from, made from the language packs alone: no customer's text, nothing downloaded.

Example i of a seed depends on nothing but (seed, i), so that training and held-out sets are two seeds and any example can be made again.
Rules of the targets, which the evaluation (and a reader of the model card) relies on:
highlights: one sentence per row in order, in the pattern its sign asks for (`runner.prompts.summary_key`), ``[n]`` of its snippet. Before
each sentence its row's token, which is not shown. assistant: an attribute's value, or how the opinions on the asked aspect lean, or
``unknown``. Always a pattern's first wording: a model this small has better things to learn than paraphrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from evals.bands import MIN_OPINIONS, opinionated
from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, Feature, Passage, Polarity
from runner.prompts import (
    MAX_ROWS,
    Prompt,
    assistant_prompt,
    attribute_name,
    citation,
    highlights_prompt,
    opinions,
    row_token,
    summary_key,
)

STYLE = "compact-v1"
Kind = Literal["highlights", "aspect", "attribute", "unknown"]


@dataclass(frozen=True)
class Example:
    """A prompt and what the model should say; `rows` are the table of a highlights example, for checking bands."""

    language: str
    feature: Feature
    kind: Kind
    prompt: Prompt
    target: str
    rows: tuple[AspectRow, ...] = ()


def example(seed: int, index: int, tags: Sequence[str] = tuple(LANGUAGES)) -> Example:
    """Example `index` of the endless corpus of `seed`, in a language drawn evenly from `tags`."""
    rng = Random(f"{seed}:{index}")  # noqa: S311 (nothing secret)
    tag = rng.choice(tags)
    return _highlights(rng, tag) if rng.random() < 0.55 else _assistant(rng, tag)


# ---------------------------------------------------------------------------------------------- highlights


def _highlights(rng: Random, tag: str) -> Example:
    words = pack(tag)
    aspects = rng.sample(sorted(words.aspects), rng.choices((1, 2, 3, MAX_ROWS), (1, 2, 3, 4))[0])
    rows = tuple(_row(rng, aspect) for aspect in aspects)
    passages = _snippets(rng, tag, rows)
    target = " ".join(row_token(at) + _sentence(words, row) + citation(row, passages) for at, row in enumerate(rows, 1))
    return Example(tag, "highlights", "highlights", highlights_prompt(STYLE, tag, "", rows, passages), target, rows)


def _row(rng: Random, aspect: str) -> AspectRow:
    if rng.random() < 0.3:
        positive, negative = rng.choice([(p, n) for p in range(MIN_OPINIONS) for n in range(MIN_OPINIONS - p) if p + n])
    else:
        total = round(MIN_OPINIONS * 40 ** rng.random())  # 5..200, as many small as large
        share = rng.choice(
            (rng.random(), rng.betavariate(8, 1), rng.betavariate(1, 6), rng.choice((0.25, 0.75)) + rng.uniform(-0.08, 0.08))
        )
        positive = min(total, round(total * share))
        negative = total - positive
    neutral = 0 if rng.random() < 0.25 else round(40 ** rng.random() - 1)
    return AspectRow(aspect, positive, neutral, negative, positive + neutral + negative)


def _sentence(words: LanguagePack, row: AspectRow) -> str:
    name = words.aspects[row.aspect].name
    return words.summary[summary_key(row)][0].format(aspect=name, positive=row.positive, total=opinionated(row))


def _snippets(rng: Random, tag: str, rows: Sequence[AspectRow]) -> list[Passage]:
    passages: list[Passage] = []
    for row in rows:
        for _ in range(rng.choices((0, 1, 2), (2, 6, 3))[0]):
            agrees = rng.random() < 0.85
            polarity: Polarity = "positive" if (row.positive >= row.negative) == agrees else "negative"
            passages.append(_passage(rng, tag, row.aspect, polarity, len(passages) + 1))
    return passages


# ---------------------------------------------------------------------------------------------- assistant


def _assistant(rng: Random, tag: str) -> Example:
    kind: Kind = rng.choices(("aspect", "attribute", "unknown"), (7, 5, 3))[0]
    return _attribute(rng, tag) if kind == "attribute" else _aspect(rng, tag, kind)


def _aspect(rng: Random, tag: str, kind: Kind) -> Example:
    words = pack(tag)
    aspect, *others = rng.sample(sorted(words.aspects), 4)
    count = rng.choice((1, 2, 2, 3)) if kind == "aspect" else 0
    lean = rng.choice(("positive", "negative", "mixed"))
    drafts = [_review(rng, tag, aspect, _polarity(lean, i)) for i in range(count)]
    drafts += [
        _review(rng, tag, rng.choice(others), rng.choice(("positive", "negative"))) for _ in range(rng.randint(kind == "unknown", 3))
    ]
    drafts += [_value(rng, words, attribute) for attribute in rng.sample(sorted(words.attributes), rng.choice((0, 0, 1)))]
    passages = _shuffled(rng, drafts)
    name = words.aspects[aspect].name
    asked = name if rng.random() < 0.6 else rng.choice(words.aspects[aspect].terms)
    question = rng.choice(words.ask["aspect"]).format(aspect=asked)
    return Example(tag, "assistant", kind, assistant_prompt(STYLE, tag, question, passages), _answer(words, aspect, passages))


def _polarity(lean: str, index: int) -> Polarity:
    if lean == "mixed":
        return "positive" if index % 2 else "negative"
    return "positive" if lean == "positive" else "negative"


def _answer(words: LanguagePack, aspect: str, passages: Sequence[Passage]) -> str:
    """How the opinions on `aspect` lean, or that there is none."""
    found = next(((at, row, marks) for at, (row, marks) in enumerate(opinions(passages), 1) if row.aspect == aspect), None)
    if found is None:
        return words.answer["unknown"][0]
    at, row, marks = found
    key = "aspect_mixed" if row.positive and row.negative else "aspect_positive" if row.positive else "aspect_negative"
    return row_token(at) + words.answer[key][0].format(aspect=words.aspects[aspect].name) + marks


def _attribute(rng: Random, tag: str) -> Example:
    words = pack(tag)
    asked, *others = rng.sample(sorted(words.attributes), rng.randint(1, 4))
    answered = rng.random() < 0.85
    drafts = [_value(rng, words, attribute) for attribute in ([asked] if answered else []) + others]
    reviews = rng.sample(sorted(words.aspects), rng.randint(not drafts, 3))
    drafts += [_review(rng, tag, aspect, rng.choice(("positive", "negative"))) for aspect in reviews]
    passages = _shuffled(rng, drafts)
    name = words.attributes[asked]
    question = rng.choice(words.ask["attribute"]).format(attribute=name)
    found = next((p for p in passages if p.source == "attribute" and attribute_name(words, p.source_id) == name), None)
    if found is None:
        target = words.answer["unknown"][0]
    else:
        target = words.answer["attribute"][0].format(attribute=name, value=found.text) + f" [{found.number}]"
    return Example(tag, "assistant", "attribute" if found else "unknown", assistant_prompt(STYLE, tag, question, passages), target)


# ---------------------------------------------------------------------------------------------- evidence


def _shuffled(rng: Random, drafts: Sequence[Passage]) -> list[Passage]:
    order = rng.sample(list(drafts), len(drafts))[:6]
    return [Passage(i, p.source, p.source_id, p.language, p.text, p.start, p.end, p.aspect, p.polarity) for i, p in enumerate(order, 1)]


def _review(rng: Random, tag: str, aspect: str, polarity: Polarity) -> Passage:
    return _passage(rng, tag, aspect, polarity, 1)


def _passage(rng: Random, tag: str, aspect: str, polarity: Polarity, number: int) -> Passage:
    spoken = tag if rng.random() < 0.93 else rng.choice(("en", tag, "es"))  # reviews in another language than the shopper's
    text = _opinion(rng, pack(spoken), aspect, polarity)
    return Passage(number, "review", f"r{number}", spoken, text, 0, len(text), aspect, polarity)


def _opinion(rng: Random, words: LanguagePack, aspect: str, polarity: Polarity) -> str:
    row, kind = words.aspects[aspect], rng.random()
    sentence = rng.choice(row.positive if polarity == "positive" else row.negative)
    if kind < 0.8:
        return sentence
    if kind < 0.9:
        return sentence + (" " if LANGUAGES[words.tag].words == "spaces" else "") + rng.choice(words.closers[polarity])
    return f"{rng.choice(row.terms)} – {rng.choice(words.words[polarity])}!"  # a stub: what it is called, a word of praise or blame


_UNITS = {
    "weight": ("kg", "g", "lb", "oz"), "capacity": ("l", "ml", "GB", "TB", "mAh"), "battery_life": ("h", "min"), "power": ("W", "kW", "V"),
    "warranty": ("24", "12", "36"), "dimensions": ("cm", "mm", "in"),
}  # fmt: skip
_COLORS = ("black", "white", "red", "blue", "green", "silver", "grey", "yellow", "brown", "pink", "gold", "orange", "navy", "beige")
_STUFFS = ("cotton", "steel", "aluminium", "plastic", "wood", "leather", "glass", "ceramic", "bamboo", "wool", "silicone", "nylon")


def _value(rng: Random, words: LanguagePack, attribute: str) -> Passage:
    text = _shown(rng, words, attribute)
    return Passage(1, "attribute", attribute, words.tag, text, 0, len(text))


def _shown(rng: Random, words: LanguagePack, attribute: str) -> str:
    number = rng.choice((str(rng.randint(1, 99)), str(rng.randint(100, 5000)), f"{rng.randint(0, 40)}.{rng.randint(1, 9)}"))
    if rng.random() < 0.15:  # a model number, a word: anything may stand there
        return rng.choice((f"{rng.choice('ABCDEFGHKLMNPRSTXZ')}{rng.randint(1, 999)}", rng.choice(rng.choice(list(words.words.values())))))
    if attribute in ("color", "material"):
        known = _COLORS if attribute == "color" else _STUFFS
        return ", ".join(rng.sample(known, rng.choice((1, 1, 2))))
    if attribute == "dimensions":
        return " x ".join(str(rng.randint(1, 200)) for _ in range(rng.choice((2, 3)))) + " " + rng.choice(_UNITS[attribute])
    unit = (
        rng.choice(("months", "years", "m", words.attributes[attribute].split(" ")[0]))
        if attribute == "warranty"
        else rng.choice(_UNITS[attribute])
    )
    return f"{number} {unit}"
