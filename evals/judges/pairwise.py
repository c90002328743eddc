"""Which of two outputs of a case would help a shopper more: a model asked twice, each output first once, blind to who wrote which.

Where the two orders disagree, the order decided and not the text: a tie. Both are asked in the language of the case, in the words that
people are asked in; what was written by strangers cannot speak to the judge (`evals.judges.prompts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evals.errors import UnknownIdError
from evals.identity import content_id
from evals.judges.endpoint import Judge, JudgeError, Question, Reply
from evals.judges.evidence import Evidence
from evals.judges.prompts import FOLDER, Piece, fenced, fingerprint, schema_of, texts
from evals.metric import signature
from evals.records import Case, Output, Preference
from evals.text import words

NAME, GROUP = "judge_pairs", "pairs"
PROMPTS = FOLDER / GROUP
MAX_TEXT, MAX_EVIDENCE, MAX_QUESTION = 20_000, 40_000, 1_000  # characters
SCHEMA = schema_of(better={"type": "integer", "enum": [0, 1, 2]}, confidence={"type": "integer", "minimum": 0, "maximum": 100})
Verdict = Literal["a", "b", "tie"]
_STRAIGHT: Mapping[int, Verdict] = {0: "tie", 1: "a", 2: "b"}
_SWAPPED: Mapping[int, Verdict] = {0: "tie", 1: "b", 2: "a"}


@dataclass(frozen=True)
class Pair:
    """Two outputs for one case: `a` and `b`. `wrote`: the model behind either, kept in the detail and never shown; None for code."""

    case: Case
    a: Output
    b: Output
    wrote: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class PairJudge:
    """The judge at `endpoint`. `fallback`: the language of the instructions where the case's is not one of ours; None leaves such pairs
    without a verdict."""

    endpoint: Judge
    fallback: str | None = None

    @property
    def name(self) -> str:
        """The judge's, under which its preferences are stored."""
        return self.endpoint.name or self.endpoint.model

    @property
    def signature(self) -> str:
        limits = f"{MAX_TEXT}/{MAX_EVIDENCE}/{MAX_QUESTION}"
        asked = {"prompts": fingerprint(GROUP, PROMPTS), "fallback": self.fallback or "none", "limits": limits}
        return signature(1, **asked, **self.endpoint.identity)

    def preference_id(self, pair: Pair) -> str:
        """Names the answer before it is there, so that what is stored need not be asked."""
        return content_id("preference", self.name, self.signature, pair.a.output_id, pair.b.output_id)

    def compare(self, pairs: Sequence[Pair], *, now: str) -> list[Preference]:
        """One preference a pair, in order; a verdict of None has a reason.

        Raises RetryError in an outage and SetupError for a server that will never answer; what was answered until then is kept.
        """
        reasons = [self._not_asked(pair) for pair in pairs]
        asked = [pair for pair, why in zip(pairs, reasons, strict=True) if why is None and not _same(pair)]
        questions = [self._question(pair, swapped=swapped) for pair in asked for swapped in (False, True)]
        replies = iter(self.endpoint.ask_many(questions))
        found = []
        for pair, why in zip(pairs, reasons, strict=True):
            if why is not None:
                found.append(self._preference(pair, None, why, {}, now))
            elif _same(pair):
                found.append(self._preference(pair, "tie", None, {"same_text": True}, now))
            else:
                found.append(self._together(pair, next(replies), next(replies), now))
        return found

    def _not_asked(self, pair: Pair) -> str | None:
        if pair.a.case_id != pair.case.case_id or pair.b.case_id != pair.case.case_id:
            return "the outputs are not of this case"
        bad = next((output for output in (pair.a, pair.b) if output.status != "ok" or not output.text.strip()), None)
        if bad is not None:
            return f"output {bad.output_id} says nothing" if bad.status == "ok" else f"output {bad.output_id} is {bad.status}"
        if any(len(output.text) > MAX_TEXT for output in (pair.a, pair.b)):
            return f"an output is longer than {MAX_TEXT:,} characters"
        try:
            self._told(pair.case)
        except UnknownIdError:
            return f"there is no prompt in language {pair.case.language!r}, and no fallback is named"
        return None

    def _told(self, case: Case) -> Mapping[str, str]:
        try:
            return texts(case.language, GROUP, PROMPTS)
        except UnknownIdError:
            if self.fallback is None:
                raise
            return texts(self.fallback, GROUP, PROMPTS)

    def _question(self, pair: Pair, *, swapped: bool) -> Question:
        told = self._told(pair.case)
        shown = (pair.b, pair.a) if swapped else (pair.a, pair.b)
        asked = str(pair.case.inputs.get("question") or "").strip()
        pieces = [Piece("question", 1, asked[:MAX_QUESTION])] if asked else []
        for number, output in enumerate(shown, 1):
            pieces += [Piece("text", number, output.text), Piece("evidence", number, _evidence(pair.case, output, told["row"]))]
        system = "\n".join(told[key] for key in ("task", "data", "answer"))
        return Question(fenced(pieces, told["remember"]), SCHEMA, system, NAME)

    def _together(self, pair: Pair, first: Reply | JudgeError, second: Reply | JudgeError, now: str) -> Preference:
        failed = next((str(reply) for reply in (first, second) if isinstance(reply, JudgeError)), None)
        if isinstance(first, JudgeError) or isinstance(second, JudgeError):
            return self._preference(pair, None, failed, {}, now)
        said = (_STRAIGHT[int(first.value["better"])], _SWAPPED[int(second.value["better"])])
        sure = [int(reply.value["confidence"]) for reply in (first, second)]
        verdict = said[0] if said[0] == said[1] else "tie"
        return self._preference(pair, verdict, None, {"said": list(said), "confidence": sure}, now)

    def _preference(self, pair: Pair, verdict: Verdict | None, reason: str | None, detail: Mapping[str, Any], now: str) -> Preference:
        tag = pair.case.language
        about = {"language": tag, "words": [len(words(one.text, tag)) for one in (pair.a, pair.b)], "wrote": list(pair.wrote)}
        return Preference(
            preference_id=self.preference_id(pair),
            judge=self.name,
            signature=self.signature,
            case_id=pair.case.case_id,
            output_id=pair.a.output_id,
            other_output_id=pair.b.output_id,
            verdict=verdict,
            created_at=now,
            reason=reason,
            detail=about | dict(detail),
        )


def _evidence(case: Case, output: Output, row: str) -> str:
    """The passages with their numbers, then the counted opinions; a beginning, where there is more than a judge is shown."""
    lines = [f"[{number}] {' '.join(text.split())}" for number, text in Evidence.of(case, output, row).texts.items()]
    return "\n".join(lines)[:MAX_EVIDENCE] or "–"


def _same(pair: Pair) -> bool:
    """Equal but for white space: a tie that nobody need be asked about, people neither."""
    return pair.a.text.split() == pair.b.text.split()
