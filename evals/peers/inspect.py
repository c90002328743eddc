"""Inspect: the log of ``inspect eval``, ``.eval`` or ``.json``. One arm a log; epochs are repeats of their case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evals.errors import InputError
from evals.peers.answers import (
    Answer,
    Results,
    Value,
    conversation,
    count_of,
    labels_of,
    name_of,
    object_of,
    read_each,
    seconds_of,
    text_of,
    value_of,
)
from evals.peers.files import File

NAME = "inspect"
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # correct, partial, incorrect, no answer: inspect_ai.scorer.value_to_float


def knows(file: File) -> bool:
    """An ``.eval`` archive, or an object with ``eval`` and ``samples``."""
    return file.ending == "eval" or {"eval", "samples"} <= file.mapping.keys()


def read(file: File) -> list[Results]:
    """The one arm of the log, by sample and epoch. A log that does not say ``success`` is taken over as far as it goes, and noted."""
    header, samples = _log(file)
    about = object_of(header.get("eval"))
    task, status = text_of(about.get("task")), text_of(header.get("status"))
    settings = {"model": text_of(about.get("model")), "task": task, "task_version": text_of(about.get("task_version"))}
    settings |= {"generate": text_of(about.get("model_generate_config"))}
    notes = () if status == "success" else (f"the log's status is {status or 'missing'}: {len(samples)} samples are in it",)
    entries = ((f"sample {text_of(sample.get('id'))!r:.80}, epoch {text_of(sample.get('epoch', 1))}", sample) for sample in samples)
    answers = sorted(read_each(entries, _answer), key=lambda answer: (answer.case or "", answer.repeat))
    version = text_of(object_of(about.get("packages")).get("inspect_ai")) or None
    return [Results(NAME, version, name_of(settings["model"] or file.stem), tuple(answers), settings, notes)]


def _log(file: File) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    if file.ending != "eval":
        return file.mapping, [object_of(sample) for sample in file.mapping.get("samples") or ()]
    members = file.members(lambda name: name == "header.json" or (name.startswith("samples/") and name.endswith(".json")))
    if "header.json" not in members:
        raise InputError(f"{file.path}: the log has no header, its evaluation never ended: `inspect log recover` mends it")
    return object_of(members["header.json"]), [object_of(member) for name, member in members.items() if name.startswith("samples/")]


def _answer(where: str, sample: Mapping[str, Any]) -> Answer:
    target, failed = sample.get("target"), object_of(sample.get("error"))
    used = [object_of(one) for one in object_of(sample.get("model_usage")).values()]
    name = text_of(sample.get("id"))
    return Answer(
        where=where,
        question=conversation(sample.get("input")),
        text=_said(object_of(sample.get("output"))),
        values=dict(_values(object_of(sample.get("scores")))),
        case=name or None,
        repeat=max(1, count_of(sample.get("epoch"))),
        reference=text_of(target[0] if isinstance(target, list) and len(target) == 1 else target) or None,
        labels=labels_of(sample.get("metadata")),
        error=(text_of(failed.get("message")) or "no message") if failed else None,
        prompt_tokens=sum(count_of(one.get("input_tokens")) for one in used),
        generated_tokens=sum(count_of(one.get("output_tokens")) for one in used),
        total_s=seconds_of(sample.get("working_time")),
    )


def _said(output: Mapping[str, Any]) -> str:
    """The completion, or what the first choice says where an older log has none."""
    if "completion" in output:
        return text_of(output["completion"])
    choices = output.get("choices") or [{}]
    return conversation([{"content": object_of(object_of(choices[0]).get("message")).get("content")}])


def _values(scores: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """A score is a grade, a number, a truth value, or an object of those; of an object each key is a metric of its own."""
    for name, score in scores.items():
        score = object_of(score)
        detail = {"explanation": text_of(score["explanation"])[:2000]} if score.get("explanation") else {}
        source = "model" if name.startswith("model_graded") else "code"
        given = score.get("value")
        for key, value in given.items() if isinstance(given, Mapping) else (("", given),):
            value = _GRADES.get(value, value) if isinstance(value, str) else value
            yield f"{name}/{key}" if key else name, value_of(value, source=source, detail=detail)
