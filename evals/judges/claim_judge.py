"""`judge_claims`: a model asked, claim by claim, what the evidence says, in the language of the case, and made to show where.

Several claims of one output go into one request. What comes back is believed only as far as it can be checked: as many verdicts as
claims, and for *supported* and *contradicted* a quote that stands letter by letter (white space aside) in the passage it names. A claim
without that has no value but a reason. Evidence cannot speak to the judge: see `evals.judges.prompts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from evals.claims import without_citations
from evals.errors import UnknownIdError
from evals.grounding.base import Item, Judgement
from evals.judges.endpoint import Judge, JudgeError, Question
from evals.judges.evidence import MAX_EVIDENCE, MAX_PASSAGE, MIN_QUOTE, Evidence
from evals.judges.prompts import Piece, cut, fenced, fingerprint, schema_of, texts
from evals.languages import LANGUAGES
from evals.metric import signature
from evals.records import Case, ClaimVerdict, ScoreSource
from evals.text import shortened

NAME, GROUP = "judge_claims", "claims"
MAX_CLAIMS = 20  # in one request
MAX_CLAIM, MAX_QUESTION = 2_000, 1_000  # characters
VERDICTS: Mapping[str, ClaimVerdict] = {
    "supported": "grounded",
    "contradicted": "contradicted",
    "not_found": "unsupported",
    "not_checkable": "not_checkable",
}
SCHEMA = schema_of(
    claims={
        "type": "array",
        "items": schema_of(
            claim={"type": "integer"},
            passage={"type": "integer"},
            quote={"type": "string"},
            verdict={"enum": list(VERDICTS)},
            confidence={"type": "integer", "minimum": 0, "maximum": 100},
        ),
    }
)


@dataclass(frozen=True)
class _Request:
    items: tuple[tuple[int, Item], ...]
    evidence: Evidence
    question: Question


@dataclass(frozen=True)
class ClaimJudge:
    """The judge at `endpoint` as a scorer of claims. `fallback`: the language of the instructions where the case's is not one of ours;
    None leaves such claims without a value."""

    endpoint: Judge
    fallback: str | None = None
    name: str = NAME
    source: ScoreSource = "model"
    meaning: str = "how probable a judge finds it that the evidence supports the claim; None where its answer cannot be checked"

    @property
    def signature(self) -> str:
        limits = f"{MAX_CLAIMS}/{MAX_CLAIM}/{MAX_PASSAGE}/{MAX_EVIDENCE}/{MIN_QUOTE}"
        asked = {"prompts": fingerprint(GROUP), "fallback": self.fallback or "none", "limits": limits}
        return signature(1, **asked, **self.endpoint.identity)

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        """One judgement an item, in order; the claims of one output that stand together are asked together.

        Raises RetryError in an outage and SetupError for a server that will never answer; what was answered until then is kept.
        """
        found: dict[int, Judgement] = {}
        requests: list[_Request] = []
        for _, group in groupby(enumerate(items), lambda pair: pair[1].output.output_id):
            asked = list(self._sorted_out(list(group), found))
            requests += [self._request(asked[at : at + MAX_CLAIMS]) for at in range(0, len(asked), MAX_CLAIMS)]
        replies = self.endpoint.ask_many([request.question for request in requests])
        for request, reply in zip(requests, replies, strict=True):
            rows = None if isinstance(reply, JudgeError) else reply.value["claims"]
            for at, (index, _) in enumerate(request.items):
                found[index] = _failed(str(reply)) if rows is None else _judgement(rows[at], request.evidence)
        return [found[index] for index in range(len(items))]

    def _sorted_out(self, group: Sequence[tuple[int, Item]], found: dict[int, Judgement]) -> Iterator[tuple[int, Item]]:
        """The items to ask about; the others get their judgement at once."""
        for index, item in group:
            why = self._not_asked(item)
            if why is None:
                yield index, item
            else:
                found[index] = _failed(why)

    def _not_asked(self, item: Item) -> str | None:
        if item.case.language not in LANGUAGES and self.fallback is None:
            return f"there is no prompt in language {item.case.language!r}, and no fallback is named"
        if not any(passage.text.strip() for passage in item.output.passages) and not item.output.aspects:
            return "the output has no evidence"
        if not without_citations(item.claim.text):
            return "the claim says nothing"
        return f"the claim is longer than {MAX_CLAIM:,} characters" if len(item.claim.text) > MAX_CLAIM else None

    def _request(self, items: Sequence[tuple[int, Item]]) -> _Request:
        case, output = items[0][1].case, items[0][1].output
        told = self._told(case)
        evidence = Evidence.of(case, output, told["row"])
        asked = str(case.inputs.get("question") or "").strip()
        pieces = [Piece("question", 1, cut(asked, MAX_QUESTION)[0])] if asked else []
        pieces += [Piece("passage", number, text) for number, text in evidence.texts.items()]
        pieces += [Piece("claim", at, without_citations(item.claim.text)) for at, (_, item) in enumerate(items, 1)]
        prompt = fenced(pieces, told["remember"].format(claims=len(items)))
        question = Question(prompt, SCHEMA, _system(told), self.name, partial(_check, len(items)))
        return _Request(tuple(items), evidence, question)

    def _told(self, case: Case) -> Mapping[str, str]:
        try:
            return texts(case.language, GROUP)
        except UnknownIdError:
            if self.fallback is None:
                raise
            return texts(self.fallback, GROUP)


def _system(told: Mapping[str, str]) -> str:
    """The same for every request in a language, so that servers can keep what they made of it."""
    return "\n".join([told["task"], told["data"], *(f"{verdict}: {told[verdict]}" for verdict in VERDICTS), told["care"], told["answer"]])


def _check(wanted: int, value: Mapping[str, Any]) -> None:
    numbers = [row["claim"] for row in value["claims"]]
    if len(numbers) != wanted:
        raise JudgeError(f"the judge gave {len(numbers)} verdicts for {wanted} claims")
    if numbers != list(range(1, wanted + 1)):
        raise JudgeError(f"the judge's verdicts are not on claims 1 to {wanted} in order: {numbers}"[:100])


def _judgement(row: Mapping[str, Any], evidence: Evidence) -> Judgement:
    """What a row of the judge's answer comes to, once it is checked."""
    verdict, number, sure = str(row["verdict"]), int(row["passage"]), int(row["confidence"])
    extra = {"confidence": sure}
    if verdict == "not_checkable":
        return Judgement("not_checkable", "the judge finds nothing in it that evidence could confirm", extra=extra)
    if verdict == "not_found":
        if evidence.cut:
            return _failed("the judge did not find it, but was not shown all of the evidence")
        return Judgement("unsupported", f"the judge finds it in no passage, {sure} % sure", probability=0.5 - sure / 200, extra=extra)
    if number not in evidence.texts:
        return _failed(f"the judge names passage {shortened(str(number), 20)}, which does not exist")
    found = evidence.find(number, str(row["quote"]))
    if isinstance(found, str):
        return _failed(f"the judge's quote {found} passage {number}")
    aspect, place = evidence.aspects.get(number), evidence.passages.get(number)
    why = f"the judge finds it {verdict} by {f'passage {number}' if place else f'the counts of {aspect}'}, {sure} % sure"
    probability = 0.5 + sure / 200 if verdict == "supported" else 0.5 - sure / 200
    return Judgement(VERDICTS[verdict], why, place, found if place else None, probability, extra | ({"aspect": aspect} if aspect else {}))


def _failed(why: str) -> Judgement:
    return Judgement("not_checkable", why, extra={"failed": True})
