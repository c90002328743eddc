"""`support`: the probability that the evidence says what a claim says: features that know no language, trees that learned from labels.

Needs nothing but its small file. A triage signal and a control variate, never a verdict alone (docs/models/verifier.md). Where evidence and
claim are in different languages it says so instead of guessing; in a language nobody labelled its probabilities only rank.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from evals.claims import without_citations
from evals.grounding import lexicon, passages, table
from evals.grounding.base import Item, Judgement, metric_of
from evals.grounding.evidence import Evidence, runs_in, words_of
from evals.grounding.features import FEATURES, VERSION, Look, look
from evals.grounding.learned import Learned, Level, loaded
from evals.identification import script_share
from evals.identity import sha256
from evals.languages import LANGUAGES
from evals.metric import signature
from evals.paths import DATA, home
from evals.records import ClaimVerdict, Passage, ScoreSource

FILE = "verifier.npz"
SHIPPED = DATA / "models" / "verifier" / FILE
GROUNDED_FROM = 0.5
ALIKE = 0.6  # share of the words from which a claim that is not grounded contradicts rather than lacks its evidence
COUNTED = {"grounded": 0.98, "contradicted": 0.02, "unsupported": 0.02}  # by the aspect table; no figure was measured for these
_AT = {name: at for at, name in enumerate(FEATURES)}


def own_file() -> Path:
    """Where `plumb scorer fit` writes, and what is used before the shipped file."""
    return home() / "models" / "verifier" / FILE


@dataclass(frozen=True)
class Verifier:
    """The trained scorer, or with no `path` the untrained one. `group`: the group of training data that is judged, if it is one: then only
    the model speaks that never saw it.

    Make it with `load` or `untrained`. `name`, `source`, `meaning`: see `evals.grounding.base.Scorer`."""

    path: Path | None = None
    group: str | None = None
    name: str = "support"
    source: ScoreSource = "code"
    meaning: str = "probability that the evidence says what the claim says; in a language without labels it only ranks"

    @staticmethod
    def load(path: Path | None = None) -> Verifier:
        """By a model file: `path`, else the team's own, else the shipped one, else none. Its contents are read when first needed."""
        found = path or next((file for file in (own_file(), SHIPPED) if file.exists()), None)
        return Verifier(found)

    @staticmethod
    def untrained() -> Verifier:
        """By pieces of words, numbers, names and denials alone."""
        return Verifier()

    def apart_from(self, group: str) -> Verifier:
        """For rows that the model may have learned from."""
        return replace(self, group=group)

    @cached_property
    def learned(self) -> Learned | None:
        return _loaded(self.path) if self.path else None

    @cached_property
    def signature(self) -> str:
        model = sha256(self.path.read_bytes())[:12] if self.path else "untrained"
        return signature(1, features=VERSION, model=model, lexicon=lexicon.VERSION, table=sha256(table.TableCheck().signature)[:12])

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        """Claims of a text longer than `table.MAX_CLAIM` and those in a language that is not ours are not checkable."""
        found: list[Judgement | None] = [_without_looking(item) for item in items]
        open_items = [at for at, judgement in enumerate(found) if judgement is None]
        looks = self.looks([items[at] for at in open_items])
        for tag, mine in _by_language((items[at].case.language, (at, one)) for at, one in zip(open_items, looks, strict=True)).items():
            said, calibrated = self.probabilities([[one] for _, one in mine], tag)
            for (at, one), probability in zip(mine, said, strict=True):
                found[at] = _judgement(one, float(probability), calibrated)
        return [judgement for judgement in found if judgement is not None]

    def whole(self, items: Sequence[Item]) -> float | None:
        """The probability that everything in one output is supported, from all its claims; None where no claim can be checked."""
        open_items = [item for item in items if _unreadable(item) is None]
        if not open_items:
            return None
        said, _ = self.probabilities([self.looks(open_items)], open_items[0].case.language, "outputs")
        return float(said[0])

    def looks(self, items: Sequence[Item]) -> list[Look]:
        """At claims that can be checked; the evidence of an output is read once."""
        read: dict[tuple[int, tuple[int, ...]], Evidence] = {}
        found = []
        for item in items:
            key = id(item.output), item.claim.citations
            if key not in read:
                read[key] = Evidence(_readable(item), item.case.language)
            found.append(look(item.claim.text, read[key], self._rarity(item.case.language), _asked(item)))
        return found

    def probabilities(self, texts: Sequence[Sequence[Look]], tag: str, level: Level = "claims") -> tuple[Sequence[float], bool]:
        """Of texts in one language, each given as its claims; and whether they are calibrated on labels of that language."""
        plain = np.array([min(map(_plainly, text)) for text in texts])
        if self.learned is None:
            return plain.tolist(), False
        fold = self.learned.fold_of(self.group) if self.group is not None else None
        folds = self.learned.folds if fold is None else (self.learned.folds[fold],)
        curve, calibrated = self.learned.curve(tag, level)
        logits = self.learned.logits(texts, tag, folds)
        return curve(logits).tolist(), calibrated

    def _rarity(self, tag: str) -> Callable[[str], float]:
        return self.learned.rarity(tag) if self.learned else _any_word


@cache
def _loaded(path: Path) -> Learned:
    return loaded(path)


def _any_word(_word: str) -> float:
    return 1.0


def _unreadable(item: Item) -> str | None:
    """Why a claim cannot be checked against its evidence at all; None if it can."""
    tag, text = item.case.language, without_citations(item.claim.text)
    if tag not in LANGUAGES:
        return f"language {tag!r} is not one of ours"
    if len(text) > table.MAX_CLAIM:
        return f"longer than {table.MAX_CLAIM} characters"
    if not runs_in(text):
        return "the claim has no words"
    if LANGUAGES[tag].script != "Latn" and script_share(text, tag) == 0:
        return f"the claim is not written in {LANGUAGES[tag].name}"
    if passages.says_unknown(item.claim.text, tag):
        return "says that the evidence does not tell"
    if _rests_on(item) and not _readable(item):
        return f"evidence in {_rests_on(item)[0].language}, claim in {tag}"
    return None


def _without_looking(item: Item) -> Judgement | None:
    """What needs no model: claims that cannot be checked, citations of nothing, and what the aspect table decides exactly."""
    why = _unreadable(item)
    if why is not None:
        return Judgement("not_checkable", why)
    numbers = {passage.number for passage in item.output.passages}
    missing = [number for number in item.claim.citations if number not in numbers]
    if missing:
        return Judgement("unsupported", f"cites passages that do not exist: {missing[:5]}", probability=COUNTED["unsupported"])
    if item.output.aspects:
        counted = table.TableCheck().judge([item])[0]
        if counted.verdict in COUNTED:
            return replace(counted, probability=COUNTED[counted.verdict], extra={**(counted.extra or {}), "by": "aspect table"})
    if not _readable(item):
        return Judgement("unsupported", "there is no evidence", probability=COUNTED["unsupported"])
    return None


def _rests_on(item: Item) -> list[Passage]:
    """The passages a claim cites, or all of them."""
    cited = [passage for passage in item.output.passages if passage.number in item.claim.citations]
    return cited or list(item.output.passages)


def _readable(item: Item) -> list[Passage]:
    return [passage for passage in _rests_on(item) if passage.language == item.case.language or passage.source == "attribute"]


def _asked(item: Item) -> frozenset[str]:
    return frozenset(words_of(runs_in(str(item.case.inputs.get("question") or "")[: table.MAX_CLAIM]), item.case.language))


def _plainly(one: Look) -> float:
    """Without a model: the share of pieces of words that the evidence holds, less for lost numbers and names and a denial on one side."""
    pieces, names = one.row[_AT["pieces"]], one.row[_AT["names_lost"]]
    return max(0.0, min(1.0, pieces - 0.3 * bool(one.lost_numbers) - 0.15 * one.denial_differs - 0.1 * min(1.0, names)))


def _judgement(one: Look, probability: float, calibrated: bool) -> Judgement:
    verdict, why = _verdict(one, probability)
    place = one.place
    extra = {"calibrated": calibrated, "apart": list(one.apart[:10])}
    if place is None:
        return Judgement(verdict, why, probability=probability, extra=extra)
    return Judgement(verdict, why, place.passage, (place.start, place.end), probability, extra)


def _verdict(one: Look, probability: float) -> tuple[ClaimVerdict, str]:
    shared = one.row[_AT["best"]]
    if probability >= GROUNDED_FROM:
        return "grounded", f"{shared:.2f} of it is in one sentence of the evidence"
    if one.lost_numbers:
        return "contradicted", f"{len(one.lost_numbers)} numbers are nowhere in the evidence"
    if shared >= ALIKE:
        return "contradicted", f"{shared:.2f} of it is in one sentence, the rest is not"
    return "unsupported", f"{shared:.2f} of it is in one sentence of the evidence"


def _by_language(pairs: Iterable[tuple[str, tuple[int, Look]]]) -> dict[str, list[tuple[int, Look]]]:
    found: dict[str, list[tuple[int, Look]]] = defaultdict(list)
    for tag, pair in pairs:
        found[tag].append(pair)
    return found


SUPPORT = metric_of(Verifier.load())
