"""Pieces of a labelling page, each a line or two of Label Studio's configuration language; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

from evals.languages import language as language_row

# Left-to-right words inside right-to-left text, and the other way round, are punctuated wrongly without it. On the lines only: their
# container has no letters of its own, so plain text there would mean left to right and align Arabic to the wrong side.
_STYLE = "  <Style>.lsf-richtext__line { unicode-bidi: plaintext; text-align: start }</Style>"
COMMENT = "comment"  # from_name of the free remark every rubric ends with


def page(language: str, lines: Iterable[str]) -> str:
    """The whole configuration, in the direction of the language."""
    direction = language_row(language).direction
    return "\n".join([f'<View style="direction: {direction}; text-align: start">', _STYLE, *lines, "</View>"])


def heading(title: str) -> str:
    """A heading alone."""
    return f'  <Header size="5" value={quoteattr(title)}/>'


def shown(key: str, title: str) -> list[str]:
    """A text of the task under a heading."""
    return [heading(title), f'  <Text name="{key}" value="${key}"/>']


def beside(*columns: Iterable[str]) -> list[str]:
    """Columns next to each other."""
    inner = [f"  <View>{''.join(line.strip() for line in column)}</View>" for column in columns]
    return ['  <View style="display: grid; grid-template-columns: 1fr 1fr; gap: 1em">', *inner, "  </View>"]


def choices(name: str, to: str, question: str, values: Mapping[str, str], *, many: bool = False) -> list[str]:
    """The main question. Annotators read the words, Label Studio keeps the alias: the same in every language."""
    kind, inline = ("multiple", "false") if many else ("single-radio", "true")  # "single" draws check boxes
    return [
        f"  <Header value={quoteattr(question)}/>",
        f'  <Choices name="{name}" toName="{to}" choice="{kind}" required="true" showInline="{inline}">',
        *(f'    <Choice value={quoteattr(values[alias])} alias="{alias}"{_hotkey(i)}/>' for i, alias in enumerate(values, 1)),
        "  </Choices>",
    ]


def _hotkey(number: int) -> str:
    return f' hotkey="{number % 10}"' if number <= 10 else ""


def spans(name: str, to: str, question: str, alias: str, text: str) -> list[str]:
    """Mark words of a text; not required. Offsets come back in code points."""
    return [
        heading(question),
        f'  <Labels name="{name}" toName="{to}"><Label value={quoteattr(text)} alias="{alias}" background="#f5b301" hotkey="m"/></Labels>',
    ]


def writing(name: str, to: str, title: str, *, prefilled: str | None = None, required: bool = False) -> list[str]:
    """A box to write in, maybe with a text of the task in it."""
    filled = f' value="${prefilled}"' if prefilled else ""
    needed = ' required="true"' if required else ""
    box = f'  <TextArea name="{name}" toName="{to}" rows="{6 if prefilled else 2}" maxSubmissions="1"{filled}{needed}'
    return [f"{box} placeholder={quoteattr(title)}/>"]


def region(name: str, to: str, kind: str, value: Mapping[str, object]) -> dict[str, object]:
    """One piece of an answer, as the labelling page sends it."""
    return {"from_name": name, "to_name": to, "type": kind, "value": dict(value)}
