"""The pytest plugin in real pytest sessions: asserts fail tests, signals are collected, criteria decide over all cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import NOW, a_store

import evals.gate.policy.criteria
import evals.statistics.paired  # noqa: F401  (in time: a session within this one forgets what it loads, and NumPy may be loaded but once)
from evals import peers
from evals.peers.importing import store_results

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "no:plumb", "-p", "workbench.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:xdist")


def session(pytester: pytest.Pytester, test: str, *arguments: str) -> Any:
    pytester.makepyfile(test)
    return pytester.runpytest_inprocess(*PLUGIN, *arguments)


MANY = """
import pytest

@pytest.mark.parametrize("number", range({cases}))
def test_answer(plumb, number):
    plumb.log_score("correct", number >= {wrong}, case=f"case-{{number}}", product=f"product-{{number}}", language="en")
"""


def test_signals_are_summarised_and_written_as_results_that_can_be_imported(pytester: pytest.Pytester) -> None:
    done = session(
        pytester,
        """
        def test_one(plumb):
            plumb.log_score("correct", True, case="a", language="ja", product="hp", output="軽い")
            plumb.log_score("judge", None, case="a", reason="timed out")

        def test_two(plumb):
            plumb.log_score("correct", 0.5)
            assert False

        def test_three(plumb):
            plumb.log_score("correct", False, case="a")
        """,
        "--plumb-results=out/signals.jsonl",
        "--plumb-variant=new",
    )
    done.assert_outcomes(passed=2, failed=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["*= signals =*", "correct: mean 0.500 over 3 cases", "judge: nothing measured over 0 cases, 1 not measured"])
    rows = [json.loads(line) for line in Path("out/signals.jsonl").read_text(encoding="utf-8").splitlines()]
    first, second, third = rows
    assert (first["case_id"], first["correct"], first["judge"], first["judge_reason"]) == ("a", 1.0, None, "timed out")
    assert (second["invariant"], third["invariant"], third["repeat"]) == (0.0, 1.0, 2)
    store = a_store()
    (results,) = peers.read([Path("out/signals.jsonl")])
    imported = store_results(store, "assistant", results, NOW)
    assert (imported.variant, imported.cases, imported.metrics["correct"], imported.metrics["judge"]) == ("new", 3, (3, 0), (0, 3))


@pytest.mark.parametrize(
    ("cases", "wrong", "criteria", "status", "said"),
    [
        (80, 0, "correct >= 0.9", 0, "correct >= 0.9: holds: 1.000 (90 % interval *"),
        (80, 40, "correct >= 0.9", 1, "correct >= 0.9: does not hold: 0.500 *, 80 cases"),
        (5, 0, "correct >= 90%", 1, "correct >= 0.9: undecided, too few cases: 1.000 *"),
        (1, 0, "correct >= 0.9", 1, "correct >= 0.9: undecided, 1 labelled cases of 1 products*"),
        (80, 80, "correct <= 5%", 0, "correct <= 0.05: holds: 0.000 *"),
        (80, 0, "absent >= 0.9", 1, "absent >= 0.9: no test logged it"),
    ],
)
def test_a_criterion_holds_when_the_interval_says_so(
    pytester: pytest.Pytester, cases: int, wrong: int, criteria: str, status: int, said: str
) -> None:
    done = session(pytester, MANY.format(cases=cases, wrong=wrong), f"--plumb-criteria={criteria}")
    assert done.ret == status
    done.stdout.fnmatch_lines([said])


def test_what_was_not_measured_counts_as_the_worst(pytester: pytest.Pytester) -> None:
    test = MANY.format(cases=40, wrong=0) + '\ndef test_gap(plumb):\n    plumb.log_score("correct", None, case="z", reason="no answer")\n'
    done = session(pytester, test, "--plumb-criteria=correct >= 0.5")
    done.stdout.fnmatch_lines(["correct >= 0.5: holds: 0.976 *, 41 cases"])


def test_criteria_may_stand_in_the_configuration(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nplumb_criteria = correct >= 0.9\nplumb_results = signals.jsonl\n")
    assert session(pytester, MANY.format(cases=80, wrong=80)).ret == 1
    assert len(Path("signals.jsonl").read_text(encoding="utf-8").splitlines()) == 80


@pytest.mark.parametrize("criteria", ["correct >=", "blocked <= 5%", "correct >= champion - 5%", "cost <= 1.1x"])
def test_criteria_that_a_session_cannot_read_are_wrong_usage(pytester: pytest.Pytester, criteria: str) -> None:
    done = session(pytester, MANY.format(cases=1, wrong=0), f"--plumb-criteria={criteria}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: criteria*"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('"two words", 1', "cannot name a metric"),
        ('"product", 1', "cannot name a metric"),
        ('"correct", float("nan")', "no finite number"),
        ('"correct", None', "needs the reason"),
        ('"again", 1', "was logged already"),
    ],
)
def test_what_cannot_be_kept_fails_the_test_that_logs_it(pytester: pytest.Pytester, call: str, said: str) -> None:
    done = session(pytester, f'def test_one(plumb):\n    plumb.log_score("again", 1)\n    plumb.log_score({call})\n')
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([f"*ValueError*{said}*"])


def test_values_beyond_a_share_are_summarised_and_decide_nothing(pytester: pytest.Pytester) -> None:
    done = session(pytester, 'def test_one(plumb):\n    plumb.log_score("seconds", 7.5)\n', "--plumb-criteria=seconds <= 0.5")
    done.stdout.fnmatch_lines(["seconds: mean 7.500 over 1 cases", "seconds <= 0.5: has values outside 0 … 1*"])
    assert done.ret == 1


def test_a_session_without_signals_is_as_if_the_plugin_were_not_there(pytester: pytest.Pytester) -> None:
    done = session(pytester, "def test_one():\n    pass\n")
    assert done.ret == 0
    assert "= signals =" not in done.stdout.str()


@pytest.mark.slow
def test_signals_of_several_processes_come_together(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MANY.format(cases=80, wrong=0))
    arguments = [argument for argument in PLUGIN if argument != "no:xdist"][:-1]
    done = pytester.runpytest_subprocess(*arguments, "-n", "2", "--plumb-criteria=correct >= 0.9", "--plumb-results=signals.jsonl")
    assert done.ret == 0
    assert len(Path("signals.jsonl").read_text(encoding="utf-8").splitlines()) == 80
