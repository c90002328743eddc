"""Markdown for a pull request: one sentence, a table, the largest losses, slices worst first, details folded.

>>> markdown_escape("<b>*now*</b> @all | https://x.y")
'&lt;b&gt;\\\\*now\\\\*&lt;/b&gt; @&#8203;all \\\\| https&#58;//x.y'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from evals.gate.reasons import number
from evals.records import Decision
from evals.report.regressions import Regression
from evals.report.wording import Row, interval_text, levels, line_text, methods, notes, plain, self_test, slice_name, waived, worst_first

_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "unverified": "⬜", "error": "⚠️", "waived": "🟡"}
_OUTCOMES = {"promote": "✅", "reject": "❌", "hold": "✋"}


def markdown(decision: Decision, regressions: Sequence[Regression] = ()) -> str:
    """The report; everything that came from outside is escaped."""
    return "\n".join(_lines(decision, regressions)) + "\n"


def markdown_escape(text: str) -> str:
    """Text that stays text in GitHub's and GitLab's Markdown: no HTML, emphasis, table cell, link or emoji.

    Mentions and references (``@all``, ``#7``, ``!7``) are looked for after rendering, where no escape helps: a zero-width space parts them.
    """
    text = re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", plain(text)).replace("\\](", "\\]\\(")
    return re.sub(r":(?=[a-zA-Z0-9_\\+-]+:)", "&#58;", _inert(text))


def _inert(text: str) -> str:
    """Text of an HTML element that a forge makes no mention, reference or link of: what a summary needs, where Markdown is not read."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([@#!~%$])(?=\w)", r"\1&#8203;", text)
    return text.replace("://", "&#58;//").replace("www.", "www&#46;")


def _lines(decision: Decision, regressions: Sequence[Regression]) -> Iterator[str]:
    body = decision.body
    yield f"{_OUTCOMES[decision.outcome]} **{markdown_escape(decision.reason)}**"
    yield ""
    yield f"{_variant(body, 'candidate')} against {_variant(body, 'champion')}, {body['feature']}, {body['dataset']['cases']} cases."
    yield ""
    for note in notes(body):
        yield f"> {markdown_escape(note)}"
        yield ""
    yield from _table(body["requirements"])
    for line in waived(body):
        yield ""
        yield f"🟡 {markdown_escape(line)}"
    if regressions:
        yield from _regressions(regressions, folded=decision.outcome == "promote")
    if decision.outcome == "hold" and body["plan"]["cases"]:
        yield from _plan(body["plan"])
    for requirement in body["requirements"]:
        if len(requirement["cells"]) > 1:
            yield from _slices(requirement)
    yield from _fine_print(decision)


def _variant(body: Row, role: str) -> str:
    return f"{role.capitalize()} {markdown_escape(body['runs'][role]['variant'])}"


def _table(requirements: Sequence[Row]) -> Iterator[str]:
    yield "| | Requirement | Estimate (interval) | Must be | n | Why |"
    yield "|---|---|---|---|---:|---|"
    for requirement in requirements:
        cell = requirement["cells"][0]
        name = markdown_escape(requirement["name"]) + ("" if requirement["critical"] else " (not critical)")
        why = cell["reason"] if requirement["verdict"] == cell["verdict"] else f"whole: {cell['verdict']}; see slices"
        yield _row(requirement["verdict"], name, requirement, cell, why)


def _row(verdict: str, name: str, requirement: Row, cell: Row, why: str) -> str:
    values = (interval_text(requirement, cell), line_text(requirement, cell), str(cell["n"]), markdown_escape(why))
    return f"| {_SIGNS[verdict]} {verdict} | {name} | " + " | ".join(values) + " |"


def _regressions(regressions: Sequence[Regression], folded: bool) -> Iterator[str]:
    yield ""
    yield "<details><summary>Largest losses</summary>" if folded else "**Largest losses**"
    yield ""
    yield "| Case | Language | By | Champion | Candidate |"
    yield "|---|---|---|---:|---:|"
    for one in regressions:
        name = markdown_escape(one.product) or "a case"
        linked = f"[{name}]({_address(one.url)})" if one.url else f"{name} `{one.case_id}`"
        values = (markdown_escape(one.language), markdown_escape(one.requirement), number(one.champion), number(one.candidate))
        yield f"| {linked} | " + " | ".join(values) + " |"
    if folded:
        yield ""
        yield "</details>"


def _address(url: str) -> str:
    """A URL that cannot end the link it stands in, nor the table's cell."""
    return quote(url, safe=":/?&=%-._~")


def _slices(requirement: Row) -> Iterator[str]:
    cells = worst_first(requirement)[1:]
    passed = sum(cell["verdict"] == "pass" for cell in cells)
    yield ""
    yield f"<details><summary>{_inert(plain(requirement['name']))} by slice: {passed} of {len(cells)} pass</summary>"
    yield ""
    yield "| | Slice | Estimate (interval) | Must be | n | Why |"
    yield "|---|---|---|---|---:|---|"
    for cell in cells:
        yield _row(cell["verdict"], markdown_escape(slice_name(cell)), requirement, cell, cell["reason"])
    yield ""
    yield "</details>"


def _plan(plan: Row) -> Iterator[str]:
    yield ""
    hours = plan["minutes"] / 60
    yield (
        f"**To settle it:** about {plan['cases']} more labelled cases, {plan['claims']} claims, {hours:.1f} hours, {plan['usd']:.0f} USD "
        f"({plan['assumes']['minutes_per_claim']:g} minutes a claim, {plan['assumes']['usd_per_hour']:g} USD an hour)."
    )
    if plan["by_slice"]:
        yield ""
        shares = sorted(plan["by_slice"].items(), key=lambda pair: (-pair[1], pair[0]))
        yield "By slice: " + ", ".join(f"{markdown_escape(name.split('=', 1)[1])} {count}" for name, count in shares) + "."


def _fine_print(decision: Decision) -> Iterator[str]:
    body = decision.body
    evidence = body["evidence"]
    yield ""
    yield "<details><summary>What this rests on</summary>"
    yield ""
    yield f"- Decision `{decision.decision_id}`, {plain(decision.created_at)}, seed {body['policy']['seed']}"
    yield f"- Policy `{decision.policy_sha256[:16]}`, one-sided level {body['policy']['alpha']:g}"
    yield f"- Runs `{decision.champion_run_id}` and `{decision.candidate_run_id}` over dataset `{body['dataset']['dataset_id']}`"
    yield f"- Labels `{evidence['labels']}`: {evidence['votes']} labelled claims by {evidence['annotators']} annotators"
    yield f"- Intervals: {levels(body) or 'none'}; {markdown_escape(', '.join(methods(body))) or 'no method'} (docs/methods.md)"
    if tested := self_test(body):
        yield f"- {tested}"
    yield ""
    yield "</details>"


# ---------------------------------------------------------------------------------------------- shorter, for a comment

_CUT = "\n\nCut here: the whole report is among the artefacts of the pipeline.\n"
_OPEN, _CLOSE = "<details>", "</details>"


def shortened_report(text: str, most: int) -> str:
    """At most `most` characters of a Markdown report, by whole lines and with nothing left unfolded.

    >>> shortened_report("one\\n<details>\\n" + "row\\n" * 50 + "</details>\\n", 120).count("</details>")
    1
    """
    if len(text) <= most:
        return text
    room, kept = most - len(_CUT) - len(_CLOSE) - 2, list[str]()
    for line in text.splitlines():
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    opened = sum(line.startswith(_OPEN) for line in kept) - kept.count(_CLOSE)
    return "\n".join(kept) + (f"\n\n{_CLOSE}" if opened > 0 else "") + _CUT
