"""Claims with their evidence, made so that we know the right verdict: the same in every language, out of the words of its pack.

What is drawn (counts, aspects, which of the wordings, which verdict) follows from a key alone and never from the language, so that number 7
in Japanese says what number 7 in Portuguese says. Only plain cases are made: "most" stands for four fifths and more, "mixed" for about
half, a claim that is not in the evidence is about something nobody there speaks of, and what cannot be checked is an exclamation.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from annotators.asking import tasks
from annotators.asking.sampling import uniform
from evals.bands import Band, band, opinionated
from evals.packs import pack
from evals.records import AspectRow, Case, Claim, ClaimVerdict, Feature, Output, Passage, Polarity

T = TypeVar("T")
EXAMPLES = 3  # example sentences of praise and of blame that every pack has of every aspect
WORDINGS = 2  # of every pattern
EXCLAMATIONS = 4
OPPOSITE: dict[Band, Band] = {
    "most_positive": "most_negative",
    "some_positive": "most_negative",
    "some_negative": "most_positive",
    "most_negative": "most_positive",
}
_ONE_SIDED: tuple[Band, ...] = ("most_positive", "most_negative")
_CLEAR: tuple[Band, ...] = (*_ONE_SIDED, "mixed")
_ALL: tuple[Band, ...] = (*_CLEAR, "some_positive", "some_negative")


@dataclass(frozen=True)
class Scene:
    """A kind of product: `aspects` its reviews speak of, `absent` ones that would be likely and that none of them touches on, and
    `attributes`, none of which the reviews speak of."""

    aspects: tuple[str, ...]
    absent: tuple[str, ...]
    attributes: tuple[str, ...]


SCENES = (
    Scene(("sound", "battery", "comfort", "connectivity", "delivery"), ("service", "accuracy"), ("weight", "color", "warranty")),
    Scene(("accuracy", "battery", "ease_of_use", "updates", "value"), ("noise", "delivery"), ("weight", "color", "dimensions")),
    Scene(("performance", "noise", "design", "ease_of_use", "value"), ("service", "delivery"), ("capacity", "weight", "warranty")),
    Scene(("durability", "comfort", "design", "value", "service"), ("noise", "battery"), ("weight", "capacity", "dimensions")),
    Scene(("comfort", "size_fit", "value", "delivery", "service"), ("noise", "connectivity"), ("weight", "color", "material")),
    Scene(("location", "cleanliness", "room", "host", "noise"), ("delivery", "connectivity"), ("capacity", "dimensions", "power")),
)
NAMES = {
    "color": ("Graphite", "Ivory", "Slate", "Moss", "Amber", "Navy", "Coral", "Sand"),
    "material": ("Tritan", "Cordura", "Ripstop", "Merino", "Lyocell", "Denim", "Nylon", "Tencel"),
}
_UNITS = {
    "weight": (110, 890, "g"), "capacity": (12, 48, "L"), "battery_life": (9, 90, "h"), "warranty": (6, 60, "mo"),
    "dimensions": (14, 96, "cm"), "power": (350, 2400, "W"),
}  # fmt: skip


class Dice:
    """Choices that depend on a key and on what is chosen, and on nothing else."""

    def __init__(self, *key: str) -> None:
        self._key = key

    def below(self, count: int, *what: str) -> int:
        """One of 0 … count − 1."""
        return int(uniform(*self._key, *what) * count)

    def choose(self, options: Sequence[T], *what: str) -> T:
        return options[self.below(len(options), *what)]

    def shuffled(self, options: Sequence[str], *what: str) -> list[str]:
        return sorted(options, key=lambda one: uniform(*self._key, *what, one))


def attribute_value(attribute: str, dice: Dice, *, but: str | None = None) -> str:
    """A likely value of an attribute, language-neutral; `but`: any other than this one."""
    values = (_value(attribute, dice, str(turn)) for turn in itertools.count())
    return next(value for value in values if value != but)


def _value(attribute: str, dice: Dice, turn: str) -> str:
    if attribute in NAMES:
        return dice.choose(NAMES[attribute], attribute, turn)
    low, high, unit = _UNITS[attribute]
    return f"{low + dice.below(high - low, attribute, turn)} {unit}"


def task(feature: Feature, language: str, verdict: ClaimVerdict, dice: Dice) -> dict[str, Any]:
    """What an annotator sees, of the shape that real outputs have: `annotators.asking.tasks.claim_task`."""
    made = (_Highlights if feature == "highlights" else _Answer)(language, dice)
    claim = made.claim(verdict)
    question = {"question": made.question} if feature == "assistant" else {}
    case = Case("", feature, "", language, "", question)
    output = Output("", "", "", made.around(claim), "ok", "", tuple(made.passages), tuple(made.rows))
    return tasks.claim_task(case, output, Claim("", "", 0, claim, 0, len(claim)))


class _Made:
    """What both features share: a scene, numbered passages, exclamations."""

    question = ""

    def __init__(self, language: str, dice: Dice) -> None:
        self.words, self.dice = pack(language), dice
        self.scene = dice.choose(SCENES, "scene")
        self.rows: list[AspectRow] = []
        self.passages: list[Passage] = []

    def example(self, aspect: str, polarity: Polarity, number: int) -> str:
        """One of the pack's example sentences."""
        texts: tuple[str, ...] = getattr(self.words.aspects[aspect], polarity)
        return texts[(self.dice.below(EXAMPLES, aspect, polarity) + number) % EXAMPLES]

    def quote(self, aspect: str, polarity: Polarity, number: int = 0) -> Passage:
        """One more passage from a review."""
        text = self.example(aspect, polarity, number)
        made = Passage(len(self.passages) + 1, "review", "", self.words.tag, text, 0, len(text), aspect, polarity)
        self.passages.append(made)
        return made

    def marks(self, *aspects: str) -> str:
        """The [n] of the passages about the aspects; of some passage where nothing is about them."""
        mine = [passage.number for passage in self.passages if passage.aspect in aspects]
        return " " + "".join(f"[{number}]" for number in mine or [1 + self.dice.below(len(self.passages), "mark")])

    def exclamation(self) -> str:
        side = self.dice.choose(("positive", "negative"), "exclamation")
        return self.words.openers[side][self.dice.below(EXCLAMATIONS, "which exclamation")]

    def wording(self) -> int:
        return self.dice.below(WORDINGS, "wording")


class _Highlights(_Made):
    """An aspect table with quotations, and one sentence about one aspect."""

    def __init__(self, language: str, dice: Dice) -> None:
        super().__init__(language, dice)
        rows = [self._row(aspect, dice.choose(_ALL, "band", aspect)) for aspect in self.scene.aspects]
        subject = dice.choose(self.scene.aspects, "subject")
        self.subject = self._row(subject, dice.choose(_CLEAR, "subject's band"))
        rows = [self.subject if row.aspect == subject else row for row in rows]
        self.rows = sorted(rows, key=lambda row: (-row.reviews, row.aspect))
        for row in self.rows:
            said = band(row)
            for polarity in ("positive", "negative") if said == "mixed" else (said.partition("_")[2],):
                self.quote(row.aspect, polarity)

    def _row(self, aspect: str, wanted: Band) -> AspectRow:
        many, few = 8 + self.dice.below(7, aspect, "many"), self.dice.below(3, aspect, "few")
        if wanted == "mixed":
            many = 5 + self.dice.below(5, aspect, "even")
            few = many - self.dice.below(2, aspect, "nearly")
        elif wanted not in _ONE_SIDED:
            many, few = 2 + self.dice.below(2, aspect, "some"), self.dice.below(2, aspect, "rare")
        positive, negative = (few, many) if wanted.endswith("negative") else (many, few)
        neutral = self.dice.below(3, aspect, "neutral")
        return AspectRow(aspect, positive, neutral, negative, positive + neutral + negative)

    def claim(self, verdict: ClaimVerdict) -> str:
        row, truth = self.subject, band(self.subject)
        if verdict == "not_checkable":
            return self.exclamation()
        if verdict == "unsupported":
            return self._sentence(self.dice.choose(_ALL, "said"), self.dice.choose(self.scene.absent, "absent"))
        counted = truth in _ONE_SIDED and self.dice.below(3, "counted") == 0
        if verdict == "grounded":
            return self._sentence("counts_positive" if counted else truth, row.aspect, row.positive)
        if counted:
            return self._sentence("counts_positive", row.aspect, row.negative)  # blame counted as praise
        return self._sentence(OPPOSITE.get(truth) or self.dice.choose(_ONE_SIDED, "taken for clear"), row.aspect)

    def _sentence(self, key: str, aspect: str, positive: int = 0) -> str:
        pattern = self.words.summary[key][self.wording()]
        said = pattern.format(aspect=self.words.aspects[aspect].name, positive=positive, total=opinionated(self.subject))
        return said + self.marks(aspect)

    def around(self, claim: str) -> str:
        return claim


class _Answer(_Made):
    """A question, passages, and a sentence of an answer: about an attribute, about an aspect, or quoting a review."""

    def __init__(self, language: str, dice: Dice) -> None:
        super().__init__(language, dice)
        self.kind = dice.choose(("attribute", "attribute", "aspect", "quote"), "kind")
        self.aspect, self.other = dice.shuffled(self.scene.aspects, "aspects")[:2]
        self.side: Polarity = dice.choose(("positive", "negative"), "side")
        self.shown, self.hidden = dice.shuffled(self.scene.attributes, "attributes")[:2]

    def claim(self, verdict: ClaimVerdict) -> str:
        if self.kind == "attribute":
            return self._about_attribute(verdict)
        return self._about_aspect(verdict) if self.kind == "aspect" or verdict == "contradicted" else self._quoting(verdict)

    def around(self, claim: str) -> str:
        """The whole answer: sometimes a true quotation behind the claim, if that is not one itself."""
        last = self.passages[-1]
        if last.source != "review" or self.kind == "quote" or self.dice.below(2, "longer"):
            return claim
        return f"{claim} {self._said('quote', snippet=last.text)} [{last.number}]"

    def _about_attribute(self, verdict: ClaimVerdict) -> str:
        value = attribute_value(self.shown, self.dice)
        self.passages.append(Passage(1, "attribute", f"/{self.shown}", "und", value, 0, len(value)))
        for _ in range(self.dice.below(3, "reviews beside")):
            self.quote(self.aspect, self.side, len(self.passages))
        asked = self.hidden if verdict == "unsupported" else self.shown
        self.question = self.words.ask["attribute"][self.wording()].format(attribute=self.words.attributes[asked])
        if verdict == "not_checkable":
            return self.exclamation()
        said = value if verdict == "grounded" else attribute_value(asked, self.dice, but=value)
        return f"{self._said('attribute', attribute=self.words.attributes[asked], value=said)} [1]"

    def _about_aspect(self, verdict: ClaimVerdict) -> str:
        mixed = verdict == "grounded" and self.dice.below(3, "mixed") == 0
        against: Polarity = "negative" if self.side == "positive" else "positive"
        for number in range(2):
            self.quote(self.aspect, self.side, number)
        for number in range(2) if mixed else ():
            self.quote(self.aspect, against, number)
        asked = self.dice.choose(self.scene.absent, "absent") if verdict == "unsupported" else self.aspect
        self._ask(asked)
        if verdict == "not_checkable":
            return self.exclamation()
        said = "mixed" if mixed else against if verdict == "contradicted" else self.side
        return self._said(f"aspect_{said}", aspect=self.words.aspects[asked].name) + self.marks(asked)

    def _quoting(self, verdict: ClaimVerdict) -> str:
        shown = [self.quote(aspect, self.side, number) for number, aspect in enumerate((self.aspect, self.other, self.aspect))]
        self._ask(self.aspect)
        if verdict == "not_checkable":
            return self.exclamation()
        passage = self.dice.choose(shown, "quoted")
        unheard = self.example(self.dice.choose(self.scene.absent, "absent"), self.side, 0)
        return f"{self._said('quote', snippet=passage.text if verdict == 'grounded' else unheard)} [{passage.number}]"

    def _ask(self, aspect: str) -> None:
        self.question = self.words.ask["aspect"][self.wording()].format(aspect=self.words.aspects[aspect].name)

    def _said(self, key: str, **slots: str) -> str:
        return self.words.answer[key][self.wording()].format(**slots)
