"""AWS Neuron (Inferentia2, Trainium): a compiled causal language model through optimum-neuron. The one door to torch_neuronx.

Never run on a device by this project: the loading code follows the signatures read in optimum-neuron 0.4.6.dev4 (modeling_utils.py,
generation_utils.py; Neuron SDK 2.26.1, torch 2.8, transformers 4.57), which cannot share an environment with the rest. Normally the
model is therefore served in an environment of its own and reached as ``remote``. No figure of this project was measured here.
Shapes are compiled: ``max_batch_size`` and ``sequence_length`` are fixed when the model is exported. Prompts are padded on the right.
"""

from __future__ import annotations

import glob
import importlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.errors import InputError, SetupError
from runner.backends.base import Backend, Chunk, Generation, GenerationSettings
from runner.backends.decode import Row, Text, rows_of
from runner.prompts import Prompt

DEVICES = "/dev/neuron*"
NEEDS = "the packages of AWS's own index (PyPI carries placeholders of the same names) and a Neuron device"


def missing() -> str | None:
    """Why Neuron cannot be used here, or None. A real import decides: package metadata say "installed" for PyPI's placeholders too."""
    try:
        importlib.import_module("torch_neuronx")
    except Exception as error:  # the placeholder raises ImportError, a half-installed runtime raises anything
        return f"torch_neuronx cannot be imported ({type(error).__name__}: {(str(error).strip() or '-').splitlines()[0]})"
    if not glob.glob(DEVICES):
        return f"torch_neuronx can be imported, but there is no device {DEVICES}"
    return None


def open_backend(settings: Mapping[str, Any]) -> Backend:
    """The backend for ``model`` (an exported folder, or a checkpoint or hub id to compile), ``max_batch_size`` 4, ``sequence_length`` 2048.

    Raises SetupError without Neuron, InputError for a precision that is not compiled here.
    """
    reason = missing()
    if reason:
        raise SetupError(f"backend 'neuron' needs {NEEDS}: {reason}. From here, reach a Neuron server with backend 'remote' instead")
    if str(settings.get("precision") or "bf16") != "bf16":
        raise InputError(
            f"precision {settings['precision']!r}: optimum-neuron has no quantisation; NxD Inference's INT8 is reached as 'remote'"
        )
    if not settings.get("model"):
        raise InputError("backend 'neuron' needs a model")
    return NeuronBackend(str(settings["model"]), int(settings.get("max_batch_size") or 4), int(settings.get("sequence_length") or 2048))


class NeuronBackend:
    """One compiled model, used by one caller at a time: its KV cache lives in the compiled graph."""

    def __init__(self, model: str, max_batch_size: int, sequence_length: int) -> None:
        """Loads an exported folder, or compiles for minutes. Raises SetupError with the reason when that fails."""
        from transformers import AutoTokenizer

        try:
            self._model = _compiled(model, max_batch_size, sequence_length)
            self._tokenizer = AutoTokenizer.from_pretrained(model)
        except (OSError, ValueError, RuntimeError) as error:
            raise SetupError(f"{model} cannot be loaded on Neuron: {error}") from error
        self._name, self._one_at_a_time = model, threading.Lock()
        self._batch, self._context = self._model.neuron_config.batch_size, self._model.neuron_config.sequence_length
        ends = self._model.generation_config.eos_token_id
        self._ends = frozenset(
            end for end in [*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id] if end is not None
        )

    def identity(self) -> Mapping[str, str]:
        config = self._model.neuron_config
        revision = str(getattr(config, "checkpoint_revision", None) or "local")
        hardware = f"{getattr(config, 'target', 'neuron')}, {config.tp_degree} cores, batch {self._batch}, sequence {self._context}"
        return {"model": self._name, "revision": revision, "precision": "bf16", "backend": "neuron", "hardware": hardware}

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:
        found: list[Generation] = []
        for at in range(0, len(prompts), self._batch):
            rows = rows_of([self._encoded(prompt) for prompt in prompts[at : at + self._batch]], settings, self._context)
            self._run(rows, settings, lambda: None)
            found += [row.generation(Text(self._tokenizer, settings.stop).full(row.tokens)) for row in rows]
        return found

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        [row] = rows_of([self._encoded(prompt)], settings, self._context)
        text, news = Text(self._tokenizer, settings.stop), queue.SimpleQueue[str | BaseException | None]()
        work = threading.Thread(target=self._feed, args=(row, settings, text, news), daemon=True)
        work.start()
        while (piece := news.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            if piece:
                yield Chunk(piece)
        yield Chunk("", row.generation(text.full(row.tokens)))

    def _feed(self, row: Row, settings: GenerationSettings, text: Text, news: queue.SimpleQueue[str | BaseException | None]) -> None:
        try:
            self._run([row], settings, lambda: news.put(text.news(row.tokens, row.finish is not None)))
            news.put(None)
        except BaseException as error:  # raised again where the answer is read
            news.put(error)

    def _encoded(self, prompt: Prompt) -> list[int]:
        text = self._tokenizer.apply_chat_template(prompt.as_dicts(), tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _run(self, rows: Sequence[Row], settings: GenerationSettings, after_step: Callable[[], None]) -> None:
        """Generates for the rows that have room, filling them token by token."""
        import torch
        from transformers import GenerationConfig
        from transformers.generation import StoppingCriteriaList

        rows = [row for row in rows if row.finish is None]
        if not rows:
            return
        width = max(len(row.prompt) for row in rows)
        ids = torch.tensor([list(row.prompt) + [0] * (width - len(row.prompt)) for row in rows])
        mask = torch.tensor([[1] * len(row.prompt) + [0] * (width - len(row.prompt)) for row in rows])
        sampling = {"do_sample": True, "temperature": settings.temperature} if settings.temperature else {"do_sample": False}
        watch = _watcher(rows, self._tokenizer, settings, () if settings.ignore_eos else self._ends, after_step)
        with self._one_at_a_time:
            torch.manual_seed(settings.seed)
            config = GenerationConfig(max_new_tokens=max(row.limit for row in rows), pad_token_id=0, **sampling)
            self._model.generate(ids, attention_mask=mask, generation_config=config, stopping_criteria=StoppingCriteriaList([watch]))


def _compiled(model: str, max_batch_size: int, sequence_length: int) -> Any:
    from optimum.neuron import NeuronModelForCausalLM

    if (Path(model) / "neuron_config.json").is_file():
        return NeuronModelForCausalLM.from_pretrained(model)
    config = NeuronModelForCausalLM.get_neuron_config(model, batch_size=max_batch_size, sequence_length=sequence_length)
    return NeuronModelForCausalLM.export(model, config, load_weights=True)


def _watcher(
    rows: Sequence[Row], tokenizer: Any, settings: GenerationSettings, ends: Sequence[int] | frozenset[int], after: Callable[[], None]
) -> Any:
    """A stopping criterion, which generation asks after every step with all tokens so far: it fills `rows` and says which are finished."""
    import torch

    began = time.perf_counter()

    def watch(ids: Any, scores: Any = None, **_: Any) -> Any:  # noqa: ARG001 (transformers' signature)
        for row, token in zip(rows, ids[:, -1].tolist(), strict=True):
            if row.finish is None:
                row.push(token, ends, time.perf_counter() - began)
                text = Text(tokenizer, settings.stop)
                if settings.stop and row.finish is None and (text.full(row.tokens), text.stopped)[1]:
                    row.finish = "stop"
        after()
        return torch.tensor([row.finish is not None for row in rows])

    return watch
