"""Ours: ``python ours.py URL SAMPLES CONCURRENCY WARM claims|ragas``: the claim judge, or Ragas' faithfulness through our adapter."""

import sys

from common import asked, measured

from evals.claims import claims_of
from evals.grounding.base import metric_of
from evals.judges import ragas
from evals.judges.claim_judge import ClaimJudge
from evals.judges.endpoint import Judge
from evals.metric import Sample
from evals.records import Case, Output, Passage

url, samples, concurrency = asked()
judge = Judge(url, "stub", concurrency=concurrency)
metric = metric_of(ClaimJudge(judge)) if sys.argv[5] == "claims" else ragas.make("faithfulness", judge)


def sample(number: int, row: dict) -> Sample:
    case = Case(f"case-{number}", "assistant", "product", row["language"], "audio", {"question": row["question"]})
    places = tuple(Passage(at, "review", f"r{at}", row["language"], text, 0, len(text)) for at, text in enumerate(row["contexts"], 1))
    said = Output(f"output-{number}", "run", case.case_id, row["answer"], "ok", "now", places)
    return case, said, claims_of(said, case.language)


def score(rows: list[dict]) -> list[float | None]:
    found = metric.measure_many([sample(number, row) for number, row in enumerate(rows)])
    return [scores[0].value for scores in found]


measured(score, samples, "plumbline")
