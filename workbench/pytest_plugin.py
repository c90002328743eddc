"""A pytest plugin: ``assert`` is an invariant, ``plumb.log_score`` a signal.

    def test_weight(plumb):
        answer = assistant("How heavy is it?")
        assert "[1]" in answer                                             # must always hold: pytest fails
        plumb.log_score("states_weight", "248 g" in answer, case="hp-en")  # may vary: judged over all cases

Signals come together in a JSON lines file (``--plumb-results``) that ``plumb import results`` reads, and in a summary. With
``--plumb-criteria "states_weight >= 0.9"`` the session fails unless the interval over all cases lies on the right side: too few cases are
no pass. Works under pytest-xdist. Nothing of the workbench is loaded before a test logs something.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]
PROPERTY = "plumb"  # signals travel with a test's report, also from another process
INVARIANT = "invariant"
_COLUMNS = ("case_id", "repeat", "variant", "test", "language", "product", "output")


class Plumb:
    """What a test logs to."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._logged: set[tuple[str, str]] = set()

    def log_score(
        self,
        metric: str,
        value: float | bool | None,
        *,
        case: str | None = None,
        reason: str | None = None,
        language: str | None = None,
        product: str | None = None,
        output: str | None = None,
    ) -> None:
        """Record a metric's value for a case (else for this test): a finite number, True or False; or None with the reason why not.

        `product`: cases of one product are one cluster. Raises ValueError for a value, a name or a second value that cannot be kept.
        """
        where = case if case is not None else self._item.nodeid
        _check(metric, value, reason)
        if (where, metric) in self._logged:
            raise ValueError(f"{metric} was logged already for case {where!r}")
        self._logged.add((where, metric))
        said = {"language": language, "product": product, "output": output}
        row = {"case_id": where, "metric": metric, "value": None if value is None else float(value), "reason": reason}
        kept = {name: text for name, text in said.items() if text is not None}
        self._item.user_properties.append((PROPERTY, json.dumps(row | kept)))


@pytest.fixture
def plumb(request: pytest.FixtureRequest) -> Plumb:
    """Logs signals: ``plumb.log_score(metric, value, case=…)``."""
    return Plumb(request.node)


def _check(metric: str, value: float | bool | None, reason: str | None) -> None:
    from evals.peers.table import KNOWN

    if not re.fullmatch(r"[A-Za-z_]\w{0,60}", metric) or metric in KNOWN or metric in (*_COLUMNS, INVARIANT):
        raise ValueError(f"{metric!r} cannot name a metric: a word that is no column of a table of results")
    if value is None and not reason:
        raise ValueError(f"{metric}: None needs the reason why nothing was measured")
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{metric}: {value} is no finite number; None with a reason says that nothing was measured")


# ---------------------------------------------------------------------------------------------- over a session


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Signals:
    """What all tests logged, in the order of their reports, and what the criteria say of it."""

    criteria: list[Row]
    variant: str | None
    logged: list[Row] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    verdicts: list[tuple[str, bool]] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    self.logged.append({"test": report.nodeid} | json.loads(str(value)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path = _option(session.config, "results")
        if path:
            _write(Path(path), self.rows())
        self.verdicts = [_verdict(row, self.rows()) for row in self.criteria]
        if session.exitstatus == pytest.ExitCode.OK and not all(holds for _, holds in self.verdicts):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.logged and not self.verdicts:
            return
        from evals.text import visible

        terminalreporter.section("signals")
        for line in _summary(self.rows()):
            terminalreporter.line(visible(line))
        for said, holds in self.verdicts:
            terminalreporter.line(visible(said), green=holds, red=not holds)

    def rows(self) -> list[Row]:
        """One row a case, as a table of results has them: metrics as columns, `INVARIANT` 0 where a test of the case failed. A metric that
        another test logged for the same case makes a further row of it, a repeat."""
        found: dict[tuple[str, int], Row] = {}
        for one in self.logged:
            repeat = 1
            while one["metric"] in found.get((one["case_id"], repeat), ()):
                repeat += 1
            row = found.setdefault((one["case_id"], repeat), self._empty(one, repeat))
            row[one["metric"]] = one["value"]
            row |= {f"{one['metric']}_reason": one["reason"]} if one["reason"] else {}
            row |= {name: one[name] for name in ("language", "product", "output") if name in one}
            row[INVARIANT] *= float(one["test"] not in self.failed)
        return list(found.values())

    def _empty(self, one: Row, repeat: int) -> Row:
        variant = {"variant": self.variant} if self.variant else {}
        return {"case_id": one["case_id"], "test": one["test"], INVARIANT: 1.0} | variant | ({"repeat": repeat} if repeat > 1 else {})


def _write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _values(rows: Iterable[Row]) -> dict[str, list[tuple[str, float | None]]]:
    """Metric → (cluster, value) of each row that has it."""
    found: dict[str, list[tuple[str, float | None]]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in _COLUMNS and not name.endswith("_reason"):
                found.setdefault(name, []).append((str(row.get("product", row["case_id"])), value))
    return found


def _summary(rows: list[Row]) -> Iterator[str]:
    for name, values in _values(rows).items():
        known = [value for _, value in values if value is not None]
        mean = f"mean {sum(known) / len(known):.3f}" if known else "nothing measured"
        missing = f", {len(values) - len(known)} not measured" if len(known) < len(values) else ""
        yield f"{name}: {mean} over {len(known)} cases{missing}"


def _verdict(row: Mapping[str, Any], rows: list[Row]) -> tuple[str, bool]:
    """A sentence, and whether the criterion was shown to hold. What was not measured counts as the worst there is."""
    import numpy as np

    from evals.statistics.paired import Sample, sampled_mean

    name, least = row["metric"], "floor" in row
    line = row["floor"] if least else row["most"]
    said = f"{name} {'>=' if least else '<='} {line:g}"
    values = _values(rows).get(name, [])
    filled = np.array([float(not least) if value is None else value for _, value in values], dtype=float)
    if not values:
        return f"{said}: no test logged it", False
    if filled.min() < 0 or filled.max() > 1:
        return f"{said}: has values outside 0 … 1, of which no share can be shown", False
    clusters = np.unique([cluster for cluster, _ in values], return_inverse=True)[1]
    interval = sampled_mean(Sample.complete(filled, clusters, 0.0, 1.0), alpha=0.05, line=line).interval
    if interval.low is None or interval.high is None:
        return f"{said}: undecided, {interval.reason}", False
    holds = interval.low >= line if least else interval.high <= line
    broken = interval.high < line if least else interval.low > line
    shown = f"{interval.estimate:.3f} ({100 * interval.level:g} % interval {interval.low:.3f} to {interval.high:.3f}), {len(filled)} cases"
    return f"{said}: {'holds' if holds else 'does not hold' if broken else 'undecided, too few cases'}: {shown}", holds


# ---------------------------------------------------------------------------------------------- options


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plumb", "signals (Plumbline)")
    for name, text in _OPTIONS.items():
        group.addoption(f"--plumb-{name}", default=None, help=text)
        parser.addini(f"plumb_{name}", text, default="")


_OPTIONS = {
    "results": "write what was logged to this file, JSON lines for `plumb import results`",
    "criteria": "fail the session unless these hold, as `correct >= 0.9 and invented <= 5%%`",
    "variant": "the name of what is tested, written into each row of the results",
}


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(f"plumb_{name}") or config.getini(f"plumb_{name}") or "")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a process of pytest-xdist logs, its master reads
        config.pluginmanager.register(Signals(_criteria(_option(config, "criteria")), _option(config, "variant") or None), "plumb-signals")


def _criteria(text: str) -> list[Row]:
    if not text:
        return []
    from evals.errors import PolicyError
    from evals.gate.policy.criteria import read_criteria

    try:
        rows = read_criteria(text)
    except PolicyError as error:
        raise pytest.UsageError(str(error)) from error
    if other := [row["name"] for row in rows if row["kind"] != "floor"]:
        raise pytest.UsageError(f"criteria of a test session name a metric and a share, as `correct >= 0.9`, not {', '.join(other)}")
    return rows
