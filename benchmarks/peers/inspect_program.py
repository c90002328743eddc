"""Inspect with its mock model, which says what the arm answers; both forms of its log."""

import json
import sys
from pathlib import Path

from inspect_ai import Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes, match
from inspect_ai.solver import Generate, TaskState, generate, solver

arm, form = sys.argv[1:3]
rows = json.loads(Path("questions.json").read_text(encoding="utf-8"))[: 10 if form == "eval" else None]  # an archive stays below 30 kB


@solver
def failing():  # type: ignore[no-untyped-def]  # as Inspect's documentation writes solvers
    async def solve(state: TaskState, _generate: Generate) -> TaskState:
        if state.metadata["fails"]:
            raise RuntimeError("the model did not answer")
        return state

    return solve


def sample(row: dict) -> Sample:
    labels = {"language": row["language"], "product": row["product"], "fails": row[arm] is None}
    return Sample(input=row["question"], target=row["value"], id=row["case"], metadata=labels)


@task
def product_details() -> Task:
    steps = [failing(), generate()] if any(row[arm] is None for row in rows) else [generate()]
    return Task(dataset=[sample(row) for row in rows], solver=steps, scorer=[includes(), match(location="exact")])


def said(row: dict) -> ModelOutput:
    output = ModelOutput.from_content("mockllm", row[arm])
    output.usage = ModelUsage(input_tokens=7, output_tokens=5, total_tokens=12)
    return output


answers = [said(row) for row in rows if row[arm] is not None]
model = get_model("mockllm/model", custom_outputs=iter(answers))
settings = {"max_samples": 1, "max_connections": 1, "log_buffer": 100, "fail_on_error": False}
eval(product_details(), model=model, log_dir="logs", log_format=form, display="none", **settings)
