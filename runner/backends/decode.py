"""Token by token: one loop for batches and for streams, so that a streamed answer is the batched one by construction.

Prompts of a batch are padded on the left; positions and the attention mask count from each prompt's own beginning, so a row's
tokens do not depend on its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.identity import content_id
from runner.backends.base import FinishReason, Generation, GenerationSettings


@dataclass
class Row:
    """One answer in the making. `limit`: tokens it may have, by the settings and by the room its prompt leaves."""

    prompt: Sequence[int]
    limit: int
    generator: Any = None
    tokens: list[int] = field(default_factory=list)
    finish: FinishReason | None = None
    first_s: float | None = None
    total_s: float = 0.0

    def push(self, token: int, ends: Collection[int], elapsed_s: float) -> None:
        """Takes the next token; an end token finishes the answer and is counted but not kept."""
        self.total_s = elapsed_s
        self.first_s = elapsed_s if self.first_s is None else self.first_s
        if token in ends:
            self.finish = "stop"
            return
        self.tokens.append(token)
        if len(self.tokens) >= self.limit:
            self.finish = "length"

    def generation(self, text: str) -> Generation:
        """The finished answer with `text`; a row without room says ``context``."""
        ended = len(self.tokens) + (self.finish == "stop" and len(self.tokens) < self.limit)
        return Generation(text, len(self.prompt), ended, self.first_s, self.total_s, self.finish or "length")


def rows_of(prompts: Sequence[Sequence[int]], settings: GenerationSettings, context: int) -> list[Row]:
    """A row per prompt; those that leave no room for an answer are finished already, with ``context``."""
    rows = [Row(ids, min(settings.max_new_tokens, context - len(ids)), _generator(ids, settings)) for ids in prompts]
    for row in rows:
        row.finish = "context" if row.limit < 1 or not row.prompt else None
    return rows


def _generator(ids: Sequence[int], settings: GenerationSettings) -> Any:
    if settings.temperature == 0:
        return None
    import torch

    return torch.Generator().manual_seed(int(content_id("draw", settings.seed, list(ids))[-15:], 16))


def decode(model: Any, rows: Sequence[Row], settings: GenerationSettings, ends: Collection[int]) -> Iterator[None]:
    """Advances every unfinished row by one token per step until all are finished; yields after each step."""
    import torch

    began = time.perf_counter()
    rows = [row for row in rows if row.finish is None]
    if not rows:
        return
    ids, mask = _left_padded(rows, model.device)
    positions, cache = (mask.cumsum(1) - 1).clamp(min=0), None
    while True:
        with torch.inference_mode():
            out = model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)
        picked = _picked(out.logits[:, -1].float().cpu(), rows, settings, ends)
        _push_all(rows, picked, () if settings.ignore_eos else ends, time.perf_counter() - began)
        yield
        if all(row.finish for row in rows):
            return
        cache, ids, positions = out.past_key_values, torch.tensor(picked, device=model.device)[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)


def _left_padded(rows: Sequence[Row], device: Any) -> tuple[Any, Any]:
    import torch

    width = max(len(row.prompt) for row in rows)
    ids = torch.tensor([[0] * (width - len(row.prompt)) + list(row.prompt) for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows], device=device)
    return ids, mask


def _picked(logits: Any, rows: Sequence[Row], settings: GenerationSettings, ends: Collection[int]) -> list[int]:
    import torch

    if settings.ignore_eos:
        logits = logits.index_fill(1, torch.tensor(sorted(ends), dtype=torch.long), -torch.inf)
    if settings.temperature == 0:
        return [int(token) for token in logits.argmax(dim=-1)]
    chances = torch.softmax(logits / settings.temperature, dim=-1)
    return [int(torch.multinomial(chances[i], 1, generator=row.generator)) for i, row in enumerate(rows)]


def _push_all(rows: Sequence[Row], tokens: Sequence[int], ends: Collection[int], elapsed_s: float) -> None:
    for row, token in zip(rows, tokens, strict=True):
        if row.finish is None:
            row.push(token, ends, elapsed_s)


@dataclass
class Text:
    """Turns a growing list of tokens into text that never has to be taken back.

    Held back: half a character (decoded as ``\\ufffd``) and whatever may be the beginning of a stop text.
    """

    tokenizer: Any
    stop: Sequence[str] = ()
    sent: int = 0
    stopped: bool = False

    def full(self, tokens: Sequence[int]) -> str:
        """All text so far, up to the first stop text."""
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        cuts = [at for at in (text.find(mark) for mark in self.stop if mark) if at >= 0]
        self.stopped = bool(cuts)
        return text[: min(cuts)] if cuts else text

    def news(self, tokens: Sequence[int], finished: bool) -> str:
        """What can be shown now and was not shown before."""
        text = self.full(tokens)
        keep = 0 if finished or self.stopped else max(self._half_character(text), self._half_stop(text))
        piece = text[self.sent : len(text) - keep]
        self.sent += len(piece)
        return piece

    def _half_character(self, text: str) -> int:
        return len(text) - len(text.rstrip("\ufffd"))

    def _half_stop(self, text: str) -> int:
        sizes = (size for mark in self.stop for size in range(1, len(mark)) if text.endswith(mark[:size]))
        return max(sizes, default=0)
