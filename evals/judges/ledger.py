"""The judges' bill: every request that went out, answered or not, with its tokens and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.identity import content_id
from evals.records import JudgeCall


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens, asked and answered."""

    prompt: float
    completion: float

    def usd(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """What a request cost; None where the server did not count.

        >>> Prices(2.0, 8.0).usd(500_000, 125_000)
        2.0
        """
        if prompt_tokens is None or completion_tokens is None:
            return None
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


@dataclass(frozen=True)
class Ledger:
    """Where requests are written down: `add` gets each as it ends (a store's ``judging.add_calls``), `now` tells the time of day."""

    add: Callable[[Sequence[JudgeCall]], object]
    now: Callable[[], str]
    prices: Prices | None = None

    def enter(self, call: Call) -> None:
        """Write down one request."""
        created_at = self.now()
        usd = self.prices.usd(*call.tokens) if self.prices else None
        if self.prices and call.refused:
            usd = 0.0
        name = content_id("call", call.request, created_at, call.attempt)
        self.add([JudgeCall(name, call.request, call.judge, call.purpose, created_at, call.seconds, *call.tokens, usd, call.error)])


@dataclass
class Call:
    """One request while it runs. `refused`: the server turned it away, so nothing was computed; a request that timed out may cost."""

    request: str
    judge: str
    purpose: str
    attempt: int
    seconds: float = 0.0
    tokens: tuple[int | None, int | None] = (None, None)
    error: str | None = None
    refused: bool = False
