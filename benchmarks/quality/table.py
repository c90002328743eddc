"""The aspect-table check on sentences whose truth is known: the packs' own patterns with words, digits and ratios, over random tables.

Our own wording, so an upper bound: it says that the check does in each language what it says, not that it reads every author.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks.quality.data import Sets
from evals.claims import claims_of
from evals.grounding.base import Item, Judgement
from evals.grounding.table import TableCheck
from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, Case, Output

ROUNDS = 4  # tables for each sentence
SEED = 7
_ZERO = {"ar": "٠", "bn": "০", "hi": "०", "mr": "०", "ta": "௦", "te": "౦", "ja": "０", "zh": "０"}
_COMMA = frozenset({"cs", "da", "de", "el", "es", "fi", "fr", "id", "it", "nl", "no", "pl", "pt", "ro", "sv", "tr", "vi"})
_BANDS = {"most_positive", "some_positive", "mixed", "some_negative", "most_negative"}
_FRACTIONS = {"quarter": 1 / 4, "third": 1 / 3, "half": 1 / 2, "two_thirds": 2 / 3, "three_quarters": 3 / 4}
Truth = Callable[[int, int, int], bool]  # of (those who say it, those who say the other, those who say neither)


@dataclass(frozen=True)
class Statement:
    """A sentence about one aspect, the aspect's row, and whether the sentence is true of it. `kind`: how it says how many."""

    kind: str
    text: str
    row: AspectRow
    true: bool


def judged(statement: Statement, tag: str) -> Judgement:
    """The verdict of the check on the only claim the sentence makes."""
    others = [AspectRow(aspect, 3, 1, 2, 6) for aspect in ("value", "host") if aspect != statement.row.aspect]
    output = Output("output", "run", "case", statement.text, "ok", "now", (), (statement.row, *others))
    case = Case("case", "highlights", "product", tag, "category", {})
    claims = claims_of(output, tag)
    found = TableCheck().judge([Item(case, output, claim) for claim in claims])
    return found[0] if len(found) == 1 else Judgement("not_checkable", f"{len(found)} claims")


def statements(tag: str, rounds: int = ROUNDS, seed: int = SEED) -> Iterator[Statement]:
    """True and false ones in turn, for each way of saying how many that the language's pack has."""
    words, dice = pack(tag), random.Random(f"{seed} {tag}")
    for kind, pattern, side, truth in _patterns(words):
        for turn in range(2 * rounds):
            found = _with_row(dice, side, truth, wanted=turn % 2 == 0)
            if found:
                aspect = dice.choice(list(words.aspects))
                yield Statement(kind, pattern.format(aspect=words.aspects[aspect].name), replace(found, aspect=aspect), turn % 2 == 0)
    for _ in range(4 * rounds):
        yield from _counted(words, dice)
        yield from _percentages(words, dice)


def _patterns(words: LanguagePack) -> Iterator[tuple[str, str, str, Truth]]:
    """(kind, pattern, side, truth) of what is said in words."""
    for name in sorted(_BANDS):
        quantity, _, side = name.partition("_")
        yield from ((quantity, pattern, side or "positive", _TRUTHS[quantity]) for pattern in words.summary[name])
    yield "few", words.examples["few_positive"], "positive", _TRUTHS["few"]
    yield "few", words.examples["few_negative"], "negative", _TRUTHS["few"]
    yield "all", words.examples["all_positive"], "positive", _TRUTHS["all"]
    yield "none", words.examples["none_negative"], "negative", _TRUTHS["none"]
    yield "ratio in words", words.examples["ratio_positive"], "positive", lambda a, b, _: abs(a / (a + b) - 0.8) <= 0.05 + 1e-9
    for kind in ("almost_all", "not_all"):
        yield kind, words.examples["share_positive"].replace("{share}", words.quantities[kind][0]), "positive", _TRUTHS[kind]
    for name, value in _FRACTIONS.items():
        for side in ("positive", "negative"):
            pattern = words.examples[f"share_{side}"].replace("{share}", words.quantities[name][0])
            yield "fraction in words", pattern, side, _nearest(value)


def _nearest(value: float) -> Truth:
    others = [0, 0.1, 0.9, 1, *(other for other in _FRACTIONS.values() if other != value)]
    return lambda a, b, _: a + b > 0 and all(abs(a / (a + b) - value) <= abs(a / (a + b) - other) + 1e-9 for other in others)


_TRUTHS: Mapping[str, Truth] = {
    "most": lambda a, b, _: a + b >= 5 and 4 * a >= 3 * (a + b),
    "some": lambda a, b, _: (a >= 2 and not (a + b >= 5 and 4 * a >= 3 * (a + b))) or (a == 1 and b == 0),
    "few": lambda a, b, _: a + b >= 5 and a > 0 and 4 * a <= a + b,
    "mixed": lambda a, b, _: a == b if a + b < 5 else 1 < 4 * a / (a + b) < 3,
    "all": lambda a, b, c: a > 0 and b == c == 0,
    "almost_all": lambda a, b, _: a + b >= 5 and 10 * a >= 9 * (a + b),
    "not_all": lambda a, b, c: a > 0 and b + c > 0,
    "none": lambda a, _b, _c: a == 0,
}


def _with_row(dice: random.Random, side: str, truth: Truth, wanted: bool) -> AspectRow | None:
    """A random row of which the truth is `wanted`."""
    for _ in range(400):
        said, other, neither = (dice.choice((0, 1, 2, 3, 5, 8, 12, 20, 40)) for _ in range(3))
        said, other = (said + dice.randrange(4), other) if dice.random() < 0.5 else (said, other + dice.randrange(4))
        if said + other and truth(said, other, neither) == wanted:
            positive, negative = (other, said) if side == "negative" else (said, other)
            return AspectRow("", positive, neither, negative, said + other + neither)
    return None


def _counted(words: LanguagePack, dice: random.Random) -> Iterator[Statement]:
    """Numbers as the language writes them; false: one number wrong by a little, or both exchanged."""
    aspect, size = dice.choice(list(words.aspects)), dice.choice((30, 400, 9000))
    positive, negative = dice.randrange(1, size), dice.randrange(1, size)
    row = AspectRow(aspect, positive, dice.randrange(size), negative, positive + negative)
    wrong = dice.choice([(positive + dice.randrange(1, 4), 0), (0, dice.randrange(1, 4)), (negative - positive, 0)])
    for true, (more, total) in ((True, (0, 0)), (False, wrong if wrong != (0, 0) else (1, 0))):
        numbers = (written(n, words.tag, dice) for n in (positive + more, positive + negative + total))
        texts = dict(zip(("positive", "total"), numbers, strict=True))
        yield Statement(
            "counts", dice.choice(words.summary["counts_positive"]).format(aspect=words.aspects[aspect].name, **texts), row, true
        )


def _percentages(words: LanguagePack, dice: random.Random) -> Iterator[Statement]:
    """A share of opinions in per cent, whole or with a decimal, and "more than", "less than", "about" before or behind it."""
    aspect, side = dice.choice(list(words.aspects)), dice.choice(("positive", "negative"))
    said, other = dice.randrange(1, 60), dice.randrange(1, 60)
    positive, negative = (other, said) if side == "negative" else (said, other)
    row = AspectRow(aspect, positive, dice.randrange(9), negative, 200)
    share, digits, away = 100 * said / (said + other), dice.choice((0, 0, 1)), dice.choice((-1, 1)) * dice.randrange(7, 30)
    for true, value in ((True, share), (False, share + away if 1 < share + away < 99 else share - away)):
        yield _percent(words, dice, "per cent", aspect, side, row, true, f"{value:.{digits}f}", None)
    for key, sign in (("over", 1), ("at_least", 1), ("under", -1), ("at_most", -1)):
        for true in (True, False):
            value = round(share) + (-sign if true else sign) * dice.randrange(3, 20)
            if words.quantities[key] and 1 <= value <= 99:
                yield _percent(words, dice, "more or less than", aspect, side, row, true, str(value), dice.choice(words.quantities[key]))


def _percent(
    words: LanguagePack, dice: random.Random, kind: str, aspect: str, side: str, row: AspectRow, true: bool, number: str, change: str | None
) -> Statement:
    number = localised(number.replace(".", "," if words.tag in _COMMA else "."), words.tag, dice)
    share = dice.choice(_signs(words, number))
    if change:
        share = f"{share} {change[1:]}" if change[0] == "-" else f"{change} {share}"
    of = f" {words.examples['of']}" if words.examples["of"] else ""
    text = words.examples[f"share_{side}"].format(aspect=words.aspects[aspect].name, share=share + of)
    return Statement(kind, text, row, true)


def _signs(words: LanguagePack, number: str) -> list[str]:
    named = words.quantities["percent"][0]
    if words.tag == "tr":
        return [f"%{number}", f"{named} {number}"]
    if words.tag == "zh":
        return [f"{number}%", f"{number}％", f"{named}{number}"]
    return [f"{number}%", f"{number} %", f"{number}\u202f%", f"{number} {named}"] + ([f"{number}٪"] if words.tag == "ar" else [])


def written(number: int, tag: str, dice: random.Random) -> str:
    """A count as the language may write it: plain, with a separator of thousands, in its own digits."""
    grouped = f"{number:,}".replace(",", "." if tag in _COMMA else ",")
    return localised(dice.choice((str(number), grouped, f"{number:,}".replace(",", "\u202f"))), tag, dice)


def localised(number: str, tag: str, dice: random.Random) -> str:
    if tag not in _ZERO or dice.random() < 0.5:
        return number
    return "".join(chr(ord(_ZERO[tag]) + int(c)) if c.isascii() and c.isdigit() else c for c in number)


def figures(sets: Sets) -> str:
    """Recall of false statements and false alarms by language; the same for either part of the public data, of which nothing is read."""
    del sets
    lines = [
        "| language | statements | false ones caught | true ones called false | not checkable | worst kind |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for tag in LANGUAGES:
        found = [(statement, judged(statement, tag).verdict) for statement in statements(tag)]
        lines.append(f"| {tag} | {len(found):,} | {_share(found, False)} | {_share(found, True)} | {_unread(found)} | {_worst(found)} |")
    return "\n".join(["Our own wording: the packs' patterns over random tables.", "", *lines])


Found = list[tuple[Statement, str]]


def _share(found: Found, true: bool) -> str:
    called = [verdict in ("contradicted", "unsupported") for statement, verdict in found if statement.true is true]
    return f"{100 * sum(called) / len(called):.1f} %"


def _unread(found: Found) -> str:
    return f"{100 * sum(verdict == 'not_checkable' for _, verdict in found) / len(found):.1f} %"


def _worst(found: Found) -> str:
    right: dict[str, list[bool]] = {}
    for statement, verdict in found:
        right.setdefault(statement.kind, []).append((verdict == "grounded") == statement.true)
    kind, worst = min(((kind, sum(some) / len(some)) for kind, some in right.items()), key=lambda row: row[1])
    return f"{kind} {100 * worst:.0f} %" if worst < 1 else ""
