"""What a queue's project in Label Studio is set to, and how it is known again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotators import labeling

KEY = "plumbline:"  # then the queue: the first word of the description


def settings(queue: str, overlap: int) -> dict[str, Any]:
    """What Label Studio is told about the project that serves `queue`."""
    feature, language, name = labeling.queue_parts(queue)
    rubric = labeling.rubric_named(name)
    return {
        "title": labeling.project_title(rubric, feature, language),
        "description": f"{KEY}{queue} One {rubric.subject} per task; made by Plumbline, which finds it by the first word here.",
        "label_config": labeling.config_xml(rubric, feature, language),
        "expert_instruction": labeling.instructions(rubric, feature, language),
        "show_instruction": True,
        "show_skip_button": False,  # "cannot be checked" is a verdict, a skipped task is a hole
        "enable_empty_annotation": False,
        "show_collab_predictions": False,  # nobody is shown what a model thinks
        "sampling": "Sequential sampling",  # our order, which mixes the arms
        "maximum_annotations": overlap,
    }


def has_key(project: Mapping[str, Any], queue: str) -> bool:
    """Whether it is the project of `queue`: titles are not unique."""
    return str(project.get("description") or "").split(" ")[0] == KEY + queue
