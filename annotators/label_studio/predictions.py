"""What our judge said of a claim, as a prediction in Label Studio: for whoever leaves with native exports. Annotators never see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotators.labeling import claims, rubric_named
from evals.identity import sha256
from evals.metrics import METRICS
from evals.records import CLAIM_VERDICTS, QueueItem, Score
from evals.store import Store

JUDGE = "grounded"
MAX_VERSION = 64


def predictions_of(store: Store, items: Sequence[QueueItem]) -> list[dict[str, Any] | None]:
    """One for each item, None where our judge has said nothing or the item does not show a claim as it was judged."""
    claim_ids = [item.claim_id if _shows_its_claim(item) else None for item in items]
    said: dict[str, Score] = {}
    for score in store.runs.scores_about(sorted({claim_id for claim_id in claim_ids if claim_id}), JUDGE):
        known = said.get(score.subject_id)
        if known is None or known.signature != METRICS[JUDGE].signature:  # of several judges today's, else the last by signature
            said[score.subject_id] = score
    return [_prediction(said[claim_id]) if claim_id in said else None for claim_id in claim_ids]


def _shows_its_claim(item: QueueItem) -> bool:
    return rubric_named(item.rubric).subject == "claim" and item.subject_id == item.claim_id


def _prediction(score: Score) -> dict[str, Any] | None:
    verdict = score.detail.get("verdict")
    if verdict not in CLAIM_VERDICTS:
        return None
    value = score.value if score.value is not None and 0 <= score.value <= 1 else None
    return {"model_version": model_version(score.signature), "score": value, "result": claims.result_of(verdict)}


def model_version(signature: str) -> str:
    """The judge's signature; one that is too long by its hash, as ``grounded sha256:…``."""
    return signature if len(signature) <= MAX_VERSION else f"{JUDGE} sha256:{sha256(signature)[:32]}"
