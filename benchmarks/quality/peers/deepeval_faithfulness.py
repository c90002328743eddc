"""DeepEval's ``FaithfulnessMetric`` without its reason (a fourth request), with a model of one's own as its documentation has it."""

import asyncio
from typing import Any

from common import asked, at_once, measured
from deepeval.metrics import FaithfulnessMetric
from deepeval.models import DeepEvalBaseLLM
from deepeval.test_case import LLMTestCase
from openai import AsyncOpenAI

url, samples, concurrency = asked()


class Local(DeepEvalBaseLLM):
    def __init__(self) -> None:
        self.client = AsyncOpenAI(base_url=url, api_key="none")
        super().__init__("stub")

    def load_model(self) -> Any:
        return self.client

    def get_model_name(self) -> str:
        return "stub"

    def generate(self, prompt: str, schema: Any = None) -> Any:
        raise NotImplementedError("asked asynchronously only")

    async def a_generate(self, prompt: str, schema: Any) -> Any:
        form = {"type": "json_schema", "json_schema": {"name": schema.__name__, "schema": schema.model_json_schema()}}
        messages = [{"role": "user", "content": prompt}]
        reply = await self.client.chat.completions.create(model="stub", messages=messages, response_format=form)
        return schema.model_validate_json(reply.choices[0].message.content)


def score(rows: list[dict]) -> list[float | None]:
    async def all_of_them() -> list[float | None]:
        model = Local()

        async def one(row: dict) -> float | None:
            metric = FaithfulnessMetric(model=model, include_reason=False, async_mode=True)
            case = LLMTestCase(input=row["question"], actual_output=row["answer"], retrieval_context=row["contexts"])
            return await metric.a_measure(case, _show_indicator=False)

        values = await at_once(one, rows, concurrency)
        await model.client.close()
        return values

    return asyncio.run(all_of_them())


measured(score, samples, "deepeval")
