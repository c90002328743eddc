"""A causal language model in this process: transformers on torch.

Precision ``fp32``, ``int8`` (weight-only, as on Neuron) or ``int8-dynamic`` (torch's own, another scheme).

`model` is a name under ``data/models``, a local folder, or a hub id. A hub id is looked up in the local cache first and downloaded
only when it is not there; ``HF_HUB_OFFLINE=1`` forbids that. The same code serves CUDA, where the only difference is the device.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.errors import InputError, SetupError
from evals.identity import file_sha256, sha256
from evals.paths import DATA
from runner.backends.base import Backend, Chunk, Generation, GenerationSettings
from runner.backends.decode import Row, Text, decode, rows_of
from runner.prompts import Prompt

MODELS = DATA / "models"
DEFAULT_MODEL = "tiny-multilingual"
PRECISIONS = ("fp32", "int8", "int8-dynamic")
BATCH = 8
SMALL = 100_000_000  # parameters below which a second thread waits more than it works
_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]


def open_backend(settings: Mapping[str, Any]) -> Backend:
    """The backend for a variant's settings: ``model``, ``precision`` (``fp32``), ``backend``, ``threads`` (1 for small models)."""
    model, precision = str(settings.get("model") or DEFAULT_MODEL), str(settings.get("precision") or "fp32")
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
    return TorchBackend(model, precision, device=str(settings.get("backend", "cpu")), threads=settings.get("threads"))


class TorchBackend:
    """One loaded model. Safe to call from several threads; they share the cores."""

    def __init__(self, model: str, precision: str, *, device: str = "cpu", threads: int | None = None) -> None:
        """Loads the weights. Raises SetupError when torch, the device or the model is not there."""
        torch = _torch(device)
        self._folder, self._name, self._precision, self._device = find_model(model), model, precision, device
        self._model, self._tokenizer = _open(self._folder, precision, device)
        size = sum(tensor.numel() for tensor in self._model.state_dict().values() if hasattr(tensor, "numel"))
        self._threads = threads or (1 if size < SMALL else torch.get_num_threads())
        torch.set_num_threads(self._threads)
        self._context = int(getattr(self._model.config, "max_position_embeddings", 1 << 20))
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._revision = weights_sha256(self._folder, precision)
        self._tokenizing = threading.Lock()  # the fast tokenizer refuses two callers at once

    def identity(self) -> Mapping[str, str]:
        return {
            "model": self._name,
            "revision": self._revision,
            "precision": self._precision,
            "backend": self._device,
            "hardware": hardware(self._device, self._threads),
        }

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:
        began, found = time.perf_counter(), []
        for at in range(0, len(prompts), BATCH):
            before_s = time.perf_counter() - began
            found += [_shifted(done, before_s) for done in self._batch(prompts[at : at + BATCH], settings)]
        return found

    def _batch(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:
        rows = rows_of([self._encoded(prompt) for prompt in prompts], settings, self._context)
        texts = [Text(self._tokenizer, settings.stop) for _ in rows]
        for _ in decode(self._model, rows, settings, self._ends):
            if settings.stop:
                self._stop(rows, texts)
        return [row.generation(self._text(text, row)) for row, text in zip(rows, texts, strict=True)]

    def _stop(self, rows: Sequence[Row], texts: Sequence[Text]) -> None:
        for row, text in zip(rows, texts, strict=True):
            if row.finish is None and (self._text(text, row), text.stopped)[1]:
                row.finish = "stop"

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        [row] = rows_of([self._encoded(prompt)], settings, self._context)
        text = Text(self._tokenizer, settings.stop)
        for _ in decode(self._model, [row], settings, self._ends):
            with self._tokenizing:
                piece = text.news(row.tokens, row.finish is not None)
            if text.stopped:
                row.finish = "stop"
            if piece:
                yield Chunk(piece)
        yield Chunk("", row.generation(self._text(text, row)))

    def _encoded(self, prompt: Prompt) -> list[int]:
        with self._tokenizing:
            text = self._tokenizer.apply_chat_template(prompt.as_dicts(), tokenize=False, add_generation_prompt=True)
            return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _text(self, text: Text, row: Row) -> str:
        with self._tokenizing:
            return text.full(row.tokens)


def _shifted(done: Generation, seconds: float) -> Generation:
    first = None if done.first_token_s is None else done.first_token_s + seconds
    return Generation(done.text, done.prompt_tokens, done.generated_tokens, first, done.total_s + seconds, done.finish_reason)


# ---------------------------------------------------------------------------------------------- loading


def _torch(device: str) -> Any:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise SetupError(f"backend {device!r} needs torch and transformers: pip install '.[models]' ({error})") from error
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if device == "cuda" and not torch.cuda.is_available():
        raise SetupError("backend 'cuda' was asked for, but torch finds no CUDA device here")
    return torch


def find_model(model: str) -> Path:
    """The folder of `model`: shipped under ``data/models``, a path, or a hub id (cache first, then download).

    Raises SetupError that says where it looked.
    """
    for folder in (MODELS / model, Path(model).expanduser()):
        if (folder / "config.json").is_file():
            return folder
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        shipped = ", ".join(sorted(path.parent.name for path in MODELS.glob("*/config.json"))) or "none"
        raise SetupError(f"model {model!r}: no config.json there; shipped models are {shipped}; a hub id looks like 'owner/name'")
    return _from_hub(model)


def _from_hub(model: str) -> Path:
    import httpx
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(model, allow_patterns=_FILES, local_files_only=True))
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            return folder
    except (OSError, ValueError):
        pass  # not in the cache
    try:
        return Path(snapshot_download(model, allow_patterns=_FILES))
    except (OSError, ValueError, httpx.HTTPError) as error:
        reason = str(error).strip().split("\n")[0]
        raise SetupError(f"model {model!r} is neither a local folder nor in the hub's cache, and the hub gave: {reason}") from error


def _open(folder: Path, precision: str, device: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from runner.quantize import load_dynamic_int8, load_int8

    try:
        if precision == "fp32":
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        else:
            model = (load_int8 if precision == "int8" else load_dynamic_int8)(folder)
        return model.to(device), AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, InputError) as error:
        raise SetupError(f"the model in {folder} cannot be loaded as {precision}: {error}") from error


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    named = model.generation_config.eos_token_id if model.generation_config else None
    ids = named if isinstance(named, list) else [named]
    return frozenset(token for token in [*ids, tokenizer.eos_token_id] if token is not None)


def weights_sha256(folder: Path, precision: str) -> str:
    """Hash of the weight files that `precision` is loaded from; of several files, the hash of their hashes in order of name."""
    from runner.quantize import INT8_FILE

    if precision == "int8" and (folder / INT8_FILE).exists():
        return file_sha256(folder / INT8_FILE)
    files = sorted(path for path in folder.glob("*.safetensors") if path.name != INT8_FILE)
    hashes = [file_sha256(path) for path in files]
    return hashes[0] if len(hashes) == 1 else sha256("\n".join(hashes))


def hardware(device: str, threads: int) -> str:
    """What computes: the processor's name and the threads used, or the GPU's name."""
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine()
    )
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"
