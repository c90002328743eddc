"""``python -m benchmarks.quality.verifier_training``: data/models/verifier from the development parts; some three minutes of one core."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.data import Sets
from benchmarks.quality.verifier_rows import TRAINED, Labelled, rows_of
from evals.grounding.evidence import runs_in, words_of
from evals.grounding.learned import BACKGROUND, Learned, saved
from evals.grounding.training import fit, rarities
from evals.grounding.training_data import FOLDS, MOST_ROWS, Example
from evals.grounding.training_forests import CLAIMS, TEXTS
from evals.grounding.verifier import SHIPPED, Verifier
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.text import sentences


def main() -> int:
    """Writes the model and its recipe."""
    began = time.perf_counter()
    rows = [row for name in TRAINED for row in rows_of(Sets("dev"), name)]
    background = rarities(_words(rows))
    fitted = fit(examples(rows, background), background)
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    SHIPPED.write_bytes(saved(fitted.learned))
    recipe = json.dumps(_recipe(rows), indent=1, sort_keys=True)
    SHIPPED.with_name("recipe.json").write_text(recipe + "\n", encoding="utf-8")
    print(f"{SHIPPED.stat().st_size:,} bytes, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return 0


def _words(rows: Iterable[Labelled]) -> dict[str, list[list[str]]]:
    """Words by language: of every sentence of the sources, each source once; where there are none, of every text of our language pack."""
    sources = {(row.row["lang"], row.row["source"]) for row in rows}
    found: dict[str, list[list[str]]] = defaultdict(list)
    for tag in sorted(set(LANGUAGES) - {tag for tag, _ in sources}):
        found[tag] = [words_of(runs_in(text), tag) for text in sorted(set(_texts(asdict(pack(tag)))))]
    for tag, source in sorted(sources):
        found[tag] += [words_of(runs_in(span.text), tag) for span in sentences(source, tag)]
    return found


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        yield from (text for value in part.values() for text in _texts(value))
    elif isinstance(part, list | tuple):
        yield from (text for value in part for text in _texts(value))


def examples(rows: Sequence[Labelled], background: NDArray[np.uint8]) -> list[Example]:
    """The rows as they are looked at with this background."""
    looking = Looking(background)
    return [
        Example(row.part, row.group, row.row["lang"], tuple(looking.looks(row.items)), row.labels, row.label) for row in rows if row.items
    ]


class Looking(Verifier):
    """A verifier that knows which words are rare and nothing else yet."""

    def __init__(self, background: NDArray[np.uint8]) -> None:
        super().__init__()
        blank = np.zeros(0)
        object.__setattr__(self, "learned", Learned((), blank, blank, background, {}))


def _recipe(rows: Sequence[Labelled]) -> dict[str, Any]:
    return {
        "sets": dict(sorted(Counter(row.part for row in rows).items())),
        "part": "dev",
        "folds": FOLDS,
        "claims": asdict(CLAIMS),
        "texts": asdict(TEXTS),
        "most_rows": MOST_ROWS,
        "background": BACKGROUND,
    }


if __name__ == "__main__":
    raise SystemExit(main())
