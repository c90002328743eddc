"""DeepEval with a deterministic metric of one's own and its ExactMatch; a metric that breaks on one case of the degraded arm."""

import json
import sys
from pathlib import Path

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, DisplayConfig, ErrorConfig
from deepeval.metrics import BaseMetric, ExactMatchMetric
from deepeval.test_case import LLMTestCase

arm = sys.argv[1]
rows = json.loads(Path("questions.json").read_text(encoding="utf-8"))


class StatesValue(BaseMetric):
    """Whether the answer states the value of the product details."""

    def __init__(self) -> None:
        self.threshold, self.async_mode = 0.5, False

    def measure(self, case: LLMTestCase) -> float:
        if not case.actual_output:
            raise ValueError("there is no answer to measure")
        self.score = float(case.expected_output in case.actual_output)
        self.success, self.reason = self.score >= self.threshold, f"looked for {case.expected_output}"
        return self.score

    async def a_measure(self, case: LLMTestCase, *_: object, **__: object) -> float:
        return self.measure(case)

    def is_successful(self) -> bool:
        return bool(self.success)

    @property
    def __name__(self) -> str:
        return "States Value"


def case(row: dict) -> LLMTestCase:
    labels = {"language": row["language"], "product": row["product"]}
    return LLMTestCase(
        name=row["case"],
        input=row["question"],
        actual_output=row[arm] or "",
        expected_output=row["value"],
        completion_time=0.2,
        additional_metadata=labels,
    )


evaluate(
    [case(row) for row in rows],
    [StatesValue(), ExactMatchMetric()],
    identifier=arm,
    hyperparameters={"model": arm},
    async_config=AsyncConfig(run_async=False),
    display_config=DisplayConfig(show_indicator=False, print_results=False),
    error_config=ErrorConfig(ignore_errors=True),
)
