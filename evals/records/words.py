"""The words that records use: closed lists of values."""

from __future__ import annotations

from typing import Literal

Feature = Literal["highlights", "assistant"]
ScoreSource = Literal["human", "model", "code"]
Action = Literal["allow", "redact", "block", "escalate"]
Polarity = Literal["positive", "neutral", "negative"]
Verdict = Literal["pass", "fail", "inconclusive", "unverified", "error", "waived"]
Outcome = Literal["promote", "reject", "hold"]
ClaimVerdict = Literal["grounded", "contradicted", "unsupported", "not_checkable"]
Arm = Literal["champion", "candidate"]
# Why something is before people. Only what was drawn (the first two) may enter an estimate.
Why = Literal["random audit", "uncertain", "flagged", "escalated", "gold", "control", "anchor", "bridge", "adjudication"]

FEATURES: tuple[Feature, ...] = ("highlights", "assistant")
DRAWN: tuple[Why, ...] = ("random audit", "uncertain")
CLAIM_VERDICTS: tuple[ClaimVerdict, ...] = ("grounded", "contradicted", "unsupported", "not_checkable")
