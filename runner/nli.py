"""`nli`: how probable a cross-encoder (transformers, by hub id or local path) finds it that a piece of evidence entails a claim.

Long evidence is read in windows; the window that decides is the span. Of several windows the most entailing counts: reviews disagree with
each other, and one that says what the claim says supports it. A claim that only several passages together support is beyond this scorer.
Label names are read from the model's own ``id2label``; a model with one logit (HHEM) gives the probability of support alone.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evals.claims import without_citations
from evals.errors import SetupError, UnknownIdError
from evals.grounding.base import Item, Judgement
from evals.judges.evidence import MAX_EVIDENCE, MAX_PASSAGE, Evidence
from evals.judges.material import mended
from evals.judges.prompts import texts
from evals.metric import signature
from evals.records import Case, Output, ScoreSource
from runner.backends.cpu import find_model, weights_sha256
from runner.quantize import linear_names

Precision = Literal["fp32", "int8"]
Label = Literal["entailment", "neutral", "contradiction"]
BATCH = 16
WINDOW = 384  # tokens of evidence and claim together, or the model's own limit where that is lower
OVERLAP = 48  # tokens that neighbouring windows share, so that a sentence is whole in one of them
DECIDES = 0.5
# Words of label names, looked for in this order: "not_entailment" holds "entailment".
_LABELS: Mapping[str, Label] = {
    "not_entail": "neutral", "non_entail": "neutral", "inconsistent": "neutral", "hallucinat": "neutral", "unsupported": "neutral",
    "contradict": "contradiction", "refute": "contradiction", "neutral": "neutral", "not enough": "neutral",
    "entail": "entailment", "consistent": "entailment", "support": "entailment",
}  # fmt: skip
_HEADS = ("classifier", "score", "out_proj", "pooler")  # layers that keep their precision: they decide among near ties


@dataclass(frozen=True)
class _Pair:
    """A window of evidence beside a claim: `span` in the text of that number; `ids`, `types` as the tokenizer gives them."""

    item: int
    number: int
    span: tuple[int, int]
    inputs: Mapping[str, list[int]]


class Nli:
    """A scorer of claims (`evals.grounding.base.Scorer`). Safe to call from several threads, one of which computes at a time."""

    name: str = "nli"
    source: ScoreSource = "model"
    meaning: str = "how probable a model of natural language inference finds it that a piece of the evidence entails the claim"

    def __init__(
        self, model: str, precision: Precision = "int8", *, batch: int = BATCH, window: int = WINDOW, labels: Sequence[Label] | None = None
    ) -> None:
        """`labels`: the model's outputs in order, for a model that does not name them.

        Raises SetupError that says why a model cannot be used: not there, no trained head, labels without a meaning, no safetensors.
        """
        folder = find_model(model)
        self._model, self._tokenizer = _open(folder, precision)
        self._labels = _labels(self._model.config, labels, model)
        limit = min(int(self._tokenizer.model_max_length), int(getattr(self._model.config, "max_position_embeddings", 1 << 20)))
        self._window, self._batch, self._lock = min(window, limit), batch, threading.Lock()
        about = {"model": model if not Path(model).exists() else folder.name, "weights": weights_sha256(folder, "fp32")[:12]}
        named = "/".join(label or "?" for label in self._labels)
        limits = f"{self._window}/{OVERLAP}/{MAX_PASSAGE}/{MAX_EVIDENCE}"
        self.signature = signature(1, **about, precision=precision, labels=named, window=limits)

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        """One judgement an item, in order; windows of all items go through the model together, those of like length in one batch."""
        evidence: dict[str, Evidence] = {}
        for item in items:
            if item.output.output_id not in evidence:
                evidence[item.output.output_id] = _evidence(item.case, item.output)
        with self._lock:
            pairs = [pair for at, item in enumerate(items) for pair in self._pairs(at, item, evidence[item.output.output_id])]
            said = self._probabilities(pairs)
        of: dict[int, list[tuple[_Pair, Mapping[str, float]]]] = {}
        for pair, probabilities in zip(pairs, said, strict=True):
            of.setdefault(pair.item, []).append((pair, probabilities))
        return [self._judgement(item, evidence[item.output.output_id], of.get(at, [])) for at, item in enumerate(items)]

    # ------------------------------------------------------------------ asking the model
    def _pairs(self, at: int, item: Item, evidence: Evidence) -> Iterator[_Pair]:
        claim = mended(without_citations(item.claim.text))
        if not claim or self._claim_tokens(claim) > self._window // 2:
            return
        for number, text in evidence.texts.items():
            found = self._tokenizer(
                mended(text),
                claim,
                truncation="only_first",
                max_length=self._window,
                stride=min(OVERLAP, self._window // 8),
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )
            for n in range(len(found["input_ids"])):
                of_evidence = [span for span, part in zip(found["offset_mapping"][n], found.sequence_ids(n), strict=True) if part == 0]
                if of_evidence:
                    inputs = {name: found[name][n] for name in self._tokenizer.model_input_names}
                    yield _Pair(at, number, (of_evidence[0][0], of_evidence[-1][1]), inputs)

    def _claim_tokens(self, claim: str) -> int:
        return len(self._tokenizer(claim[: self._window * 64], add_special_tokens=False)["input_ids"])

    def _probabilities(self, pairs: Sequence[_Pair]) -> list[Mapping[str, float]]:
        import torch

        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n].inputs["input_ids"]))
        found: dict[int, Mapping[str, float]] = {}
        for at in range(0, len(order), self._batch):
            some = order[at : at + self._batch]
            inputs = self._tokenizer.pad([dict(pairs[n].inputs) for n in some], return_tensors="pt")
            with torch.inference_mode():
                logits = self._model(**inputs).logits.float()
            rows = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)
            found |= {n: self._named(row) for n, row in zip(some, rows.tolist(), strict=True)}
        return [found[n] for n in range(len(pairs))]

    def _named(self, row: Sequence[float]) -> Mapping[str, float]:
        """Probabilities by label; labels of one meaning are added up."""
        return {
            label: sum(value for value, name in zip(row, self._labels, strict=True) if name == label)
            for label in ("entailment", "contradiction")
        }

    # ------------------------------------------------------------------ concluding
    def _judgement(self, item: Item, evidence: Evidence, said: Sequence[tuple[_Pair, Mapping[str, float]]]) -> Judgement:
        if not evidence.texts:
            return Judgement("not_checkable", "the output has no evidence")
        if not said:
            claim = without_citations(item.claim.text)
            return Judgement("not_checkable", "the claim is too long for the model" if claim else "the claim says nothing")
        best = max(said, key=lambda one: one[1]["entailment"])
        against = max(said, key=lambda one: one[1]["contradiction"])
        support, contradiction = best[1]["entailment"], against[1]["contradiction"]
        if not (0 <= support <= 1 and 0 <= contradiction <= 1):
            return Judgement("not_checkable", "the model gave no number")
        if support >= DECIDES:
            return self._found("grounded", f"entailed, {support:.2f}", best[0], support, contradiction, evidence)
        if contradiction > max(DECIDES, support):
            return self._found("contradicted", f"contradicted, {contradiction:.2f}", against[0], support, contradiction, evidence)
        if evidence.cut:
            return Judgement("not_checkable", f"not entailed, {support:.2f}, but the model was not shown all of the evidence")
        return self._found("unsupported", f"not entailed, {support:.2f}", best[0], support, contradiction, evidence)

    def _found(
        self,
        verdict: Literal["grounded", "contradicted", "unsupported"],
        why: str,
        pair: _Pair,
        support: float,
        contradiction: float,
        evidence: Evidence,
    ) -> Judgement:
        place, aspect = evidence.passages.get(pair.number), evidence.aspects.get(pair.number)
        before = evidence.headings.get(pair.number, 0)
        span = (max(0, pair.span[0] - before), max(0, pair.span[1] - before)) if place else None
        extra: dict[str, Any] = {"contradiction": round(contradiction, 4)} if "contradiction" in self._labels else {}
        return Judgement(verdict, why, place, span, support, extra | ({"aspect": aspect} if aspect else {}))


def _evidence(case: Case, output: Output) -> Evidence:
    """As a judge is shown it; the aspect table in English where the language is not one of ours."""
    try:
        row = texts(case.language, "claims")["row"]
    except UnknownIdError:
        row = texts("en", "claims")["row"]
    return Evidence.of(case, output, row)


# ---------------------------------------------------------------------------------------------- loading


def _open(folder: Path, precision: str) -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise SetupError(f"an NLI model needs torch and transformers: pip install '.[models]' ({error})") from error
    if precision not in ("fp32", "int8"):
        raise SetupError(f"precision {precision!r} of an NLI model is not fp32 or int8")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, loaded = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise SetupError(f"the model in {folder} cannot be loaded as a classifier of pairs: {reason}") from error
    if loaded["missing_keys"]:
        raise SetupError(f"the model in {folder} was not trained to classify: it has no weights for {sorted(loaded['missing_keys'])[0]}")
    if not tokenizer.is_fast or tokenizer.pad_token is None:
        raise SetupError(f"the tokenizer in {folder} cannot be used: it must be a fast one with a padding token")
    return (_int8(model) if precision == "int8" else model).eval(), tokenizer


def _int8(model: Any) -> Any:
    """Torch's dynamic quantisation: int8 weights and activations in the linear layers of the body; the head keeps its precision."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao.quantization is deprecated; its successor needs minutes of compilation
        return torch.ao.quantization.quantize_dynamic(model.eval(), set(linear_names(model, _HEADS)), dtype=torch.qint8)


def _labels(config: Any, given: Sequence[Label] | None, model: str) -> list[Label | None]:
    """What each output of the model means, in order. Raises SetupError where that cannot be known."""
    names = [str(config.id2label[n]) for n in range(config.num_labels)]
    if given is not None:
        if len(given) != len(names) or "entailment" not in given:
            raise SetupError(f"model {model!r} has {len(names)} outputs; {list(given)} must name as many, entailment among them")
        return list(given)
    if len(names) == 1:
        return ["entailment"]
    found = [next((label for part, label in _LABELS.items() if part in name.lower().replace("-", "_")), None) for name in names]
    if found.count("entailment") != 1 or None in found:
        raise SetupError(f"model {model!r} calls its outputs {', '.join(names)[:100]}: say which of them means entailment")
    return found
