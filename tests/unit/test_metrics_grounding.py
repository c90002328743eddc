"""Grounding by code: right on what our own patterns say, in every language, and not fooled by small changes."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from evals.bands import BANDS, band
from evals.claims import claims_of
from evals.languages import LANGUAGES
from evals.metrics import METRICS
from evals.packs import LanguagePack, pack
from evals.paths import DATA
from evals.records import AspectRow, Case, Output, Passage, Score

TAGS = [tag for tag in LANGUAGES if (DATA / "languages" / f"{tag}.yaml").exists()]
ROWS = {
    "most_positive": (9, 2, 1),
    "some_positive": (3, 4, 1),
    "mixed": (5, 0, 4),
    "some_negative": (1, 0, 2),
    "most_negative": (1, 3, 8),
}
OPPOSITE = {"most_positive": "most_negative", "some_positive": "some_negative"}
OPPOSITE |= {value: key for key, value in OPPOSITE.items()}
OTHER_BAND = {
    "most_positive": "some_positive",
    "some_positive": "most_positive",
    "mixed": "most_positive",
    "some_negative": "most_negative",
    "most_negative": "some_negative",
}
GROUNDED = METRICS["grounded"]


def case(tag: str, feature: str = "highlights") -> Case:
    return Case("case", feature, "product", tag, "category", {})


def table_row(aspect: str, name: str) -> AspectRow:
    positive, neutral, negative = ROWS[name]
    row = AspectRow(aspect, positive, neutral, negative, positive + neutral + negative)
    assert band(row) == name
    return row


def snippet(aspect: str, number: int = 1, tag: str = "en") -> Passage:
    return Passage(number, "review", f"r{number}", tag, "text", 0, 4, aspect, "positive")


def scores(tag: str, text: str, rows=(), passages=(), feature="highlights") -> list[Score]:
    output = Output("output", "run", "case", text, "ok", "now", tuple(passages), tuple(rows))
    return GROUNDED.measure(case(tag, feature), output, claims_of(output, tag))


def verdict(tag: str, text: str, rows=(), passages=(), feature="highlights") -> str:
    found = scores(tag, text, rows, passages, feature)
    assert len(found) == 1, [score.detail for score in found]
    return found[0].detail["verdict"]


def true_summaries(words: LanguagePack) -> Iterator[tuple[str, str, AspectRow, str]]:
    """(pattern name, text, row, aspect) for every pattern, variant and aspect."""
    for aspect, names in words.aspects.items():
        for name in BANDS:
            row = table_row(aspect, name)
            for variant in words.summary[name]:
                yield name, variant.format(aspect=names.name) + " [1]", row, aspect
        row = table_row(aspect, "most_positive")
        for variant in words.summary["counts_positive"]:
            yield "counts_positive", variant.format(aspect=names.name, positive=9, total=10) + " [1]", row, aspect


@pytest.mark.parametrize("tag", TAGS)
def test_true_summaries_are_grounded(tag):
    wrong = [
        (text, found)
        for _, text, row, aspect in true_summaries(pack(tag))
        if (found := verdict(tag, text, [row], [snippet(aspect)])) != "grounded"
    ]
    total = sum(1 for _ in true_summaries(pack(tag)))
    assert len(wrong) <= 0.01 * total, wrong[:5]


def corrupted(words: LanguagePack) -> Iterator[tuple[str, str, list[AspectRow], str]]:
    """(kind of corruption, text, table, aspect cited): each false of its table in one way."""
    aspects = list(words.aspects)
    following = dict([*pairwise(aspects), (aspects[-1], aspects[0])])
    for name, text, row, aspect in true_summaries(words):
        if aspect not in aspects[::2]:
            continue  # all of them are read above; here the words around the name decide
        other = following[aspect]
        if aspect in aspects[:3]:  # here the wording decides nothing
            yield "aspect not counted", text, [table_row(other, "mixed")], aspect
            yield "snippet of another aspect", text, [row], other
            yield "citation of nothing", text.replace("[1]", "[7]"), [row], aspect
        if name == "counts_positive":
            yield "number", text, [AspectRow(aspect, 8, 0, 2, 10)], aspect
            yield "numbers exchanged", text, [AspectRow(aspect, 10, 0, 9, 19)], aspect
        else:
            yield "quantity", text, [table_row(aspect, OTHER_BAND[name])], aspect
        if name in OPPOSITE:
            yield "polarity", text, [table_row(aspect, OPPOSITE[name])], aspect


@pytest.mark.parametrize("tag", TAGS)
def test_corrupted_summaries_are_not_grounded(tag):
    seen: dict[str, list[bool]] = {}
    missed = []
    for kind, text, rows, cited in corrupted(pack(tag)):
        caught = verdict(tag, text, rows, [snippet(cited)]) in ("contradicted", "unsupported")
        seen.setdefault(kind, []).append(caught)
        missed += [] if caught else [(kind, text)]
    recall = {kind: sum(caught) / len(caught) for kind, caught in seen.items()}
    assert min(recall.values()) >= 0.99, (recall, missed[:5])


def true_answers(words: LanguagePack) -> Iterator[tuple[str, list[Passage]]]:
    tag = words.tag
    for aspect, row in words.aspects.items():
        good = Passage(1, "review", "r1", tag, row.positive[0], 0, len(row.positive[0]), aspect, "positive")
        bad = Passage(2, "review", "r2", tag, row.negative[0], 0, len(row.negative[0]), aspect, "negative")
        for key, passages in (("aspect_positive", [good]), ("aspect_negative", [bad]), ("aspect_mixed", [good, bad])):
            marks = "".join(f"[{passage.number}]" for passage in passages)
            yield from ((f"{variant.format(aspect=row.name)} {marks}", passages) for variant in words.answer[key])
        yield from (
            (f"{variant.format(snippet=row.positive[1])} [1]", [quoted])
            for variant in words.answer["quote"]
            for quoted in [Passage(1, "review", "r1", tag, f"{row.positive[0]} {row.positive[1]}", 0, 9)]
        )
    for attribute, name in words.attributes.items():
        passage = Passage(1, "attribute", f"p/{attribute}", tag, f"{name}: 1.5 x 20", 0, 9)
        yield from ((f"{variant.format(attribute=name, value='1.5 x 20')} [1]", [passage]) for variant in words.answer["attribute"])


@pytest.mark.parametrize("tag", TAGS)
def test_true_answers_are_grounded(tag):
    found = [(text, verdict(tag, text, (), passages, "assistant")) for text, passages in true_answers(pack(tag))]
    wrong = [row for row in found if row[1] != "grounded"]
    assert len(wrong) <= 0.01 * len(found), wrong[:5]


def false_answers(words: LanguagePack) -> Iterator[tuple[str, list[Passage]]]:
    tag = words.tag
    aspects = list(words.aspects)
    for (aspect, row), other in zip(words.aspects.items(), [*aspects[1:], aspects[0]], strict=True):
        good = Passage(1, "review", "r1", tag, row.positive[0], 0, 9, aspect, "positive")
        elsewhere = Passage(1, "review", "r1", tag, words.aspects[other].positive[0], 0, 9, other, "positive")
        for variant in words.answer["aspect_negative"]:
            yield f"{variant.format(aspect=row.name)} [1]", [good]
        for key in ("aspect_positive", "aspect_negative", "aspect_mixed"):
            yield from ((f"{variant.format(aspect=row.name)} [1]", [elsewhere]) for variant in words.answer[key])
        yield from ((f"{variant.format(snippet=row.positive[1])} [1]", [elsewhere]) for variant in words.answer["quote"])
    for attribute, name in words.attributes.items():
        passage = Passage(1, "attribute", f"p/{attribute}", tag, f"{name}: 1.5 x 20", 0, 9)
        yield from ((f"{variant.format(attribute=name, value='1.6 x 20')} [1]", [passage]) for variant in words.answer["attribute"])


@pytest.mark.parametrize("tag", TAGS)
def test_false_answers_are_not_grounded(tag):
    found = [(text, verdict(tag, text, (), passages, "assistant")) for text, passages in false_answers(pack(tag))]
    missed = [row for row in found if row[1] not in ("contradicted", "unsupported")]
    assert len(missed) <= 0.01 * len(found), missed[:5]


@pytest.mark.parametrize("tag", TAGS)
def test_saying_that_nothing_is_known_is_neither_right_nor_wrong(tag):
    for text in pack(tag).answer["unknown"]:
        (score,) = scores(tag, text, feature="assistant")
        assert score.value is None
        assert score.reason
        assert score.detail["verdict"] == "not_checkable"
