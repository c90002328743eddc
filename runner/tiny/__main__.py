"""``python -m runner.tiny``: corpus, tokenizer, training, export and evaluation of the model in ``data/models/tiny-multilingual``.

An interrupted training continues where it was. ``--steps 0`` exports and measures the newest checkpoint as it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.languages import LANGUAGES
from evals.paths import DATA, home
from runner.tiny.evaluate import held_out, quality
from runner.tiny.tokenizer import load, train_tokenizer
from runner.tiny.train import Recipe, new_model, read_checkpoint, train

OUT = DATA / "models" / "tiny-multilingual"


def main(arguments: Sequence[str] | None = None) -> None:
    """The whole way; see ``--help``."""
    given = _parser().parse_args(arguments)
    work = given.work / "-".join(["tiny", str(given.seed)])
    recipe = replace(Recipe(tuple(LANGUAGES), seed=given.seed), threads=given.threads)
    recipe = recipe if given.steps is None else replace(recipe, steps=given.steps)
    tokenizer = _tokenizer(work, recipe)
    if recipe.steps:
        model, recipe = train(recipe, tokenizer, work / "checkpoint.pt", minutes=given.minutes, report=_say)
    else:
        model, recipe = read_checkpoint(work / "checkpoint.pt", new_model(recipe, len(tokenizer)))
    export(model, tokenizer, recipe, given.out)
    _say(json.dumps(measure(given.out, given.examples), indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner.tiny", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the finished model")
    parser.add_argument("--work", type=Path, default=home(), help="folder of checkpoints")
    parser.add_argument("--seed", type=int, default=Recipe(()).seed)
    parser.add_argument("--steps", type=int, help="the number that repeats a run; 0 exports the newest checkpoint")
    parser.add_argument("--minutes", type=float, help="lower the steps to what this machine does in that time")
    parser.add_argument("--threads", type=int, default=Recipe(()).threads)
    parser.add_argument("--examples", type=int, default=1000, help="held-out examples to measure with")
    return parser


def _tokenizer(work: Path, recipe: Recipe) -> Any:
    folder = work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(recipe.tags, seed=recipe.seed).save_pretrained(folder)
    return load(folder)


def export(model: Any, tokenizer: Any, recipe: Recipe, out: Path) -> None:
    """Writes config, tokenizer, fp16 weights, the recipe, and INT8 weights made from those same fp16 ones."""
    import torch

    from runner.quantize import quantize_checkpoint

    out.mkdir(parents=True, exist_ok=True)
    model.to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "recipe.json").write_text(json.dumps({**asdict(recipe), "torch": torch.__version__.split("+")[0]}, indent=1) + "\n")
    quantize_checkpoint(out)


def measure(folder: Path, examples: int) -> dict[str, Any]:
    """`quality` of both precisions on held-out examples, as JSON values."""
    from runner.backends.cpu import TorchBackend

    made = held_out(examples)
    found = {precision: quality(TorchBackend(str(folder), precision), made) for precision in ("fp32", "int8")}
    return {precision: {group: asdict(row) for group, row in groups.items()} for precision, groups in found.items()}


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
