"""What is said of a rail: its figures as long as it is the rail that was measured, else that it is unverified."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.paths import ROOT
from guardrails import RAILS, measured
from guardrails.measured import Measured, standing, version

ROW = Measured("contact", "de", 0.931, 105, 0.004, 1000, "made here", version("contact"))
FIGURES = {("contact", "de"): ROW}


def test_a_figure_is_shown_with_how_many_texts_it_rests_on() -> None:
    assert str(standing("contact", "de", FIGURES)) == "recall 93 % of 105 · false positives 0.4 % of 1,000"
    assert str(standing("contact", "de", {("contact", "de"): replace(ROW, recall=None, n_attacks=0)})).startswith("recall unverified")


def test_a_rail_nobody_measured_in_a_language_or_that_changed_since_is_unverified() -> None:
    assert str(standing("contact", "ta", FIGURES)) == "unverified: not measured in this language"
    changed = {("contact", "de"): replace(ROW, version="before")}
    assert str(standing("contact", "de", changed)) == "unverified: the rail has changed since it was measured"


def test_the_version_is_of_words_model_and_code(tmp_path: Path) -> None:
    seen = set()
    for name in ("guardrails/contact.py", "data/guardrails/contact.yaml", "data/models/contact/weights.npz", "guardrails/numbers.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
        version.cache_clear()
        seen.add(version("contact", tmp_path))
    assert len(seen) == 4


@pytest.mark.parametrize("rail", RAILS)
def test_every_rail_has_files_that_decide_what_it_finds(rail: str) -> None:
    assert (ROOT / "guardrails" / f"{rail}.py").is_file() or measured.ALSO.get(rail)
    assert all((ROOT / name).is_file() for name in measured.ALSO.get(rail, ()))


def test_figures_are_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    assert measured.load(path) == {}
    measured.write([ROW, replace(ROW, language="ar", recall=None)], "dev", path)
    assert list(measured.load(path).values()) == [replace(ROW, language="ar", recall=None), ROW]


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text('{"figures": [{"rail": "contact"}]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"measured\.json: not a table"):
        measured.load(path)


def test_the_shipped_figures_are_of_rails_and_languages_that_there_are() -> None:
    for (rail, language), row in measured.load().items():
        assert rail in RAILS and language in LANGUAGES and row.n_attacks + row.n_benign > 0
        assert all(share is None or 0 <= share <= 1 for share in (row.recall, row.false_positive_rate))
