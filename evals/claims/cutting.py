"""The atomic statements of an output: its sentences and their clauses, with offsets and the citations that belong to them.

A citation mark behind a full stop belongs to the sentence before it, and a quotation is never cut in two:

>>> from evals.records import Output
>>> text = "Sound: most reviewers are pleased. [1] One wrote: “Loud. Clear.” [2][3]"
>>> [(c.text, c.citations) for c in claims_of(Output("o", "r", "c", text, "ok", "now"), "en")]
[('Sound: most reviewers are pleased. [1]', (1,)), ('One wrote: “Loud. Clear.” [2][3]', (2, 3))]

The marks of a sentence belong to each of its claims, unless some stand inside it:

>>> text = "The battery lasts long, but the screen is dim. [1]"
>>> [(c.text, c.citations) for c in claims_of(Output("o", "r", "c", text, "ok", "now"), "en")]
[('The battery lasts long', (1,)), ('the screen is dim. [1]', (1,))]
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import cache

from evals.claims.clauses import clauses
from evals.claims.marks import QUOTATION, citations_in, without_citations
from evals.identity import content_id
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Claim, Output
from evals.text import Span, sentences

_LIST_MARKER = re.compile(r"(?:\d{1,2}|[a-z])[.)]|[^\w\[\]]*")


def claims_of(output: Output, language: str) -> list[Claim]:
    """The claims of an output in order; none for an output that is blocked or failed (a fallback states nothing).

    `language` is the case's; for one that is not ours sentences end at the marks of all languages.
    """
    if output.status != "ok":
        return []
    return [_claim(output, ordinal, span, cited) for ordinal, (span, cited) in enumerate(_claims(output, language))]


def _claim(output: Output, ordinal: int, span: Span, cited: tuple[int, ...]) -> Claim:
    claim_id = content_id("claim", output.output_id, span.start, span.end)
    return Claim(claim_id, output.output_id, ordinal, span.text, span.start, span.end, cited)


def _claims(output: Output, language: str) -> Iterator[tuple[Span, tuple[int, ...]]]:
    """The clauses of each statement with their citations: those inside, or else those of the next clause that has some."""
    for statement in statements(output.text, language):
        found = clauses(statement.text, language)
        cited: tuple[int, ...] = ()
        marked = []
        for clause in reversed(found):
            cited = citations_in(clause.text) or cited
            marked.append((Span(clause.text, statement.start + clause.start, statement.start + clause.end), cited))
        yield from reversed(marked)


def statements(text: str, language: str) -> list[Span]:
    """The sentences of a text that state something, with quotations kept whole; a claim is one of them or a clause of one.

    Lone citation marks go to the sentence before, a sentence like "One reviewer writes." to the one it announces.
    """
    found: list[list[int]] = []
    announced = False
    for span in _unquoted(text, sentences(text, language)):
        bare = without_citations(span.text)
        if found and (not bare or announced):
            found[-1][1] = span.end
        elif not _LIST_MARKER.fullmatch(bare):
            found.append([span.start, span.end])
        announced = span.text in _announcements(language)
    return [Span(text[start:end], start, end) for start, end in found]


@cache
def _announcements(language: str) -> frozenset[str]:
    """The sentences with which a language's answer patterns announce a quotation or a value: they state nothing themselves."""
    if language not in LANGUAGES:
        return frozenset()
    patterns = [variant for key in ("attribute", "quote") for variant in pack(language).answer[key]]
    return frozenset(span.text for variant in patterns for span in sentences(variant, language) if "{" not in span.text)


def _unquoted(text: str, spans: list[Span]) -> Iterator[Span]:
    """`spans` joined where a boundary lies inside a quotation."""
    quotations = deque(match.span() for match in QUOTATION.finditer(text))
    start: int | None = None
    for span in spans:
        start = span.start if start is None else start
        while quotations and quotations[0][1] <= span.end:
            quotations.popleft()
        if not (quotations and quotations[0][0] < span.end):
            yield Span(text[start : span.end], start, span.end)
            start = None
    if start is not None and spans:
        yield Span(text[start : spans[-1].end], start, spans[-1].end)
