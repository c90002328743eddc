"""Requirements in one line: what each becomes, and where a mistake stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import PolicyError
from evals.gate import parse_policy
from evals.gate.policy.criteria import LONGEST, read_criteria


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("grounded >= 0.97", {"kind": "floor", "metric": "grounded", "source": "human", "floor": 0.97, "min_labels": 99}),
        ("citations >= 97%", {"kind": "floor", "metric": "citations", "source": "code", "floor": 0.97}),
        ("hallucinated_share <= 3%", {"kind": "floor", "metric": "hallucinated_share", "source": "code", "most": 0.03}),
        ("grounded >= champion - 0.05", {"kind": "non_inferiority", "metric": "grounded", "margin": 0.05, "min_labels": 59}),
        ("grounded > champion - 5 %", {"kind": "non_inferiority", "margin": 0.05}),
        ("grounded >= 99.9% of champion", {"kind": "parity", "share": 0.999, "min_labels": 2995}),
        ("length >= 90% of champion", {"kind": "length", "share": 0.9}),
        ("blocked <= 5%", {"kind": "ceiling", "event": "blocked", "ceiling": 0.05}),
        ("finding:contact < 0.01", {"kind": "ceiling", "event": "finding:contact", "ceiling": 0.01}),
        ("first_token/p99 < 1s", {"kind": "tail_latency", "time": "first_token", "quantile": 0.99, "seconds": 1.0, "confidence": 0.99}),
        ("TTFT/P95 < 800ms".replace("TTFT", "ttft"), {"time": "first_token", "quantile": 0.95, "seconds": 0.8, "confidence": 0.95}),
        ("total/p90 < 3 s", {"time": "total", "quantile": 0.9, "seconds": 3.0}),
        ("cost <= 1.1x", {"kind": "cost", "max_ratio": 1.1}),
        ("cost<=0.5usd", {"kind": "cost", "max_usd_per_million_tokens": 0.5}),
    ],
)
def test_a_criterion_becomes_the_requirement_it_is_short_for(line: str, row: dict[str, Any]) -> None:
    (found,) = read_criteria(line)
    assert {key: found[key] for key in row} == row


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("grounded >= 0.97 or blocked <= 5%", 18, "expected 'and', found 'or'"),
        ("grounded >=", 12, "expected a number, found the end"),
        ("grounded = 0.9", 10, "'=' means nothing here"),
        ("grounded >= 97", 13, "97 is no share"),
        ("grounded >= 1s", 13, "expected a share"),
        ("blocked >= 5%", 9, "at most"),
        ("grounded <= champion - 5%", 10, "from below"),
        ("grounded >= champion + 5%", 22, "'+' means nothing here"),
        ("latency/p99 < 1s", 1, "not of 'latency'"),
        ("first_token/p98 < 1s", 13, "expected 'p50' or"),
        ("first_token < 1s", 1, "needs a percentile"),
        ("first_token/p99 < 1", 19, "expected seconds"),
        ("cost <= 1.1", 9, "expected 1.1x"),
        ("length >= 0.9", 11, "length >= 90% of champion"),
        ("grounded:ja >= 0.9", 1, "only finding has a part"),
        ("and", 4, "expected '>='"),
        ("", 1, "expected a metric"),
    ],
)
def test_a_mistake_is_named_with_its_column_and_what_was_expected(line: str, column: int, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_criteria(line)
    assert f"criteria, column {column}:" in str(caught.value) and said in str(caught.value)


def test_a_policy_may_be_one_line() -> None:
    line = "grounded >= champion - 10% and language_adherence >= 0.95 and first_token/p99 < 1s and blocked <= 5% and cost <= 0.5usd"
    policy = parse_policy({"version": 1, "feature": "highlights", "criteria": line, "usd_per_hour": 2.0})
    assert [row.kind for row in policy.requirements] == ["non_inferiority", "floor", "tail_latency", "ceiling", "cost"]
    assert policy.requirements[-1].usd_per_hour == 2.0 and all(row.critical for row in policy.requirements)


def test_the_line_is_added_to_the_requirements_and_may_not_repeat_a_name() -> None:
    raw = {"version": 1, "feature": "highlights", "requirements": [{"name": "blocked", "kind": "regression"}]}
    assert len(parse_policy(raw | {"criteria": "error <= 1%"}).requirements) == 2
    with pytest.raises(PolicyError, match="two requirements are named 'blocked'"):
        parse_policy(raw | {"criteria": "blocked <= 1%"})
    with pytest.raises(PolicyError, match="criteria, column 9"):
        parse_policy(raw | {"criteria": "blocked ! 1%"})


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    said = "criteria"
    try:
        assert read_criteria(text)
    except PolicyError as error:
        said = str(error)
    assert said.startswith("criteria")


def test_a_line_of_a_megabyte_is_refused_at_once() -> None:
    with pytest.raises(PolicyError, match=str(LONGEST)):
        read_criteria("a " * 500_000)
