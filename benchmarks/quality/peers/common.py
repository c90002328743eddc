"""What every program does: read the samples, warm up, measure, print. Standard library only."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version


def asked() -> tuple[str, list[dict], int]:
    """Address (with ``/v1``), samples, how many in flight."""
    url, path, concurrency = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        return url, [json.loads(line) for line in file], int(concurrency)


def tell(seconds: float, scored: int, package: str) -> None:
    print(json.dumps({"seconds": seconds, "scored": scored, "version": f"{package} {version(package)}"}))


def measured(score: Callable[[list[dict]], list[float | None]], samples: list[dict], package: str) -> None:
    """`score` gives a value for each sample, None where there is none."""
    score(samples[: int(sys.argv[4])])  # imports on first use, connections, prompts: not what a judgement costs
    began = time.perf_counter()
    values = score(samples)
    tell(time.perf_counter() - began, sum(value is not None for value in values), package)


def at_once(one: Callable[[dict], Awaitable[float | None]], samples: list[dict], concurrency: int) -> "Awaitable[list[float | None]]":
    """`one` over all samples, so many in flight."""
    turn = asyncio.Semaphore(concurrency)

    async def held(sample: dict) -> float | None:
        async with turn:
            return await one(sample)

    return asyncio.gather(*map(held, samples))
