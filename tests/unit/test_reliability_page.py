"""The page that counts the faults tells the truth: each test it names is there, and the count is the sum of its rows."""

from __future__ import annotations

import re

from evals.paths import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\|.*\| (\d+) \| `(test_\w+)` \|$", PAGE, flags=re.MULTILINE)


def test_every_fault_on_the_page_names_a_test_that_is_there() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "integration").glob("test_label_studio_*.py"))
    assert [name for _, name in ROWS if f"def {name}(" not in tests] == []


def test_the_count_of_faults_is_the_sum_of_the_rows() -> None:
    (said,) = re.findall(r"\*\*(\d+) faults are tried\*\*", PAGE)
    assert len(ROWS) > 20 and int(said) == sum(int(count) for count, _ in ROWS)
