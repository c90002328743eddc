"""Inspect's ``model_graded_fact``: one request a sample, its log written as always. The answers are there already; no model makes them."""

import os
import tempfile

from common import asked, measured
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import model_graded_fact
from inspect_ai.solver import Generate, Solver, TaskState, solver

url, samples, concurrency = asked()
os.environ |= {"STUB_BASE_URL": url, "STUB_API_KEY": "none"}


@solver
def said() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (its place is fixed)
        state.output = ModelOutput.from_content("stub", state.metadata["answer"])
        return state

    return solve


def score(rows: list[dict]) -> list[float | None]:
    dataset = MemoryDataset(
        [Sample(input=row["question"], target="\n".join(row["contexts"]), metadata={"answer": row["answer"]}) for row in rows]
    )
    task = Task(dataset=dataset, solver=said(), scorer=model_graded_fact(model="openai-api/stub/stub"))
    with tempfile.TemporaryDirectory() as logs:
        [log] = eval(
            task,
            model="openai-api/stub/stub",
            max_connections=concurrency,
            max_samples=concurrency,
            log_dir=logs,
            display="none",
        )
        values = [next(iter(sample.scores.values())).value for sample in log.samples or []]
    return [{"C": 1.0, "I": 0.0}.get(str(value)) for value in values]


measured(score, samples, "inspect-ai")
