"""Rows to train on, in TRL's conversational conventions: preference pairs (DPO), judged answers (KTO), good answers (SFT).

The columns are TRL's and nothing else (huggingface.co/docs/trl/dataset_formats): what is known of a row stands in its provenance. Only
products that the gate has no hand on are in them (`evals.partitions`); `annotators.training.files` writes them down.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from annotators.training.feedback import FAILED, FINE, Feedback, Verdict, cleaned
from evals.identity import canonical_json, content_id
from evals.partitions import split
from evals.records import Case, Feature, Label, Output
from evals.store import Store
from guardrails import redact_text

Kind = Literal["dpo", "kto", "sft"]
KINDS: tuple[Kind, ...] = ("dpo", "kto", "sft")
Messages = Sequence[Mapping[str, str]]  # {"role": …, "content": …}
# What the model was asked for a case, given the evidence of an output; None where it was asked in another style than the export's.
PromptOf = Callable[[Case, Output], Messages | None]


@dataclass(frozen=True)
class Row:
    """`content`: what is trained on, TRL's columns. `about`: what is being said, whichever way: rows that agree in it and not in content
    contradict each other. `provenance`: where it came from, JSON."""

    kind: Kind
    content: Mapping[str, Any]
    about: str
    provenance: Mapping[str, Any]

    @property
    def row_id(self) -> str:
        return content_id("row", self.kind, self.content)


class _Answer(NamedTuple):
    """An output that may be learned from, its text and prompt cleaned."""

    case: Case
    output: Output
    prompt: Messages
    text: str
    redacted: bool


def rows(store: Store, feature: Feature, kind: Kind, *, prompt_of: PromptOf, include_simulated: bool = False) -> Iterator[Row]:
    """The rows of a kind, by language, case and id; none twice, none that another contradicts."""
    yield from rows_of(Feedback(store, feature, include_simulated=include_simulated), kind, prompt_of)


def rows_of(feedback: Feedback, kind: Kind, prompt_of: PromptOf) -> list[Row]:
    """As `rows`, from feedback read before; what is left out is counted there, under its kind."""
    maker = _Maker(feedback, kind, prompt_of)
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in maker.rows():
        if row.row_id in found[row.about]:
            maker.leave_out("said before of the same text")
        found[row.about].setdefault(row.row_id, row)
    single = [row for same in found.values() if len(same) == 1 for row in same.values()]
    maker.leave_out("contradicted by another row", sum(len(same) for same in found.values() if len(same) > 1))
    return sorted(single, key=lambda row: (row.provenance["language"], row.provenance["case_id"], row.row_id))


class _Maker:
    def __init__(self, feedback: Feedback, kind: Kind, prompt_of: PromptOf) -> None:
        self.feedback, self.store, self.kind, self.prompt_of = feedback, feedback.store, kind, prompt_of
        self._answers: dict[str, _Answer | None] = {}

    def rows(self) -> Iterator[Row]:
        if self.kind == "dpo":
            yield from self._preferred()
        if self.kind == "kto":
            yield from self._judged()
        else:
            yield from self._rewritten()

    def leave_out(self, why: str, count: int = 1) -> None:
        if count:
            self.feedback.left_out[f"{self.kind}: {why}"] += count

    # ------------------------------------------------------------------ what people said
    def _preferred(self) -> Iterator[Row]:
        verdicts = self.feedback.preferences()
        items = self.store.queue.named(verdict.labels[0].item_id for verdict in verdicts.values())
        for verdict in verdicts.values():
            if verdict.label in (None, "tie"):
                self.leave_out("tied" if verdict.label else "people are divided")
                continue
            item = items[verdict.labels[0].item_id]
            pair = [self._answer(str(output_id)) for output_id in (item.output_id, item.other_output_id)]
            better, worse = pair if verdict.label == "candidate" else pair[::-1]
            if better and worse and self._is_pair(better.prompt, worse.prompt, better.text, worse.text):
                yield self._pair(better, better.text, worse, verdict, {"strength": _strength(verdict), "preferred": verdict.label})

    def _rewritten(self) -> Iterator[Row]:
        for label in self.feedback.rewrites():
            answer = self._answer(str(label.output_id)) if label.verdict == "rewritten" else None
            if label.verdict != "rewritten":
                self.leave_out("left as it was: the box was filled in before")
            if answer is None:
                continue
            text = self._clean(str(label.detail.get("text", "")), answer.case, answer.output)
            if text and self._is_pair(answer.prompt, answer.prompt, text[0], answer.text):
                better = answer._replace(text=text[0], redacted=text[1])
                verdict = Verdict("rewritten", None, "one person's text", (label,))
                yield self._pair(better, text[0], answer, verdict, {}) if self.kind == "dpo" else self._good(better, verdict)

    def _judged(self) -> Iterator[Row]:
        for output_id, verdicts in self.feedback.judged().items():
            labels = {verdict.label for verdict in verdicts}
            label = FAILED if FAILED in labels else FINE if labels == {FINE} else None
            if label is None:
                self.leave_out("people are divided, or not done")
                continue
            answer = self._answer(output_id)
            if answer is not None:
                deciding = [verdict for verdict in verdicts if verdict.label == label]
                yield self._verdict(answer, label == FINE, deciding)

    # ------------------------------------------------------------------ rows in TRL's columns
    def _pair(self, better: _Answer, text: str, worse: _Answer, verdict: Verdict, more: dict[str, Any]) -> Row:
        content = {"prompt": better.prompt, "chosen": _said(text), "rejected": _said(worse.text)}
        about = canonical_json([better.prompt, sorted([text, worse.text])])
        outputs = {"chosen": None if verdict.label == "rewritten" else better.output.output_id, "rejected": worse.output.output_id}
        return Row("dpo", content, about, self._provenance(better, outputs, [verdict], better.redacted or worse.redacted) | more)

    def _good(self, answer: _Answer, verdict: Verdict) -> Row:
        content = {"prompt": answer.prompt, "completion": _said(answer.text)}
        outputs = {"rewritten": answer.output.output_id}
        return Row("sft", content, canonical_json(content), self._provenance(answer, outputs, [verdict], answer.redacted))

    def _verdict(self, answer: _Answer, good: bool, verdicts: Sequence[Verdict]) -> Row:
        content = {"prompt": answer.prompt, "completion": _said(answer.text), "label": good}
        about = canonical_json([answer.prompt, answer.text])
        outputs = {"completion": answer.output.output_id}
        return Row("kto", content, about, self._provenance(answer, outputs, verdicts, answer.redacted))

    def _provenance(
        self, answer: _Answer, outputs: Mapping[str, str | None], verdicts: Sequence[Verdict], redacted: bool
    ) -> dict[str, Any]:
        labels = [label for verdict in verdicts for label in verdict.labels]
        case = answer.case
        return {
            "feature": case.feature,
            "language": case.language,
            "case_id": case.case_id,
            "product_id": case.product_id,
            "split": split(case.product_id),
            "outputs": dict(outputs),
            "rubrics": sorted({label.rubric for label in labels}),
            "consensus": [{"method": one.method, "probability": one.probability, "votes": one.votes} for one in verdicts],
            "annotators": _people(labels),
            "simulated": any(label.annotator_id in self.feedback.simulated for label in labels),
            "redacted": redacted,
        }

    # ------------------------------------------------------------------ texts
    def _answer(self, output_id: str) -> _Answer | None:
        if output_id not in self._answers:
            self._answers[output_id] = self._read(self.store.runs.output(output_id))
        return self._answers[output_id]

    def _read(self, output: Output) -> _Answer | None:
        case = self.store.runs.case(output.case_id)
        prompt = self.prompt_of(case, output) if output.status == "ok" else None
        if prompt is None:
            self.leave_out("no model was asked this way" if output.status == "ok" else "the output was stopped or failed")
            return None
        text = self._clean(output.text, case, output)
        asked = [{"role": one["role"], "content": redact_text(one["content"], case.language)} for one in prompt]
        return None if text is None else _Answer(case, output, asked, *text)

    def _clean(self, text: str, case: Case, output: Output) -> tuple[str, bool] | None:
        found = cleaned(text, case, output)
        if isinstance(found, str):
            self.leave_out(found)
            return None
        return found

    def _is_pair(self, first: Messages, second: Messages, better: str, worse: str) -> bool:
        """Two texts for one prompt."""
        if first != second:
            self.leave_out("the two rest on different evidence")
        elif better.split() == worse.split():
            self.leave_out("the texts are the same")
        return first == second and better.split() != worse.split()


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _strength(verdict: Verdict) -> Literal["better", "much better"]:
    """What more than half of those on the winning side said."""
    winning = Counter(label.verdict.endswith("_much_better") for label in verdict.labels if label.verdict.startswith(str(verdict.label)))
    return "much better" if winning[True] > winning[False] else "better"


def _people(labels: Iterable[Label]) -> list[str]:
    """Pseudonyms: the same person has the same one in every export, and none of them is an id of ours."""
    return sorted({content_id("person", label.annotator_id) for label in labels})
