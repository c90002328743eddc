"""MLflow's evaluation with two scorers in code; its table of results without the traces, which hold paths and names of the machine."""

import json
import sys
from pathlib import Path

import mlflow
from mlflow.entities import Feedback
from mlflow.genai.scorers import scorer

arm = sys.argv[1]
rows = json.loads(Path("questions.json").read_text(encoding="utf-8"))
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("product details")


@scorer
def states_value(outputs: str, expectations: dict) -> Feedback:
    if not outputs:
        raise ValueError("there is no answer to measure")
    return Feedback(value=expectations["value"] in outputs, rationale=f"looked for {expectations['value']}")


@scorer
def short(outputs: str) -> bool:
    return len(outputs or "") < 60


def shown(row: dict) -> dict:
    inputs = {"question": row["question"], "language": row["language"], "product": row["product"]}
    return {"inputs": inputs, "outputs": row[arm] or "", "expectations": {"value": row["value"]}}


found = mlflow.genai.evaluate(data=[shown(row) for row in rows], scorers=[states_value, short]).result_df
kept = [name for name in found.columns if name not in ("trace", "trace_metadata", "tags", "spans")]
found[kept].to_json(f"{arm}.json", orient="records", force_ascii=False, default_handler=str)
found[kept].drop(columns="assessments").to_csv(f"{arm}.csv", index=False)
