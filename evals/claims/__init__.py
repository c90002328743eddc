"""The atomic statements of an output: where they are, what kind they are, and what they cite."""

from __future__ import annotations

from evals.claims.cutting import claims_of, statements
from evals.claims.marks import MARK, QUOTATION, citations_in, without_citations

__all__ = ["MARK", "QUOTATION", "citations_in", "claims_of", "statements", "without_citations"]
