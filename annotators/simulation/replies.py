"""What a script that plays an annotator says to an item, rubric by rubric: what a careful reader would, or one of the mistakes people make.

Everything rests on reading single claims (`labeling.reading`): a whole text is split into its claims, of two texts the one with fewer
false claims is better, a rewrite keeps the sentences that the evidence supports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotators import labeling
from annotators.labeling import citations, claims, failures, preference, read_counts, rewrites
from annotators.labeling.reading import judge, read
from evals.claims import citations_in, statements
from evals.packs import pack
from evals.records import ClaimVerdict, QueueItem
from evals.text import fold

Data = Mapping[str, Any]
Result = list[dict[str, object]]

_CONFUSABLE: tuple[ClaimVerdict, ...] = ("grounded", "contradicted", "unsupported")
_SWAPPED = dict(zip(preference.SHOWN, reversed(preference.SHOWN), strict=True))


@dataclass(frozen=True)
class Way:
    """How a rubric is answered: `think` gives the right value for a task, `mistakes` what somebody careless would say instead (maybe
    nothing), `say` the answer as the labelling page would send it."""

    think: Callable[[Data], str]
    mistakes: Callable[[str, Data], Sequence[str]]
    say: Callable[[str, QueueItem], Result]


@dataclass(frozen=True)
class Reply:
    """`verdict`: as it will be stored; `is_wrong`: on purpose."""

    verdict: str
    result: Result
    is_wrong: bool


def reply(item: QueueItem, chance: Callable[[str], float], error_rate: float) -> Reply:
    """The answer to an item, wrong with probability `error_rate`; `chance` names a number in [0, 1) by purpose."""
    way = WAYS[item.rubric]
    value = right = way.think(item.data)
    if chance("errs") < error_rate and (others := way.mistakes(right, item.data)):
        value = others[int(chance("which") * len(others))]
    result = way.say(value, item)
    answer = labeling.rubric_named(item.rubric).read(result, item.data, item.first)
    return Reply(str(answer.verdict), result, value != right)


def _with(data: Data, **changes: str) -> Data:
    return {**data, **changes}


# ---------------------------------------------------------------------------------------------- claims


def _other_verdicts(right: str, data: Data) -> Sequence[str]:
    del data
    return [verdict for verdict in _CONFUSABLE if verdict != right]


def _say_claim(verdict: str, item: QueueItem) -> Result:
    """With the words that decide, where some do and the page asks for them."""
    decided = verdict in ("grounded", "contradicted") and item.rubric == labeling.CLAIM_V2.name
    return claims.result_of(verdict, spans=_deciding(item.data) if decided else ())


def _deciding(data: Data) -> list[tuple[int, int]]:
    """The line of the table that counts the claim's aspect, else the first passage that the claim cites."""
    claim, marks = fold(str(data["claim"])), tuple(f"[{number}] " for number in citations_in(str(data["claim"])))
    cited, start = [], 0
    for line in str(data["evidence"]).split("\n"):
        row, span = read_counts(line, str(data["language"])), (start, start + len(line))
        start += len(line) + 1
        if row and fold(row[0]) in claim:
            return [span]
        if marks and line.startswith(marks):
            cited.append(span)
    return cited[:1]


# ---------------------------------------------------------------------------------------------- whole texts


def _think_failures(data: Data) -> str:
    found = {failure for text in _sentences(data) if (failure := _failure(_with(data, claim=text))) is not None}
    return "+".join(value for value in failures.FAILURES if value in found) or failures.NONE


def _failure(data: Data) -> str | None:
    """What a false claim is in a customer's terms; None for a true one."""
    verdict = judge(data)
    if verdict == "grounded":
        return None
    if verdict == "not_checkable":
        return "not_helpful"
    is_answer = "question" in data
    keys = {meaning.key for meaning in read(str(data["claim"]), str(data["language"]), "assistant" if is_answer else "highlights")}
    if "attribute" in keys or (is_answer and not keys):
        return "wrong_about_fact"
    return "wrong_sentiment" if verdict == "contradicted" and "counts_positive" not in keys else "wrong_about_review"


def _other_failures(right: str, data: Data) -> Sequence[str]:
    del data
    return ["unnatural_wording", "irrelevant_aspect", "not_helpful"] if right == failures.NONE else [failures.NONE]


def _sentences(data: Data, key: str = "text") -> list[str]:
    return [span.text for span in statements(str(data[key]), str(data["language"]))]


# ---------------------------------------------------------------------------------------------- pairs


def _think_preference(data: Data) -> str:
    """Fewer false claims are better; two fewer are much better."""
    false = {
        side: sum(judge(_with(data, claim=text, evidence=data[f"evidence_{side}"])) in ("contradicted", "unsupported") for text in texts)
        for side, texts in (("a", _sentences(data, "text_a")), ("b", _sentences(data, "text_b")))
    }
    more = abs(false["a"] - false["b"])
    if not more:
        return "tie"
    return f"{'a' if false['a'] < false['b'] else 'b'}_{'much_' if more > 1 else ''}better"


def _other_preferences(right: str, data: Data) -> Sequence[str]:
    del data
    return ["a_better", "b_better"] if right == "tie" else [_SWAPPED[right]]


def _say_preference(shown: str, item: QueueItem) -> Result:
    first = item.first or "champion"  # the page knows sides only
    return preference.result_of(preference.from_shown(shown, first), first)


# ---------------------------------------------------------------------------------------------- citations


def _think_citation(data: Data) -> str:
    said = judge(_with(data, claim=data["sentence"], evidence=f"[1] {data['passage']}"))
    return {"grounded": "supports", "not_checkable": "cannot_tell"}.get(said, "does_not_support")


def _other_citations(right: str, data: Data) -> Sequence[str]:
    del data
    return [value for value in ("supports", "partly", "does_not_support") if value != right]


# ---------------------------------------------------------------------------------------------- rewrites


def _think_rewrite(data: Data) -> str:
    """The text without the sentences that the evidence does not support; where none is left, what can be said instead."""
    text, language = str(data["text"]), str(data["language"])
    spans = statements(text, language)
    ends = [span.start for span in spans[1:]] + [len(text)]
    kept = [text[span.start : end] for span, end in zip(spans, ends, strict=True) if judge(_with(data, claim=span.text)) == "grounded"]
    return "".join(kept).strip() or _instead(data, language)


def _instead(data: Data, language: str) -> str:
    """An answer that says it does not know; for a summary the first passage."""
    if "question" in data:
        return pack(language).answer["unknown"][0]
    passages = [line.partition("] ")[2] for line in str(data["evidence"]).split("\n") if line.startswith("[")]
    return passages[0] if passages and passages[0].strip() else str(data["text"])


def _other_rewrites(right: str, data: Data) -> Sequence[str]:
    """Left as it was; or one true sentence too few."""
    text = str(data["text"])
    if right.split() != text.split():
        return [text]
    spans = statements(text, str(data["language"]))
    return [text[: spans[-1].start].strip()] if len(spans) > 1 else []


_CLAIM = Way(judge, _other_verdicts, _say_claim)
WAYS: Mapping[str, Way] = {
    labeling.CLAIM_V1.name: _CLAIM,
    labeling.CLAIM_V2.name: _CLAIM,
    labeling.ADJUDICATION.name: _CLAIM,
    labeling.FAILURES_V1.name: Way(_think_failures, _other_failures, lambda value, _: failures.result_of(value)),
    labeling.PREFERENCE_V1.name: Way(_think_preference, _other_preferences, _say_preference),
    labeling.CITATION_V1.name: Way(_think_citation, _other_citations, lambda value, _: citations.result_of(value)),
    labeling.REWRITE_V1.name: Way(_think_rewrite, _other_rewrites, lambda value, _: rewrites.result_of(value)),
}
