"""A decision on paper: the sentence first, the worst first, and hostile names harmless in every format."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from filled_store import fill
from markdown_it import MarkdownIt
from support import NOW, a_store

from evals.errors import InputError
from evals.records import Decision, Outcome
from evals.report import KINDS, Regression, exit_status, from_json, kind_of, render, shortened_report, worst_regressions
from evals.report.html import _bar
from evals.report.markdown import markdown_escape
from evals.report.wording import interval_text, line_text, worst_first

HOSTILE = "<script>alert(1)</script> | [x](https://evil.example) **b** @all `c` \u202eevil\u202c \x00\x1b[31m =1+1"


def a_cell(slice_name: str, verdict: str, estimate: float | None = None, **more: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("low", "high", "because", "p_fail", "effective_n", "judge_weight", "needed", "need"))
    bounds = {} if estimate is None else {"low": estimate - 0.1, "high": estimate + 0.1}
    shown = {
        "slice": slice_name,
        "verdict": verdict,
        "reason": f"because of {slice_name}",
        "estimate": estimate,
        "level": 0.9,
        "line": -0.05,
    }
    return blank | shown | {"n": 40, "clusters": 12, "method": "Dirichlet", "counts": {}} | bounds | more


def a_decision(outcome: Outcome = "hold", name: str = "grounded", variant: str = "lm-int8", critical: bool = True) -> Decision:
    requirement = {
        "name": name,
        "kind": "non_inferiority",
        "critical": critical,
        "verdict": "fail",
        "alpha": 0.05,
        "stated": {},
        "allocation": {},
        "cells": [
            a_cell("overall", "inconclusive", -0.02),
            a_cell("language=en", "pass", 0.08),
            a_cell("language=ja", "fail", -0.4),
            a_cell("language=ar", "unverified"),
            a_cell("language=de", "inconclusive", -0.1),
            a_cell("language=fr", "inconclusive", 0.1),
        ],
    }
    ceiling = a_cell("overall", "pass", 0.0, low=0.0, high=0.03, line=0.05)
    body = {
        "version": 1,
        "feature": "highlights",
        "outcome": outcome,
        "policy": {"sha256": "p" * 64, "alpha": 0.05, "looks": 2, "look": 1, "seed": 0},
        "dataset": {"dataset_id": "dataset-1", "name": "sample", "cases": 96},
        "runs": {role: {"run_id": f"run-{role}", "variant_id": "v", "variant": variant} for role in ("champion", "candidate")},
        "evidence": {"labels": "labels-1", "votes": 300, "annotators": 3, "simulated_annotators": 3},
        "requirements": [requirement, requirement | {"name": "blocked", "kind": "ceiling", "verdict": "pass", "cells": [ceiling]}],
        "plan": {
            "cases": 24, "available": 40, "beyond": 0, "claims": 168, "minutes": 84.0, "usd": 35.0,
            "by_slice": {"language=ja": 14, "language=ar": 10},
            "assumes": {"minutes_per_claim": 0.5, "usd_per_hour": 25.0, "claims_per_case": 7.0, "overlap": 1.0},
        },
    }  # fmt: skip
    return Decision(
        "decision-1", "highlights", "p" * 64, "run-champion", "run-candidate", outcome, f"{outcome}: {name} is open.", NOW, body
    )


class Reader(HTMLParser):
    """Collects tags and text, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("outcome", "status"), [("promote", 0), ("reject", 3), ("hold", 4)])
def test_the_exit_status_says_the_outcome(outcome: Outcome, status: int) -> None:
    assert exit_status(a_decision(outcome)) == status


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_decision_gives_the_same_text(kind) -> None:
    assert render(a_decision(), kind) == render(a_decision(), kind)


def test_json_comes_back_as_the_same_decision() -> None:
    for decision in (a_decision(), a_decision(name=HOSTILE), a_decision(variant="lone \ud800 surrogate")):
        text = render(decision, "json")
        assert from_json(text) == decision
        assert text.encode("utf-8")


def test_what_is_no_decision_is_refused() -> None:
    for text in ("", "[]", '{"outcome": "promote"}', "null"):
        with pytest.raises(InputError, match="not a decision"):
            from_json(text)


def test_markdown_begins_with_the_verdict_and_shows_the_worst_slice_first() -> None:
    text = render(a_decision(), "md")
    assert text.startswith("✋ **hold: grounded is open.**")
    order = [text.index(f"| {tag} |") for tag in ("ja", "ar", "de", "fr", "en")]
    assert order == sorted(order)
    assert "| ❌ fail | grounded | −0.020 (−0.120 to +0.080) | > −0.050 | 40 |" in text
    assert "**To settle it:** about 24 more labelled cases, 168 claims, 1.4 hours, 35 USD" in text
    assert "3 of 3 annotators are scripts, not people" in text and "Look 1 of 2 planned" in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_every_row_of_a_markdown_table_has_the_same_columns() -> None:
    for line in render(a_decision(name=HOSTILE), "md").splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7


def test_hostile_names_are_text_in_markdown() -> None:
    text = render(a_decision(name=HOSTILE, variant=HOSTILE), "md")
    assert "<script" not in text and "](https:" not in text and "@all" not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)
    assert markdown_escape("a\nb") == "a b"
    assert markdown_escape("a:smile: at 12:30 #7 100 %") == "a&#58;smile: at 12:30 #&#8203;7 100 %"


def test_a_markdown_reader_finds_no_markup_but_ours() -> None:
    """CommonMark with tables, as both forges read it: every hostile name comes out as the text it is."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    text = render(dataclasses.replace(a_decision(name=HOSTILE, variant=HOSTILE), reason=HOSTILE), "md", [LOST])
    flat = [token for block in reader.parse(text) for token in (block, *(block.children or ()))]
    html = {token.content.strip() for token in flat if token.type in ("html_inline", "html_block")}
    assert all(re.fullmatch(r"(</?details>)?(<summary>[^<]*</summary>)?|</?summary>", line) for line in html), html
    assert {token.attrs["href"] for token in flat if token.type == "link_open"} == {str(LOST.url).replace(")|(", "%29%7C%28")}
    assert not [token for token in flat if token.type in ("em_open", "code_block", "fence", "image")]
    assert any("| [x](https&#58;//evil.example) **b** @&#8203;all `c`" in line for line in html)  # in a summary Markdown is not read
    rows = [token for token in flat if token.type == "tr_open"]
    assert len(rows) == 3 + 2 + 6  # the requirements, the losses, the slices; each with its header


def test_hostile_names_are_text_in_html() -> None:
    text = render(a_decision(name=HOSTILE, variant=HOSTILE), "html")
    reader = Reader()
    reader.feed(text)
    assert "script" not in reader.tags and "alert(1)" in reader.text
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)


def test_the_page_needs_no_network_and_knows_light_and_dark() -> None:
    text = render(a_decision(), "html")
    reader = Reader()
    reader.feed(text)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert not [value for name, value in reader.attributes if name in ("src", "href")]
    assert "http://" not in text and "https://" not in text and "url(" not in text
    assert "prefers-color-scheme: dark" in text and "default-src 'none'" in text


def test_bars_of_one_requirement_share_a_scale() -> None:
    requirement = a_decision().body["requirements"][0]
    bars = {cell["slice"]: _bar(requirement, cell) for cell in requirement["cells"]}
    assert bars["language=ar"] is None
    drawn = [bar for bar in bars.values() if bar]
    assert len({bar["line"] for bar in drawn}) == 1
    assert min(bar["left"] for bar in drawn) == 2.0 and max(bar["left"] + bar["width"] for bar in drawn) == pytest.approx(98.0)


def test_junit_has_a_failure_for_each_fail_and_skips_with_a_reason() -> None:
    root = ElementTree.fromstring(render(a_decision(), "junit"))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["grounded in ja"].find("failure") is not None
    for name in ("grounded in ar", "grounded in de"):
        skipped = cases[name].find("skipped")
        assert skipped is not None and "because of" in str(skipped.get("message"))
    assert len(cases["blocked"]) == 0
    assert int(str(root.get("tests"))) == len(list(root.iter("testcase")))
    suite = root.find("testsuite[@name='grounded']")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped"), suite.get("tests")) == ("1", "4", "6")


def test_junit_fails_as_a_whole_unless_promoted_and_uncritical_fails_stay_out() -> None:
    for outcome, failures in (("promote", 0), ("hold", 1), ("reject", 1)):
        root = ElementTree.fromstring(render(a_decision(outcome, critical=False), "junit"))  # type: ignore[arg-type]  # parametrised
        assert len(root.findall(".//failure")) == failures
        assert sum(int(suite.get("failures", "0")) for suite in root.iter("testsuite")) == failures


def test_hostile_text_keeps_junit_well_formed() -> None:
    hostile = HOSTILE + " \ufffe\uffff ]]> \ud800"
    root = ElementTree.fromstring(render(dataclasses.replace(a_decision(name=hostile), reason=hostile), "junit"))
    assert "<script>" in str(root.find("testsuite").get("name"))  # type: ignore[union-attr]  # it is there


def test_slices_come_worst_first_and_among_equals_the_lowest() -> None:
    requirement = a_decision().body["requirements"][0]
    assert [cell["slice"] for cell in worst_first(requirement)] == [
        "overall", "language=ja", "language=ar", "language=de", "language=fr", "language=en",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------- the cases that lost most


LOST = Regression("grounded", "case-1", HOSTILE, "ja", 1.0, 0.25, "https://w.example/sample?case=case-1&a=x)|(")


def test_the_largest_losses_are_shown_with_links_that_cannot_break_out() -> None:
    text = render(a_decision(), "md", [LOST, dataclasses.replace(LOST, url=None)])
    assert "](https://w.example/sample?case=case-1&a=x%29%7C%28) | ja | grounded | 1.000 | 0.250 |" in text
    assert "`case-1` | ja |" in text and "<script" not in text
    page = render(a_decision(), "html", [LOST])
    reader = Reader()
    reader.feed(page)
    assert [value for name, value in reader.attributes if name == "href"] == [LOST.url]
    assert "script" not in reader.tags
    for kind in ("json", "junit"):
        assert render(a_decision(), kind, [LOST]) == render(a_decision(), kind)  # type: ignore[arg-type]  # two of the kinds


def test_the_largest_losses_are_those_that_people_saw() -> None:
    store = a_store()
    fill(store)
    decision = store.ledger.decisions("highlights")[0]
    found = worst_regressions(store, decision, lambda case: f"https://w.example/{case}")
    assert found and all(one.candidate < one.champion for one in found)
    by_people = [one for one in found if one.requirement == "grounded"]
    assert [one.candidate - one.champion for one in by_people] == sorted(one.candidate - one.champion for one in by_people)
    assert len(by_people) <= 5 and all(one.url == f"https://w.example/{one.case_id}" for one in found)
    later = dataclasses.replace(decision, body={**decision.body, "evidence": decision.body["evidence"] | {"labels": "labels-before"}})
    assert not [one for one in worst_regressions(store, later) if one.requirement == "grounded"]


# ---------------------------------------------------------------------------------------------- what else a decision may say


def with_body(**more: Any) -> Decision:
    decision = a_decision()
    return dataclasses.replace(decision, body={**decision.body, **more})


def test_a_waiver_is_in_sight_with_its_owner_and_its_end() -> None:
    row = {"requirement": "grounded", "slice": "language=ar", "was": "unverified", "loss": None, "max_loss": 0.05}
    signed = {"owner": "ann@example.org", "reason": HOSTILE, "expires": "2026-12-31", "signature": "f" * 64}
    for kind in ("md", "html"):
        text = render(with_body(waivers=[row | signed]), kind)  # type: ignore[arg-type]  # two of the kinds
        assert "grounded in ar: unverified waived by ann" in text and "until 2026-12-31 (nothing was measured; signed)" in text.replace(
            "\\", ""
        )
        assert "<script" not in text


def test_a_margin_that_annotators_errors_moved_is_told() -> None:
    requirement = a_decision().body["requirements"][0]
    for margin, told in ((0.06, True), (0.05, False)):
        text = render(with_body(requirements=[requirement | {"stated": {"margin": margin}}]), "md")
        assert ("so the margin 0.06 is read as 0.05." in text) == told


def test_looks_that_are_not_counted_and_a_self_test_are_told() -> None:
    tested = {"passed": True, "repetitions": 200, "requirements": [{}, {}]}
    policy = a_decision().body["policy"] | {"looks": "any", "look": 3, "level": 0.01}
    for kind in ("md", "html"):
        text = render(with_body(policy=policy, self_test=tested), kind)  # type: ignore[arg-type]  # two of the kinds
        assert "Look 3; any number is planned" in text
        assert "Self-test passed: 2 requirements, 200 repetitions of each trial" in text


@pytest.mark.parametrize(
    ("kind", "stated", "estimate", "line", "interval", "must"),
    [
        ("parity", {}, 0.985, 0.99, "98.5 % (88.5 % to 108.5 %)", "≥ 99 %"),
        ("length", {}, 0.85, 0.9, "85.0 % (75.0 % to 95.0 %)", "≥ 90 %"),
        ("ceiling", {}, 0.2, 0.05, "20.0 % (10.0 % to 30.0 %)", "≤ 5 %"),
        ("cost", {"max_ratio": 1.1}, 1.05, 1.1, "1.05× (0.95× to 1.15×)", "≤ 1.1×"),
        ("cost", {"max_usd_per_million_tokens": 0.5}, 0.4, 0.5, "0.4 USD (0.3 USD to 0.5 USD)", "≤ 0.5 USD"),
        ("floor", {}, 0.9, 0.8, "0.900 (0.800 to 1.000)", "> 0.800"),
        ("non_inferiority", {}, -0.02, -0.05, "−0.020 (−0.120 to +0.080)", "> −0.050"),
    ],
)
def test_each_kind_of_requirement_has_its_unit(
    kind: str, stated: dict[str, float], estimate: float, line: float, interval: str, must: str
) -> None:
    requirement, cell = {"kind": kind, "stated": stated}, a_cell("overall", "pass", estimate, line=line)
    assert (interval_text(requirement, cell), line_text(requirement, cell)) == (interval, must)


def test_a_report_that_is_too_long_for_a_comment_is_cut_between_lines_and_folded_up() -> None:
    text = render(a_decision(), "md")
    assert shortened_report(text, len(text)) == text
    for most in range(300, len(text), 97):
        cut = shortened_report(text, most)
        assert len(cut) <= most and cut.endswith("among the artefacts of the pipeline.\n")
        assert cut.count("<details>") == cut.count("</details>")


def test_the_ending_of_a_file_names_the_format() -> None:
    assert [kind_of(Path(name)) for name in ("a.md", "a.html", "a.json", "a.junit.xml")] == ["md", "html", "json", "junit"]
    with pytest.raises(InputError, match=r"a\.pdf"):
        kind_of(Path("a.pdf"))
    with pytest.raises(InputError, match="one of md"):
        render(a_decision(), "pdf")  # type: ignore[arg-type]  # what a caller may still send
