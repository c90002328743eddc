"""What annotators see and how their answers are read: the rubrics, by id."""

from collections.abc import Mapping

from annotators.labeling.answers import Answer
from annotators.labeling.citations import CITATION_V1
from annotators.labeling.claims import ADJUDICATION, CLAIM_V1, CLAIM_V2
from annotators.labeling.counts import COUNT_WORDS, counts_line, read_counts
from annotators.labeling.failures import FAILURES_V1
from annotators.labeling.preference import PREFERENCE_V1
from annotators.labeling.rewrites import REWRITE_V1
from annotators.labeling.rubric import Rubric, asked_sha256, config_xml, instructions, project_title, queue_name, queue_parts
from evals.errors import UnknownIdError

__all__ = [
    "ADJUDICATION",
    "CITATION_V1",
    "CLAIM_V1",
    "CLAIM_V2",
    "COUNT_WORDS",
    "FAILURES_V1",
    "PREFERENCE_V1",
    "REWRITE_V1",
    "RUBRICS",
    "Answer",
    "Rubric",
    "asked_sha256",
    "config_xml",
    "counts_line",
    "instructions",
    "project_title",
    "queue_name",
    "queue_parts",
    "read_counts",
    "rubric_named",
]

# A version that people have answered under stays for ever, so that their answers can be read and bridged.
_ALL = (CLAIM_V1, CLAIM_V2, ADJUDICATION, FAILURES_V1, PREFERENCE_V1, CITATION_V1, REWRITE_V1)
RUBRICS: Mapping[str, Rubric] = {rubric.name: rubric for rubric in _ALL}


def rubric_named(name: str) -> Rubric:
    """Raises UnknownIdError."""
    if name not in RUBRICS:
        raise UnknownIdError(f"{name!r} is no rubric: {', '.join(RUBRICS)}")
    return RUBRICS[name]
