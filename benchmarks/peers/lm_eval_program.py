"""lm-evaluation-harness over a task of one's own, with a model that says what the arm answers; it knows no errors, so silence is empty."""

import json
import sys
from pathlib import Path

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

arm = sys.argv[1]
rows = json.loads(Path("questions.json").read_text(encoding="utf-8"))
answers = {row["question"]: row[arm] or "" for row in rows}


class Said(LM):
    def generate_until(self, requests, **_):  # type: ignore[no-untyped-def]  # the harness's own signature
        return [answers[request.args[0]] for request in requests]

    def loglikelihood(self, requests, **_):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


asked = [{name: row[name] for name in ("case", "product", "language", "question", "value")} for row in rows]
Path("rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in asked), encoding="utf-8")
Path("tasks").mkdir(exist_ok=True)
Path("tasks/product_details.yaml").write_text(
    """task: product_details
dataset_path: json
dataset_kwargs: {data_files: {test: rows.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{value}}"
generation_kwargs: {until: ["\\n"]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
  - {metric: !function states.value, aggregation: mean, higher_is_better: true}
metadata: {version: 1}
""",
    encoding="utf-8",
)
Path("tasks/states.py").write_text(
    '"""Whether the answer states the value."""\n\n\n'
    "def value(references, predictions):\n    return float(references[0] in predictions[0])\n"
)
tracker = EvaluationTracker(output_path=f"out/{arm}")
found = lm_eval.simple_evaluate(
    model=Said(),
    tasks=["product_details"],
    task_manager=TaskManager(include_path="tasks", include_defaults=False),
    log_samples=True,
    bootstrap_iters=0,
)
samples = found.pop("samples")
tracker.save_results_aggregated(results=found, samples=samples)
tracker.save_results_samples(task_name="product_details", samples=samples["product_details"])
