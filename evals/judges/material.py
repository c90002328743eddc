"""What a judge is given of a case and an output: the question, the evidence, a reference answer."""

from __future__ import annotations

import regex

from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import AspectRow, Case, Output, Passage

_SURROGATES = regex.compile(r"[\ud800-\udfff]")
_QUESTION = {"highlights": "What do the reviewers of this product say, aspect by aspect?"}


def mended(text: str) -> str:
    """Without lone surrogates, which no server, no database and no Ragas takes; as long as before."""
    return _SURROGATES.sub("\ufffd", text)


def question(case: Case) -> str:
    """What the output answers."""
    return str(case.inputs.get("question") or "") or _QUESTION.get(case.feature, "What does the evidence say?")


def contexts(case: Case, output: Output) -> list[str]:
    """What the output may rest on: the aspect table in words, then the passages."""
    return [_counted(case, row) for row in output.aspects] + [heading(case, passage) + passage.text for passage in output.passages]


def heading(case: Case, passage: Passage) -> str:
    """What a passage needs before it to be understood: the name of an attribute of which it is the bare value, else nothing."""
    if passage.source != "attribute":
        return ""
    key = regex.split("[/:#]", passage.source_id)[-1]
    known = pack(case.language).attributes if case.language in LANGUAGES else {}
    name = known.get(key) or key.replace("_", " ")
    return "" if passage.text.strip().casefold().startswith(name.casefold()) else f"{name}: "


def reference(case: Case) -> str | None:
    """The answer somebody wrote for the case: the first of several; None where there is none."""
    given = case.inputs.get("reference")
    first = next((one for one in given if isinstance(one, str) and one.strip()), None) if isinstance(given, list | tuple) else given
    return first if isinstance(first, str) and first.strip() else None


def aspect_name(case: Case, aspect: str) -> str:
    """As a shopper of the case's language reads it."""
    known = pack(case.language).aspects if case.language in LANGUAGES else {}
    return known[aspect].name if aspect in known else aspect.replace("_", " ")


def _counted(case: Case, row: AspectRow) -> str:
    total = row.positive + row.negative
    name = aspect_name(case, row.aspect)
    return f"{name}: {row.positive} of {total} opinions are positive, {row.negative} negative; {row.neutral} more take no side."
