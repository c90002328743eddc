"""Costs: AWS's own formula gives AWS's own figures, and nothing costs nothing only where nothing was made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import InputError, UnknownIdError
from runner.costs import price, prices, usd_per_million_tokens


@pytest.mark.parametrize(
    ("tokens_per_s", "usd_per_hour", "published"),
    [(859.09, 5.608, 1.81), (859.09, 12.98, 4.20), (521.96, 5.608, 2.98), (521.96, 12.98, 6.91)],
)
def test_the_formula_gives_the_figures_that_aws_publishes_for_inf2(tokens_per_s, usd_per_hour, published):
    cost = usd_per_million_tokens(round(tokens_per_s * 1000), 1000.0, usd_per_hour)
    assert cost is not None and round(cost, 2) == pytest.approx(published, abs=0.011)


@given(st.integers(1, 10**9), st.floats(0.001, 1e6), st.floats(0.01, 100))
def test_twice_the_pace_is_half_the_price(tokens, seconds, usd_per_hour):
    slow, fast = usd_per_million_tokens(tokens, seconds, usd_per_hour), usd_per_million_tokens(2 * tokens, seconds, usd_per_hour)
    assert slow is not None and fast is not None and slow == pytest.approx(2 * fast)


def test_no_tokens_means_no_cost_per_token_rather_than_zero():
    assert usd_per_million_tokens(0, 5.0, 1.0) is None
    assert usd_per_million_tokens(5, 0.0, 1.0) is None
    with pytest.raises(InputError, match="-1"):
        usd_per_million_tokens(-1, 5.0, 1.0)


def test_every_price_has_a_source_a_date_and_a_kind():
    assert all(row.usd_per_hour > 0 and row.source and len(row.date) == 10 for row in prices().values())
    assert {row.kind for row in prices().values()} == {"reserved", "on-demand", "illustrative"}
    assert price("cpu-2-cores").kind == "illustrative"


def test_a_machine_without_a_price_and_a_broken_file_are_named(tmp_path):
    with pytest.raises(UnknownIdError, match="abacus"):
        price("abacus")
    (tmp_path / "p.yaml").write_text("machines: [1]")
    with pytest.raises(InputError, match="price list"):
        prices(tmp_path / "p.yaml")
