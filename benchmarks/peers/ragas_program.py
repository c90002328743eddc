"""Ragas with two of its metrics that need no model; its table, as ``result.to_pandas()`` gives it."""

import json
import sys
from pathlib import Path

from ragas import EvaluationDataset, evaluate
from ragas.metrics import ExactMatch, StringPresence

arm = sys.argv[1]
rows = json.loads(Path("questions.json").read_text(encoding="utf-8"))
samples = [{"user_input": row["question"], "response": row[arm] or "", "reference": row["value"]} for row in rows]
found = evaluate(EvaluationDataset.from_list(samples), metrics=[StringPresence(), ExactMatch()], show_progress=False).to_pandas()
found["language"], found["product"] = [row["language"] for row in rows], [row["product"] for row in rows]
found.to_csv(f"{arm}.csv", index=False)
found.to_json(f"{arm}.jsonl", orient="records", lines=True, force_ascii=False)
