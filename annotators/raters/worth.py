"""How good an answer says the output is, from 0 to 1: what answers of one rubric are compared by.

A degraded copy must be worth less than its original (`controls`), and the same thing as much in every language and under every version of
a rubric (`bridge`).
"""

from __future__ import annotations

from annotators.labeling import failures, rubric_named

_WORTH = {
    "grounded": 1.0, "unsupported": 0.0, "contradicted": 0.0,
    "supports": 1.0, "partly": 0.5, "does_not_support": 0.0,
    "unchanged": 1.0, "rewritten": 0.0,
}  # fmt: skip


def worth(rubric: str, verdict: str) -> float | None:
    """None for an answer that says nothing about how good it is (``not_checkable``, ``cannot_tell``). A text without a failure is worth 1,
    with any 0; of a pair, the place on the scale: 1 where the candidate is much better. Raises UnknownIdError for a rubric that is none.

    >>> worth("claim-v2", "grounded"), worth("claim-v2", "not_checkable"), worth("preference-v1", "tie")
    (1.0, None, 0.5)
    >>> worth("failures-v1", "none"), worth("failures-v1", "unsafe+wrong_language")
    (1.0, 0.0)
    """
    asked = rubric_named(rubric)
    if asked.many:
        return float(verdict == failures.NONE)
    if asked.ordinal:
        return asked.scale.index(verdict) / (len(asked.scale) - 1) if verdict in asked.scale else None
    return _WORTH.get(verdict)
