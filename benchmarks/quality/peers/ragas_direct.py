"""Ragas as its documentation has it: ``Faithfulness(llm=llm_factory(...))`` and ``ascore``, so many samples in flight."""

import asyncio
import warnings

from common import asked, at_once, measured

warnings.simplefilter("ignore")
from openai import AsyncOpenAI  # noqa: E402
from ragas.llms import llm_factory  # noqa: E402
from ragas.metrics.collections import Faithfulness  # noqa: E402

url, samples, concurrency = asked()


def score(rows: list[dict]) -> list[float | None]:
    async def all_of_them() -> list[float | None]:
        client = AsyncOpenAI(base_url=url, api_key="none")
        metric = Faithfulness(llm=llm_factory("stub", client=client))

        async def one(row: dict) -> float | None:
            found = await metric.ascore(user_input=row["question"], response=row["answer"], retrieved_contexts=row["contexts"])
            return float(found.value)

        values = await at_once(one, rows, concurrency)
        await client.close()
        return values

    return asyncio.run(all_of_them())


measured(score, samples, "ragas")
