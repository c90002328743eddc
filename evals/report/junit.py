"""JUnit: what CI servers read. One suite a requirement, one test a cell, and one test for the decision itself."""

from __future__ import annotations

from xml.etree import ElementTree

from evals.gate.reasons import place
from evals.records import Decision
from evals.report.wording import Row, interval_text, plain


def junit(decision: Decision) -> str:
    """Fail is a failure, error an error; inconclusive and unverified are skipped, with the reason. Hostile text is cleaned and escaped."""
    root = ElementTree.Element(
        "testsuites", name="plumbline", tests=str(1 + sum(len(row["cells"]) for row in decision.body["requirements"]))
    )
    for requirement in decision.body["requirements"]:
        suite = ElementTree.SubElement(root, "testsuite", name=plain(requirement["name"]), tests=str(len(requirement["cells"])))
        for cell in requirement["cells"]:
            _test_case(suite, decision, requirement, cell)
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.set(attribute, str(len(suite.findall(f".//{tag}"))))
    outcome = ElementTree.SubElement(root, "testsuite", name="decision", tests="1", failures=str(int(decision.outcome != "promote")))
    case = ElementTree.SubElement(outcome, "testcase", classname=f"plumbline.{decision.feature}", name="decision")
    if decision.outcome != "promote":
        ElementTree.SubElement(case, "failure", message=plain(decision.reason), type=decision.outcome)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _test_case(suite: ElementTree.Element, decision: Decision, requirement: Row, cell: Row) -> None:
    name = plain(place(requirement, cell))
    case = ElementTree.SubElement(suite, "testcase", classname=f"plumbline.{decision.feature}", name=name)
    message = plain(f"{cell['reason']}: {interval_text(requirement, cell)}, n = {cell['n']}")
    tags = {"fail": "failure", "error": "error", "inconclusive": "skipped", "unverified": "skipped", "waived": "skipped"}
    if tag := tags.get(cell["verdict"]):
        # what is not critical is shown as skipped: it may not turn a pipeline red
        tag = tag if requirement["critical"] else "skipped"
        ElementTree.SubElement(case, tag, message=f"{cell['verdict']}: {message}")
