"""Trains the small model on CPU: a Llama of three million parameters, loss on the answer only, batches of like length.

Step i of a seed always sees the same examples and the schedule counts steps, not time, so that the same machine with the same
versions and thread count makes the same bytes; another processor may round differently. A budget of minutes is turned into a
number of steps by timing the first ones, and that number is what repeats the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from runner.tiny.corpus import Example, example
from runner.tiny.tokenizer import ANSWER, CONTEXT, END

POOL = 64  # batches drawn together and sorted by length: short ones then share a batch
TIMED_STEPS = 30
LEARNING_RATE = 3e-3  # AdamW, for embeddings and norms
MUON_RATE = 2e-2  # Muon, for the matrices between them: about half the steps of AdamW alone here
WARM_UP = 100


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides the packs and the versions of torch and transformers."""

    tags: tuple[str, ...]
    seed: int = 28
    steps: int = 2600
    batch: int = 16
    hidden: int = 192
    layers: int = 4
    heads: int = 3
    feed_forward: int = 512
    threads: int = 1


def new_model(recipe: Recipe, vocabulary: int) -> Any:
    """A fresh Llama whose sizes are multiples of 64, as quantised and Neuron kernels like them; embeddings are shared with the head."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    )
    return LlamaForCausalLM(config)


def encode(made: Example, tokenizer: Any) -> tuple[list[int], int]:
    """Token ids of prompt and answer, and where the answer starts."""
    prompt = tokenizer.apply_chat_template(made.prompt.as_dicts(), tokenize=False, add_generation_prompt=True)
    if not prompt.endswith(ANSWER):
        raise AssertionError(f"the chat template ends in {prompt[-20:]!r}")
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return head + tokenizer(made.target + END, add_special_tokens=False)["input_ids"], len(head)


def batches(recipe: Recipe, tokenizer: Any, first: int = 0) -> Iterator[list[tuple[list[int], int]]]:
    """Endless batches from step `first` on; those of a pool hold its examples sorted by length, in random order."""
    for pool in range(first // POOL, 1 << 40):
        numbers = range(pool * POOL * recipe.batch, (pool + 1) * POOL * recipe.batch)
        rows = [encode(example(recipe.seed, number, recipe.tags), tokenizer) for number in numbers]
        rows = sorted((row for row in rows if len(row[0]) <= CONTEXT), key=lambda row: len(row[0]))
        made = [rows[at : at + recipe.batch] for at in range(0, len(rows), recipe.batch)]
        Random(f"{recipe.seed}/{pool}").shuffle(made)  # noqa: S311 (nothing secret)
        made = (made * 2)[:POOL]  # an overlong example dropped leaves one batch fewer
        yield from made[first % POOL if pool == first // POOL else 0 :]


def loss_of(model: Any, rows: Sequence[tuple[list[int], int]]) -> Any:
    """Mean cross-entropy of the answers' tokens. Padding is on the right, where causal attention never looks from the left."""
    import torch

    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in rows])
    wanted = torch.zeros(ids.shape, dtype=torch.bool)
    for line, (row, start) in enumerate(rows):
        wanted[line, start - 1 : len(row) - 1] = True
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[wanted]
    return torch.nn.functional.cross_entropy(hidden @ model.lm_head.weight.T, ids.roll(-1, 1)[wanted])


def new_optimizers(model: Any) -> list[Any]:
    """Muon (Jordan et al. 2024, orthogonalised momentum) for the hidden matrices, AdamW for the rest; each group keeps its `base` rate."""
    import torch

    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    optimizers = [
        torch.optim.Muon(hidden, lr=MUON_RATE, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["base"] = group["lr"]
    return optimizers


def rate(step: int, steps: int) -> float:
    """Factor of the learning rates: linear warm-up, then a cosine down to a twentieth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - WARM_UP) / max(1, steps - WARM_UP))))


def train(
    recipe: Recipe, tokenizer: Any, checkpoint: Path, *, minutes: float | None = None, report: Callable[[str], None] = print
) -> tuple[Any, Recipe]:
    """The trained model and the recipe with the steps really done. An unfinished run continues from `checkpoint`.

    `minutes` lowers `recipe.steps` to what this machine can do in that time.
    """
    import torch

    torch.set_num_threads(recipe.threads)
    model = new_model(recipe, len(tokenizer))
    optimizers = new_optimizers(model)
    step, recipe = _resumed(checkpoint, recipe, model, optimizers)
    began, first, mean = time.monotonic(), step, 0.0
    for rows in batches(recipe, tokenizer, step):
        if step >= recipe.steps:
            break
        if minutes and step - first == TIMED_STEPS:
            recipe = _within(recipe, minutes, (time.monotonic() - began) / TIMED_STEPS)
        mean += 0.05 * (_update(model, optimizers, rows, rate(step, recipe.steps)) - mean)
        step += 1
        if step % 100 == 0:
            report(f"step {step}/{recipe.steps}, loss {mean:.4f}, {(time.monotonic() - began) / (step - first):.3f} s per step")
        if step % 250 == 0:
            _save(checkpoint, step, recipe, model, optimizers)
    return model, recipe


def _update(model: Any, optimizers: Sequence[Any], rows: Sequence[tuple[list[int], int]], factor: float) -> float:
    import torch

    loss = loss_of(model, rows)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    return float(loss.detach())


def _within(recipe: Recipe, minutes: float, seconds_per_step: float) -> Recipe:
    return Recipe(**{**asdict(recipe), "steps": min(recipe.steps, max(WARM_UP, int(minutes * 60 / seconds_per_step)))})


def _save(path: Path, step: int, recipe: Recipe, model: Any, optimizers: Sequence[Any]) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    states = [optimizer.state_dict() for optimizer in optimizers]
    torch.save({"step": step, "recipe": asdict(recipe), "model": model.state_dict(), "optimizers": states}, part)
    part.replace(path)


def read_checkpoint(path: Path, model: Any) -> tuple[Any, Recipe]:
    """`model` with the weights of the checkpoint, and the recipe with the steps done so far."""
    import torch

    kept = torch.load(path, weights_only=True)
    model.load_state_dict(kept["model"])
    return model, Recipe(**{**kept["recipe"], "tags": tuple(kept["recipe"]["tags"]), "steps": kept["step"]})


def _resumed(path: Path, recipe: Recipe, model: Any, optimizers: Sequence[Any]) -> tuple[int, Recipe]:
    import torch

    if not path.exists():
        return 0, recipe
    kept = torch.load(path, weights_only=True)
    same = {**kept["recipe"], "steps": recipe.steps, "tags": tuple(kept["recipe"]["tags"])}
    if same != asdict(recipe):
        return 0, recipe  # another recipe: begin anew
    model.load_state_dict(kept["model"])
    for optimizer, state in zip(optimizers, kept["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    return int(kept["step"]), recipe
