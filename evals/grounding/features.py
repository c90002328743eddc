"""What can be seen of a claim beside its evidence without knowing the language: a fixed row of figures, and where it was seen."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from evals.claims import without_citations
from evals.grounding.evidence import STEM, YES, Evidence, Place, figure, grams, line_of, runs_in, size_of_grams, spaced, stretches, words_of
from evals.grounding.signs import Signs, signs

VERSION = 1
RARITY = 8.0  # of a word that the background does not know, and the most a word can have
_NEAR = 8  # sentences beside the best one that may complete it
_RARE, _HEAVY = 3.0, 4.0  # rarity from which a word may name something, and from which its absence counts as one

# Name → how it may move the probability that the evidence supports the claim: 1 never down, −1 never up, 0 either way.
FEATURES: dict[str, int] = {
    # shares of the claim's words, pairs and threes of words, pieces of words, stretches of characters, that the evidence holds
    **dict.fromkeys(("words", "pairs", "triples", "pieces", "stretches", "weighted", "local"), 1),
    # of its words by rarity: in the best sentence, in the next best, in the best and its neighbours, in the best and one other
    **dict.fromkeys(("best", "second", "around", "two"), 1),
    # longest copied run; share of the best sentence that the claim repeats; its pairs there; same order; rare neighbours in one sentence
    **dict.fromkeys(("run", "repeated", "best_pairs", "order", "joint"), 1),
    # words with no stem in the evidence: heaviest, summed, share, rare ones; weight of the others
    **dict.fromkeys(("heaviest", "lost_weight", "lost_share", "lost_rare"), -1),
    "stems": 1,
    # numbers and names that are nowhere, or not in the best sentence
    **dict.fromkeys(("numbers_lost", "numbers_elsewhere", "names_lost", "names_elsewhere"), -1),
    # neighbouring words that the evidence holds but never so: in all, never in one sentence, within the best sentence; shares
    **dict.fromkeys(("seams", "far_seams", "broken", "seam_share", "far_share"), -1),
    # attributes that the claim names: with another value, with a no that it does not say, with a yes that it denies
    **dict.fromkeys(("other_value", "refused", "affirmed"), -1),
    "same_side": 1,
    "denial_differs": -1,
    # what the question said already
    "asked": 1,
    # the claim itself
    **dict.fromkeys(("length", "ratio", "numbers", "names", "denials", "denials_there", "attributes", "attributes_denied"), 0),
}


@dataclass(frozen=True)
class Look:
    """One claim. `row`: `FEATURES` in order; `place`: the sentence it is most like, None where no word is shared; `words`: their number;
    `apart`: those that this sentence lacks; `lost_numbers`: those that are nowhere; `denial_differs`: only one of the two denies."""

    row: list[float]
    place: Place | None
    words: int
    apart: tuple[str, ...]
    lost_numbers: tuple[str, ...]
    denial_differs: bool


def look(text: str, evidence: Evidence, rarity: Callable[[str], float], question: frozenset[str] = frozenset()) -> Look:
    """`rarity`: of a folded word, between 0 and `RARITY`; `question`: its folded words."""
    claim = _Claim(without_citations(text), evidence, rarity)
    figures = claim.copied | claim.placed | claim.lost(question) | claim.seams | claim.stated | claim.signs
    apart = tuple(word for word in claim.weights if word not in claim.there)
    place = None if claim.best is None else evidence.places[claim.best]
    return Look([figures[name] for name in FEATURES], place, len(claim.words), apart, claim.lost_numbers, figures["denial_differs"] > 0)


class _Claim:
    """A claim's words beside the evidence; each property is a group of `FEATURES`."""

    def __init__(self, text: str, evidence: Evidence, rarity: Callable[[str], float]) -> None:
        self.text, self.evidence = text, evidence
        self.runs = runs_in(text)
        self.words = words_of(self.runs, evidence.tag)
        self.weights = {word: rarity(word) for word in self.words}
        self.total = sum(self.weights.values()) or 1.0
        self.seen = [word for word in self.weights if word in evidence.holding]
        self.neighbours = list(pairwise(self.words))
        self.hits = [pair in evidence.pairs for pair in self.neighbours]
        self.ranked = self._ranked()
        self.best = self.ranked[0][1] if self.ranked else None
        self.there = frozenset(evidence.places[self.best].words) if self.best is not None else frozenset()

    def _ranked(self) -> list[tuple[float, int]]:
        """The places that share most with the claim, by weight: (share, place), best first."""
        sums: dict[int, float] = {}
        for word in self.seen:
            weight = self.weights[word] / self.total
            for place in self.evidence.holding[word]:
                sums[place] = sums.get(place, 0.0) + weight
        best = heapq.nsmallest(_NEAR, sums.items(), key=lambda item: (-item[1], item[0]))
        return [(share, place) for place, share in best]

    @property
    def copied(self) -> dict[str, float]:
        evidence, kinds = self.evidence, max(1, len(self.weights))
        words = len(self.seen) / kinds
        pairs = sum(self.hits) / len(self.hits) if self.hits else words
        threes = [three in evidence.triples for three in zip(self.words, self.words[1:], self.words[2:], strict=False)]
        size = size_of_grams(evidence.tag)
        line = stretches(line_of(self.runs, evidence.tag), evidence.tag)
        mine = frozenset[str]().union(*(grams(word, size) for word in self.weights))
        count = len(evidence.places) + 1
        local = {word: math.log(count / (len(evidence.holding.get(word, ())) + 0.5)) for word in self.weights}
        return {
            "words": words,
            "pairs": pairs,
            "triples": sum(threes) / len(threes) if threes else pairs,
            "pieces": len(mine & evidence.pieces) / max(1, len(mine)),
            "stretches": len(line & evidence.stretches) / len(line),
            "weighted": sum(self.weights[word] for word in self.seen) / self.total,
            "local": sum(local[word] for word in self.seen) / (sum(local.values()) or 1.0),
            "run": _longest(threes) / max(1, len(self.words)),
            "length": float(len(self.words)),
        }

    @property
    def placed(self) -> dict[str, float]:
        if self.best is None:
            return dict.fromkeys(("best", "second", "around", "two", "repeated", "ratio", "best_pairs", "broken"), 0.0) | {"order": 1.0}
        place = self.evidence.places[self.best]
        share = self.ranked[0][0]
        elsewhere = [word for word in self.seen if word not in self.there]
        more = (sum(self.weights[w] for w in elsewhere if w in self.evidence.places[at].words) for _, at in self.ranked[1:])
        first = {word: at for at, word in reversed(list(enumerate(place.words)))}
        order = [first[word] for word in self.weights if word in first]
        rises = [a < b for a, b in pairwise(order)]
        pairs = set(pairwise(place.words))
        return {
            "best": share,
            "second": self.ranked[1][0] if len(self.ranked) > 1 else 0.0,
            "around": share + sum(self.weights[word] for word in elsewhere if word in self._beside) / self.total,
            "two": share + max(more, default=0.0) / self.total,
            "repeated": sum(word in self.weights for word in self.there) / max(1, len(self.there)),
            "ratio": len(self.words) / max(1, len(place.words)),
            "best_pairs": sum(pair in pairs for pair in self.neighbours) / len(self.neighbours) if self.neighbours else share,
            "broken": float(sum(pair not in pairs and pair[0] in first and pair[1] in first for pair in self.neighbours)),
            "order": sum(rises) / len(rises) if rises else 1.0,
        }

    @property
    def _beside(self) -> frozenset[str]:
        """Words of the sentences next to the best one in its passage."""
        places, best = self.evidence.places, self.best
        assert best is not None
        near = [places[at] for at in (best - 1, best + 1) if 0 <= at < len(places) and places[at].passage is places[best].passage]
        return frozenset[str]().union(*(place.words for place in near))

    def lost(self, question: frozenset[str]) -> dict[str, float]:
        evidence, kinds = self.evidence, max(1, len(self.weights))
        lost = [w for w in self.weights if w not in evidence.holding and not (len(w) >= STEM and w[:STEM] in evidence.stems)]
        weight = sum(self.weights[word] for word in lost)
        asked = [word for word in lost if word in question]
        names, numbers = self._names, self.numbers
        return {
            "heaviest": max((self.weights[word] for word in lost), default=0.0),
            "lost_weight": weight,
            "lost_share": len(lost) / kinds,
            "lost_rare": float(sum(self.weights[word] > _HEAVY for word in lost)),
            "stems": 1 - (weight - sum(self.weights[word] for word in asked)) / self.total,
            "asked": float(len(asked)),
            "numbers": float(len(numbers)),
            "numbers_lost": float(len(self.lost_numbers)),
            "numbers_elsewhere": float(sum(word in evidence.holding and word not in self.there for word in numbers)),
            "names": float(len(names)),
            "names_lost": float(sum(name not in evidence.holding for name in names)),
            "names_elsewhere": float(sum(name in evidence.holding and name not in self.there for name in names)),
        }

    @cached_property
    def numbers(self) -> dict[str, str]:
        return {word: number for word in self.weights if (number := figure(word)) is not None}

    @cached_property
    def lost_numbers(self) -> tuple[str, ...]:
        return tuple(word for word, number in self.numbers.items() if number not in self.evidence.figures)

    @property
    def _names(self) -> set[str]:
        """Words with a capital inside a sentence, and Latin ones in a script without spaces."""
        if not spaced(self.evidence.tag):
            return {run.casefold() for run in self.runs if run.isascii() and run[0].isalpha()}
        return {run.casefold() for at, run in enumerate(self.runs) if any(c.isupper() for c in (run if at else run[1:]))}

    @property
    def seams(self) -> dict[str, float]:
        holding = self.evidence.holding
        seams = [
            pair for pair, hit in zip(self.neighbours, self.hits, strict=True) if not hit and pair[0] in holding and pair[1] in holding
        ]
        far = sum(_apart(holding[a], holding[b]) for a, b in seams)
        rare = [word for word in self.seen if self.weights[word] > _RARE]
        joint = [not _apart(holding[a], holding[b]) for a, b in pairwise(rare)]
        count = max(1, len(self.neighbours))
        return {
            "seams": float(len(seams)),
            "far_seams": float(far),
            "seam_share": len(seams) / count,
            "far_share": far / count,
            "joint": sum(joint) / len(joint) if joint else 1.0,
        }

    @property
    def stated(self) -> dict[str, float]:
        """A name of up to two words must be there in full, of a longer one a word may be missing."""
        mine = self.weights.keys()
        about = [one for one in self.evidence.attributes if len(one.name & mine) >= len(one.name) - (len(one.name) > 2)]
        denied = sum(one.denied for one in about)
        denies = self._said.denies > 0
        other = sum(not one.denied and not one.value <= YES and not one.value & mine for one in about)
        return {
            "attributes": float(len(about)),
            "attributes_denied": float(denied),
            "refused": 0.0 if denies else float(denied),
            "affirmed": float(sum(one.value <= YES for one in about)) if denies else 0.0,
            "other_value": float(other),
        }

    @cached_property
    def _said(self) -> Signs:
        return signs(self.text, self.words, self.evidence.tag)

    @property
    def signs(self) -> dict[str, float]:
        there = self.evidence.signs_at(self.best) if self.best is not None else Signs()
        said = self._said
        return {
            "same_side": float(said.side * there.side),
            "denials": float(said.denies),
            "denials_there": float(there.denies),
            "denial_differs": float((said.denies > 0) != (there.denies > 0)),
        }


def _longest(hits: Sequence[bool]) -> int:
    """Words in the longest run of words copied in order."""
    best = run = 0
    for hit in hits:
        run = run + 1 if hit else 0
        best = max(best, run)
    return best + 2 if best else 0


def _apart(one: Sequence[int], other: Sequence[int]) -> bool:
    return set(one).isdisjoint(other)
