"""A training set as a folder: one JSONL file per kind and split, ``provenance.jsonl`` beside them, and a datasheet that says what it is.

The same labels give the same bytes. Before a byte is written the store says which products are exposed, so that a stop at any point leaves
no file the gate does not know of; the datasheet comes last and names the other files by hash.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from annotators.training.feedback import Feedback
from annotators.training.rows import KINDS, PromptOf, Row, rows_of
from evals.errors import InputError, MoreNeededError
from evals.identity import sha256
from evals.partitions import Roles
from evals.records import FEATURES, Feature
from evals.statistics.agreement import Agreement
from evals.store import Store

SPLITS = ("train", "validation")
PROVENANCE, DATASHEET = "provenance.jsonl", "datasheet.md"
ROW_FILES = tuple(f"{kind}.{split}.jsonl" for kind, split in product(KINDS, SPLITS))


@dataclass(frozen=True)
class ExportSummary:
    """`files`: name → rows. `left_out`: reason → how many, of labels and of rows of a kind. `products` in the rows, `newly_exposed` of them
    for the first time. `simulated`, `redacted`: rows that scripts had a part in, that had personal data in them."""

    folder: Path
    files: Mapping[str, int]
    languages: Mapping[str, int]
    products: int
    newly_exposed: int
    simulated: int
    redacted: int
    left_out: Mapping[str, int]


def export(
    store: Store,
    folder: Path,
    *,
    prompt_of: PromptOf,
    feature: Feature | None = None,
    now: str,
    actor: str,
    include_simulated: bool = False,
) -> ExportSummary:
    """Write what may be trained on, of one feature or of both, in place of an earlier export in `folder`.

    Raises MoreNeededError, saying what is missing, where there is no row, and InputError where `folder` cannot be written to.
    """
    feedbacks = [Feedback(store, one, include_simulated=include_simulated) for one in FEATURES if feature in (None, one)]
    found = [row for feedback in feedbacks for kind in KINDS for row in rows_of(feedback, kind, prompt_of)]
    left_out = sum((feedback.left_out for feedback in feedbacks), Counter[str]())
    _prepare(folder)
    names = {str(row.provenance["product_id"]) for row in found}
    new = store.exposure.expose(names, actor, now, {"folder": str(folder), "feature": feature}) if names else 0
    roles = Roles.read(store)  # a dataset for the gate may have been made since the labels were read
    kept = [row for row in found if roles.may_train(row.provenance["product_id"])]
    if not kept:
        raise MoreNeededError(_what_is_missing(feedbacks, left_out))
    agreement = {at: one for feedback in feedbacks for at, one in _named(feedback).items()}
    texts, counts = _texts(kept), Counter(_file(row) for row in kept)
    _write(folder, texts | {DATASHEET: _datasheet(kept, texts, left_out, agreement)})
    return ExportSummary(
        folder=folder,
        files={name: counts[name] for name in ROW_FILES if name in counts} | {PROVENANCE: len(kept)},
        languages=dict(sorted(Counter(str(row.provenance["language"]) for row in kept).items())),
        products=len({row.provenance["product_id"] for row in kept}),
        newly_exposed=new,
        simulated=sum(bool(row.provenance["simulated"]) for row in kept),
        redacted=sum(bool(row.provenance["redacted"]) for row in kept),
        left_out=dict(sorted(left_out.items())),
    )


def _what_is_missing(feedbacks: Sequence[Feedback], left_out: Mapping[str, int]) -> str:
    features = " and ".join(feedback.feature for feedback in feedbacks)
    counted = "; ".join(f"{count:,} {why}" for why, count in sorted(left_out.items()))
    return (
        f"nothing to export for {features}: {counted or 'nobody has labelled anything yet'}. Set products aside (plumb run FEATURE --for "
        "training, for two variants), put them before people (plumb queue --rubric preference-v1 --rubric rewrite-v1 --rubric failures-v1, "
        "with those two run ids) and collect"
    )


def _named(feedback: Feedback) -> dict[tuple[str, str, str], Agreement]:
    return {(feedback.feature, *at): one for at, one in feedback.agreement().items()}


# ---------------------------------------------------------------------------------------------- files


def _file(row: Row) -> str:
    return f"{row.kind}.{row.provenance['split']}.jsonl"


def _texts(found: Sequence[Row]) -> dict[str, str]:
    lines: dict[str, list[str]] = defaultdict(list)
    for row in found:
        name = _file(row)
        lines[name].append(_line(row.content))
        lines[PROVENANCE].append(_line({"row_id": row.row_id, "file": name, "line": len(lines[name]), "kind": row.kind, **row.provenance}))
    return {name: "".join(lines[name]) for name in (*ROW_FILES, PROVENANCE) if lines[name]}


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _prepare(folder: Path) -> None:
    """A folder that cannot be made must cost the gate no product."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be a folder: {error.strerror}") from error


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Each file whole or not at all; what an earlier export left and this one has not is removed first, datasheet before all."""
    try:
        for name in (DATASHEET, *ROW_FILES, PROVENANCE):
            if name not in texts or name == DATASHEET:
                (folder / name).unlink(missing_ok=True)
        for name, text in texts.items():
            beside = folder / f".{name}.partial"
            beside.write_text(text, encoding="utf-8", newline="\n")
            os.replace(beside, folder / name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror}") from error


# ---------------------------------------------------------------------------------------------- datasheet


def _datasheet(
    found: Sequence[Row], texts: Mapping[str, str], left_out: Mapping[str, int], agreement: Mapping[tuple[str, str, str], Agreement]
) -> str:
    scripts = sum(bool(row.provenance["simulated"]) for row in found)
    masked = sum(bool(row.provenance["redacted"]) for row in found)
    people = {name for row in found for name in row.provenance["annotators"]}
    products = {row.provenance["product_id"] for row in found}
    return "\n\n".join(
        [
            "# Datasheet: what people said, to train on",
            f"{len(found)} rows about {len(products)} products, from {len(people)} annotators under pseudonyms. **Simulated: {scripts} of "
            f"{len(found)} rows ({scripts / len(found):.0%})** rest on labels that scripts gave. {masked} rows had personal data in their "
            "texts, which is masked (•••). Conventions: TRL, conversational; `dpo` preference, `kto` unpaired preference, `sft` "
            "prompt-completion. KTO wants both labels; see the counts.",
            _rows_table(found),
            "## How well people agree\n\nKrippendorff's alpha of the labels used, with a 95 % interval; – where too few items have two "
            "labels.\n\n" + _agreement_table(agreement),
            "## What was left out\n\n" + _table(("reason", "count"), sorted(left_out.items())),
            "## What must be known\n\n" + "\n".join(f"- {line}" for line in _NOTES),
            "## Files\n\n" + _table(("file", "rows", "SHA-256"), [(name, text.count("\n"), sha256(text)) for name, text in texts.items()]),
        ]
    ) + "\n"  # fmt: skip


_NOTES = (
    "No product in these files is in a dataset the gate reads, and none ever will be: exporting wrote that down. Train and validation "
    "share no product.",
    "Products are told apart by their ids. The same product listed twice under two ids, and reviews copied from one product to another, "
    "are not looked for.",
    "Prompts hold excerpts of customers' reviews, product attributes and questions: their licence is that of the catalogue they came from "
    "(the sample catalogue: Apache-2.0). What annotators wrote is yours to train on only as far as you agreed with them that it is.",
    "Cases were chosen where a judge was unsure as well as at random: shares in these files estimate nothing.",
    "A text a person left as it was is no row: the box is filled in before, and silence is not praise.",
    "Pseudonyms are hashes of our ids: enough to see that one person gave two labels, not enough to hide who from somebody with the store.",
)


def _rows_table(found: Sequence[Row]) -> str:
    counts = Counter((str(row.provenance["feature"]), str(row.provenance["language"]), _column(row)) for row in found)
    columns = sorted({column for *_, column in counts})
    places = sorted({place for *place_, _ in counts for place in [tuple(place_)]})
    return "## Rows\n\n" + _table(
        ("feature", "language", *columns), [(*place, *(counts[(place[0], place[1], column)] for column in columns)) for place in places]
    )


def _column(row: Row) -> str:
    label = {True: " true", False: " false"}.get(row.content.get("label"), "")  # type: ignore[arg-type]  # None for the other kinds
    return f"{row.kind}{label}, {row.provenance['split']}"


def _agreement_table(agreement: Mapping[tuple[str, str, str], Agreement]) -> str:
    return _table(
        ("feature", "question", "language", "alpha", "interval", "items", "annotators"),
        [(*at, *_alpha(one), one.interval.n, len(one.raters)) for at, one in sorted(agreement.items())],
    )


def _alpha(one: Agreement) -> tuple[str, str]:
    low, high, estimate = one.interval.low, one.interval.high, one.interval.estimate
    return ("–" if estimate is None else f"{estimate:.2f}", "–" if low is None or high is None else f"{low:.2f} … {high:.2f}")


def _table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
