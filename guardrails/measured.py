"""What each rail was found to be worth in each language: ``data/guardrails/measured.json``, written by ``benchmarks/quality/rails.py``.

A figure counts as long as the rail is what was measured: its version is a hash of its words, its model and its code. Without a figure,
and after a change, a rail is *unverified* in that language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from evals.errors import InputError
from evals.identity import file_sha256, sha256
from evals.paths import DATA, ROOT

PATH = DATA / "guardrails" / "measured.json"
UNVERIFIED = "unverified"
# Files that decide what a rail finds, besides guardrails/NAME.py, data/guardrails/NAME.* and data/models/NAME/*.
_WORDS = ("guardrails/words.py", "guardrails/phrases.py")
ALSO: dict[str, tuple[str, ...]] = {
    "contact": ("guardrails/numbers.py", "guardrails/network.py"),
    "identity": ("guardrails/national_ids.py", "guardrails/numbers.py"),
    "injection": ("guardrails/phrases.py", "guardrails/disguise.py", "guardrails/injection_model.py"),
    "leak": ("guardrails/phrases.py", "data/guardrails/injection.yaml"),
    "citation": ("evals/claims/cutting.py",),
    "language": ("evals/identification.py",),
    "hate": (*_WORDS, "guardrails/linear.py"),
    "unsafe": (*_WORDS, "guardrails/linear.py"),
    "topic": _WORDS,
    "competitor": (*_WORDS, "guardrails/commerce.py", "data/guardrails/commerce.yaml"),
    "offer": (*_WORDS, "guardrails/commerce.py", "data/guardrails/commerce.yaml"),
    "health": _WORDS,
    "grounding": ("evals/grounding/rules.py",),
}


@dataclass(frozen=True)
class Measured:
    """One rail in one language. `recall`: share of `n_attacks` texts with a hit; `false_positive_rate`: of `n_benign` texts; None where
    there was no text. `sets`: where the texts are from."""

    rail: str
    language: str
    recall: float | None
    n_attacks: int
    false_positive_rate: float | None
    n_benign: int
    sets: str
    version: str


@dataclass(frozen=True)
class Standing:
    """What can be said of a rail in a language: its figures, or why it is unverified."""

    figures: Measured | None
    reason: str = ""

    def __str__(self) -> str:
        """``recall 93 % of 105 · false positives 0.4 % of 1,000``."""
        if self.figures is None:
            return f"{UNVERIFIED}: {self.reason}"
        one = self.figures
        return f"recall {_percent(one.recall, one.n_attacks)} · false positives {_percent(one.false_positive_rate, one.n_benign)}"


def _percent(share: float | None, n: int) -> str:
    if share is None:
        return UNVERIFIED
    return f"{100 * share:.{1 if share and share < 0.1 else 0}f} % of {n:,}"


Figures = Mapping[tuple[str, str], Measured]  # by rail and language


def load(path: Path = PATH) -> dict[tuple[str, str], Measured]:
    """Every figure; none where nothing was measured yet. Raises InputError naming the file."""
    if not path.exists():
        return {}
    try:
        rows = [Measured(**row) for row in json.loads(path.read_text(encoding="utf-8"))["figures"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a table of figures: {error!r}") from error
    return {(row.rail, row.language): row for row in rows}


def write(rows: Iterable[Measured], part: str, path: Path = PATH) -> None:
    """`part`: of the public sets, ``dev`` or ``holdout``. A figure a line, so that a change can be read."""
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in sorted(rows, key=lambda row: (row.rail, row.language))]
    path.write_text(f'{{"part": "{part}", "figures": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


@cache
def version(rail: str, root: Path = ROOT) -> str:
    """A hash of the files that decide what a rail finds."""
    names = {root / "guardrails" / f"{rail}.py", *(root / name for name in ALSO.get(rail, ()))}
    names |= {*(root / "data" / "guardrails").glob(f"{rail}.*"), *(root / "data" / "models" / rail).glob("*")}
    parts = [f"{path.relative_to(root).as_posix()} {file_sha256(path)}" for path in sorted(names) if path.is_file()]
    return sha256("\n".join(parts))[:16]


def standing(rail: str, language: str, figures: Figures) -> Standing:
    """Whether what was measured still holds."""
    found = figures.get((rail, language))
    if found is None:
        return Standing(None, "not measured in this language")
    if found.version != version(rail):
        return Standing(None, "the rail has changed since it was measured")
    return Standing(found)
