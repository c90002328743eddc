"""Injected degraded copies of real outputs: who reads, gives the copy the worse verdict. Who clicks, gives both the same.

A drawn claim that its own evidence bears out, by exact reading, is copied with one thing made untrue: praise turned into blame, another
aspect, another count, number, unit or quotation. The sentence comes from the language's patterns, the evidence stays as it is. Both arms
get equally many, so that a suspicious claim says nothing about the arm it came from.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotators.asking.sampling import uniform
from annotators.labeling import CLAIM_V2, read_counts
from annotators.labeling.reading import Meaning, judge, read
from annotators.raters.constructed import NAMES, OPPOSITE, SCENES, Dice, attribute_value
from annotators.raters.parallel import Known, add_known
from evals.claims import MARK, without_citations
from evals.errors import InputError
from evals.identity import content_id
from evals.packs import LanguagePack, pack
from evals.records import DRAWN, AnswerKey, ClaimVerdict, Feature, Polarity, QueueItem
from evals.store import Store

Copy = tuple[str, ClaimVerdict]
_NUMBER = re.compile(r"\d")
_UNITS = {"kg": "g", "g": "kg", "L": "mL", "ml": "L", "W": "kW", "h": "min", "mo": "d", "cm": "mm", "mm": "cm"}
_TURNED = {"aspect_positive": "aspect_negative", "aspect_negative": "aspect_positive"}


def add_controls(store: Store, run_ids: Sequence[str], *, share: float, seed: int, now: str, rubric: str = CLAIM_V2.name) -> int:
    """Queue degraded copies of `share` of the runs' drawn claims, per language equally many of each run; how many were new.

    Fewer where a run has too few claims that can be made untrue. Again, it adds nothing; after more was drawn, what is missing. Raises
    InputError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"share of claims with a control: {share} is not in (0, 1]")
    there = {str(item.origin_id): item for item in store.queue.items(why="control")}
    drawn: dict[str, dict[str, list[QueueItem]]] = defaultdict(lambda: {run_id: [] for run_id in run_ids})
    for run_id in run_ids:
        for item in store.queue.items(run_id=run_id):
            if item.why in DRAWN and item.rubric == rubric:
                drawn[item.language][run_id].append(item)
    return sum(add_known(store, _balanced(list(arms.values()), there, share, seed, now)) for _, arms in sorted(drawn.items()))


def degraded(data: Mapping[str, Any], feature: Feature, dice: Dice) -> Copy | None:
    """The claim of a task made untrue, and what is then the right verdict. None where the claim does not read as true to begin with, or
    no way to make it untrue is beyond doubt."""
    language, claim = str(data["language"]), str(data["claim"])
    if judge(data) != "grounded":
        return None
    marks = "".join(found.group() for found in MARK.finditer(claim))
    for meaning in read(claim, language, feature):
        ways = list(_Lies(data, meaning, pack(language), dice).all())
        for number in sorted(range(len(ways)), key=lambda n: uniform(claim, str(dice.below(1 << 30, str(n))))):
            text, verdict = ways[number]
            said = f"{text} {marks}".strip()
            if judge({**data, "claim": said}) == verdict:
                return said, verdict
    return None


# ---------------------------------------------------------------------------------------------- which


def _balanced(arms: Sequence[Sequence[QueueItem]], there: Mapping[str, QueueItem], share: float, seed: int, now: str) -> list[Known]:
    """One of each arm in turn, those that exist first, until an arm has no more or there are enough."""
    wanted = math.ceil(round(share * min(map(len, arms)), 9))
    found: list[Known] = []
    for _, turn in zip(range(wanted), zip(*(_controls(arm, there, seed, now) for arm in arms), strict=False), strict=False):
        found += turn
    return found


def _controls(arm: Sequence[QueueItem], there: Mapping[str, QueueItem], seed: int, now: str) -> Iterator[Known]:
    for item in sorted(arm, key=lambda item: (item.item_id not in there, uniform(str(seed), item.item_id, "control"))):
        known = there.get(item.item_id)
        if known:
            yield known, _key(known, judge(known.data))
        elif copy := degraded(item.data, item.feature, Dice(str(seed), item.item_id)):
            control = _copy_of(item, copy[0], now)
            yield control, _key(control, copy[1])


def _copy_of(item: QueueItem, claim: str, now: str) -> QueueItem:
    """The item with another claim, in the answer too. It is no claim of the output: it has no `claim_id`."""
    subject_id = content_id("control", item.item_id)
    item_id = content_id("item", subject_id, item.rubric, item.item_id)
    data = {**item.data, "item_id": item_id, "claim": claim}
    if "answer" in data:
        data["answer"] = str(data["answer"]).replace(str(item.data["claim"]), claim, 1)
    return replace(
        item, item_id=item_id, subject_id=subject_id, why="control", probability=1.0, created_at=now, data=data, claim_id=None,
        origin_id=item.item_id,
    )  # fmt: skip


def _key(control: QueueItem, verdict: ClaimVerdict) -> AnswerKey:
    return AnswerKey(control.item_id, verdict, "construction", control.created_at, worse_than=control.origin_id)


# ---------------------------------------------------------------------------------------------- made untrue


class _Lies:
    """Every way to make one meaning untrue, each with the verdict it should get; `degraded` believes none of them unread."""

    def __init__(self, data: Mapping[str, Any], meaning: Meaning, words: LanguagePack, dice: Dice) -> None:
        self.claim = without_citations(str(data["claim"]))
        self.evidence = str(data["evidence"])
        self.meaning, self.words, self.dice = meaning, words, dice

    def all(self) -> Iterator[Copy]:
        ways: Mapping[str, Callable[[], Iterator[Copy]]] = {"attribute": self._attribute, "quote": self._quotation}
        if self.meaning.key in ways:
            yield from ways[self.meaning.key]()
        elif "aspect" in self.meaning.slots:
            yield from self._turned()
            yield from self._other_aspect()
            yield from self._other_count()

    def _turned(self) -> Iterator[Copy]:
        key, aspect = self.meaning.key, self.meaning.slots["aspect"]
        sides = ("positive", "negative")
        if key in self.words.answer:
            yield self._said(_TURNED.get(key) or f"aspect_{self.dice.choose(sides, key)}", aspect), "contradicted"
        elif key != "counts_positive":
            yield self._said(OPPOSITE.get(key) or f"most_{self.dice.choose(sides, key)}", aspect), "contradicted"  # type: ignore[call-overload]

    def _other_aspect(self) -> Iterator[Copy]:
        other = self._unheard()
        if other:
            yield self._said(self.meaning.key, other), "unsupported"

    def _other_count(self) -> Iterator[Copy]:
        """Blame counted as praise."""
        aspect = self.meaning.slots["aspect"]
        for line in self.evidence.splitlines():
            counts = read_counts(line, self.words.tag)
            if counts and counts[0] == self.words.aspects[aspect].name and counts[1] != counts[3]:
                _, positive, _, negative = counts
                yield self._said("counts_positive", aspect, positive=negative, total=positive + negative), "contradicted"

    def _attribute(self) -> Iterator[Copy]:
        attribute = self.meaning.slots["attribute"]
        value = self._value(self.words.attributes[attribute])
        if value is None:
            return
        others = [attribute_value(attribute, self.dice, but=value)] if attribute in NAMES else [_other_number(value), _other_unit(value)]
        for other in others:
            if other and other != value:
                pattern = self.dice.choose(self.words.answer["attribute"], "attribute")
                yield pattern.format(attribute=self.words.attributes[attribute], value=other), "contradicted"

    def _value(self, name: str) -> str | None:
        """The value as the claim writes it (what was read is folded)."""
        for pattern in self.words.answer["attribute"]:
            before, _, after = pattern.replace("{attribute}", name).partition("{value}")
            if self.claim.startswith(before) and self.claim.endswith(after):
                return self.claim[len(before) : len(self.claim) - len(after)]
        return None

    def _quotation(self) -> Iterator[Copy]:
        other = self._unheard()
        side: Polarity = self.dice.choose(("positive", "negative"), "side")
        if other:
            text = self.dice.choose(getattr(self.words.aspects[other], side), "example")
            yield self.dice.choose(self.words.answer["quote"], "quote").format(snippet=text), "unsupported"

    def _unheard(self) -> str | None:
        """An aspect that is likely for such a product and that nothing shown speaks of."""
        heard = {
            key
            for key, row in self.words.aspects.items()
            if any(text in self.evidence for text in (row.name, *row.positive, *row.neutral, *row.negative))
        }
        heard.add(self.meaning.slots.get("aspect", ""))
        near = sorted(SCENES, key=lambda scene: (-len(heard & {*scene.aspects}), scene.aspects))
        return next((aspect for scene in near for aspect in (*scene.absent, *scene.aspects) if aspect not in heard), None)

    def _said(self, key: str, aspect: str, **numbers: int) -> str:
        group = self.words.summary if key in self.words.summary else self.words.answer
        slots = {"positive": self.meaning.slots.get("positive"), "total": self.meaning.slots.get("total")} | numbers
        return self.dice.choose(group[key], key).format(aspect=self.words.aspects[aspect].name, **slots)


def _other_number(value: str) -> str:
    """The first digit one higher, never a leading 0: of the same length, and wrong."""
    return _NUMBER.sub(lambda digit: str(int(digit.group()) % 9 + 1), value, count=1)


def _other_unit(value: str) -> str | None:
    number, _, unit = value.rpartition(" ")
    return f"{number} {_UNITS[unit]}" if number and unit in _UNITS else None
