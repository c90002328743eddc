"""What annotators see and how their answers are written down."""

from annotators.labeling.counts import COUNT_WORDS, counts_line, read_counts
from annotators.labeling.rubric import (
    CHOICE,
    COMMENT,
    DATA_KEYS,
    RUBRIC,
    config_xml,
    instructions,
    project_title,
    queue_name,
    result_of,
    rubric_sha256,
)

__all__ = [
    "CHOICE",
    "COMMENT",
    "COUNT_WORDS",
    "DATA_KEYS",
    "RUBRIC",
    "config_xml",
    "counts_line",
    "instructions",
    "project_title",
    "queue_name",
    "read_counts",
    "result_of",
    "rubric_sha256",
]
