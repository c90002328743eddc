"""Figures as JSON: traces, order, colours; and the theme's colour lists, which Plotly takes only when they have ten entries."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pandas as pd
import pytest

from evals.paths import ROOT
from evals.store import PairedMean
from workbench import charts, queries


def frame(*rows: tuple[str, str, int, float]) -> pd.DataFrame:
    means = [PairedMean(metric, tag, n, 0.9, 0.9 + d, d, n * d * d + 0.01 * n, 1, 2) for metric, tag, n, d in rows]
    return queries.comparison_frame(means)


def drawn(figure: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(figure.to_json())
    return parsed


@pytest.fixture
def heat() -> dict[str, Any]:
    return drawn(charts.slice_heatmap(frame(("grounded", "en", 100, -0.2), ("grounded", "ja", 8, -0.5)), ["grounded"]))


def test_a_cell_with_few_cases_keeps_its_number_and_loses_its_colour(heat: dict[str, Any]) -> None:
    cells, targets = heat["data"]
    assert dict(zip(cells["y"], (row[0] for row in cells["z"]), strict=True))["ja"] == 0
    assert dict(zip(cells["y"], (row[0] for row in cells["z"]), strict=True))["en"] == pytest.approx(-0.2)
    shown = dict(zip(targets["y"], targets["text"], strict=True))
    assert "−0.50" in shown["ja"] and "n 8" in shown["ja"]
    inks = dict(zip(targets["y"], targets["textfont"]["color"], strict=True))
    assert inks["ja"] != inks["en"]


def test_all_languages_stand_on_top_and_every_cell_knows_what_it_is(heat: dict[str, Any]) -> None:
    assert heat["layout"]["yaxis"]["ticktext"] == ["<b>all</b>", "English", "Japanese"]
    assert heat["layout"]["yaxis"]["range"] == [2.5, -0.5]
    assert ["grounded", "ja"] in heat["data"][1]["customdata"]


def test_a_metric_that_a_language_lacks_leaves_a_hole() -> None:
    figure = drawn(charts.slice_heatmap(frame(("a", "en", 50, 0.1), ("b", "en", 50, 0.1), ("b", "ja", 50, 0.1)), ["a", "b"]))
    cells = figure["data"][0]
    assert cells["z"][cells["y"].index("ja")][0] is None


@pytest.mark.parametrize("dark", [False, True])
def test_ink_and_ground_differ_in_each_theme(dark: bool) -> None:
    figure = drawn(charts.forest([charts.Row("all", -0.1, -0.2, 0.0)], dark))
    assert figure["layout"]["font"]["color"] == charts.palette(dark).ink
    assert figure["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_a_forest_keeps_the_whole_on_top_then_the_worst_and_the_unknown_last() -> None:
    rows = [
        charts.Row("all", -0.1, -0.2, 0.0, "inconclusive", 0.1),
        charts.Row("good", 0.2, 0.1, 0.3, "pass", 0.3),
        charts.Row("unknown", None, None, None, "unverified", 0.3),
        charts.Row("bad", -0.5, -0.7, -0.4, "fail", 0.3),
    ]
    figure = drawn(charts.forest(rows))
    assert figure["layout"]["yaxis"]["categoryarray"][::-1] == ["all", "bad", "good", "unknown"]
    margins, *bars, points = figure["data"]
    assert margins["x"] == pytest.approx([-0.1, -0.3, -0.3, -0.3])
    assert len(bars) == 3
    assert points["marker"]["color"][1] == charts.VERDICT_COLOURS["fail"]
    assert points["x"][3] is None


def test_the_longest_backlog_comes_first() -> None:
    rows = pd.DataFrame({"language": ["en", "ja", "ar"], "done": [9, 2, 0], "open": [1, 5, 7]})
    assert drawn(charts.backlog(rows))["data"][0]["x"] == ["ar", "ja", "en"]


def test_no_chart_offers_to_send_its_data_anywhere() -> None:
    assert charts.CONFIG["showSendToCloud"] is False
    assert charts.CONFIG["displaylogo"] is False


# ---------------------------------------------------------------------------------------------- the theme


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["chartCategoricalColors", "chartDivergingColors"])
def test_each_list_of_chart_colours_has_exactly_ten(config: dict[str, Any], mode: str, name: str) -> None:
    colours = config["theme"][mode][name]
    assert len(colours) == len(set(colours)) == 10


def test_nothing_is_sent_or_fetched(config: dict[str, Any]) -> None:
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["address"] == "127.0.0.1"
    assert config["client"]["showErrorLinks"] is False
    assert "http" not in json.dumps(config["theme"])


def contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio of two sRGB colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_buttons_are_readable(config: dict[str, Any], mode: str) -> None:
    theme = config["theme"][mode]
    ground = theme.get("backgroundColor", "#ffffff")
    assert contrast(theme["textColor"], ground) >= 7
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_in_cells_are_readable_on_every_colour(dark: bool) -> None:
    colours = charts.palette(dark)
    assert all(contrast(colours.ink, ground) >= 4.5 for ground in (colours.better, colours.middle, colours.worse))
