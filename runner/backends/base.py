"""What every backend offers, whatever runs the model: layers above never know which it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evals.errors import InputError
from runner.prompts import Prompt

FinishReason = Literal["stop", "length", "context"]


@dataclass(frozen=True)
class GenerationSettings:
    """How to decode. Temperature 0 is greedy; above it the draw depends on `seed` and the prompt alone, never on the batch.

    `stop`: texts at which generation ends (not part of the result); `ignore_eos` keeps going to `max_new_tokens`, for load tests.
    """

    max_new_tokens: int = 160
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or not 0.0 <= self.temperature <= 10.0:
            raise InputError(f"max_new_tokens must be at least 1 and temperature within 0..10: {self}")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> GenerationSettings:
        """The decoding part of a variant's settings; keys that are missing keep their defaults."""
        return cls(
            max_new_tokens=int(settings.get("max_new_tokens", cls.max_new_tokens)),
            temperature=float(settings.get("temperature", cls.temperature)),
            seed=int(settings.get("seed", cls.seed)),
        )


@dataclass(frozen=True)
class Generation:
    """One answer. Times are wall seconds from the moment the call was made, so a batch's waiting counts.

    `finish_reason`: ``stop`` (the model ended, or a stop text came), ``length`` (`max_new_tokens` reached),
    ``context`` (the prompt does not fit the model: text empty, nothing generated). `first_token_s` is None where nothing was generated.
    """

    text: str
    prompt_tokens: int
    generated_tokens: int
    first_token_s: float | None
    total_s: float
    finish_reason: FinishReason


@dataclass(frozen=True)
class Chunk:
    """A piece of a streamed answer; the last one, and only it, carries the whole `generation` (its own text may be empty)."""

    text: str
    generation: Generation | None = None


class Backend(Protocol):
    """A language model that is ready to answer. Greedy results do not depend on what shares the batch."""

    def identity(self) -> Mapping[str, str]:
        """What made the answers: ``model``, ``revision`` (hash of the weights), ``precision``, ``backend``, ``hardware``."""
        ...

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:
        """One answer per prompt, in their order. Raises RetryError when something outside did not answer."""
        ...

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        """The answer as it comes; the texts joined are the `Generation`'s text. Raises as `generate` does."""
        ...
