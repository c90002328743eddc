"""What a shop does not want its assistant to say of other shops, and what it must not invent about its own offer.

`COMPETITOR`: names of stores and marketplaces, "cheaper at …". `OFFER`: an amount of money that no passage gives; discounts, stock,
delivery and guarantees of which no passage speaks. The words are those of 28 languages, in ``data/guardrails/commerce.yaml``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import regex

from evals.languages import LANGUAGES
from evals.records import Passage
from guardrails.base import Context, Span, SpanRail
from guardrails.phrases import folded
from guardrails.words import found, table

PROMISES = ("discount", "stock", "delivery", "guarantee")
_NUMBER = r"(?<![\p{Nd}.,])\p{Nd}{1,12}+(?:[.,' ]\p{Nd}{2,3}(?!\p{Nd})){0,4}+"
_NUMBERS = regex.compile(_NUMBER)
_SIGN = r"\p{Sc}|(?:r|s|a|c|us|mx)\$|rs\.?"
_NO_CENTS = regex.compile(r"[.,]00?$")


@cache
def _amounts(language: str) -> regex.Pattern[str]:
    """A number with a currency before or behind it. Short words end where they end: "5 kr", not "5 kronprinser"."""
    words = sorted(
        {folded(word).text for tag in {language, "en"} & set(LANGUAGES) for word in table("commerce")[tag]["currencies"]},
        key=lambda word: (-len(word), word),
    )
    currency = "|".join([_SIGN, *(regex.escape(word) + (r"(?!\p{L})" if len(word) < 5 and word.isascii() else "") for word in words)])
    return regex.compile(rf"(?<!\p{{L}})(?:{currency})[ .]?(?P<n>{_NUMBER})|(?P<n>{_NUMBER})[ -]?(?:{currency})")


def competitors(text: str, language: str, passages: Sequence[Passage]) -> Iterator[Span]:
    """Other stores, unless the product's own details name them."""
    plain = folded(text)
    details = folded("\n".join(passage.text for passage in passages if passage.source == "attribute")).text
    for start, end in found("commerce", "stores", language, plain):
        if plain.text[start:end] not in details:
            yield *plain.span(start, end), "another store"
    for start, end in found("commerce", "cheaper", language, plain):
        yield *plain.span(start, end), "cheaper elsewhere"


def offers(text: str, language: str, passages: Sequence[Passage]) -> Iterator[Span]:
    """Amounts and promises that no passage gives."""
    plain = folded(text)
    given = {_digits(match.group()) for passage in passages for match in _NUMBERS.finditer(folded(passage.text).text)}
    for match in _amounts(language).finditer(plain.text):
        if _digits(match.group("n")) not in given:
            yield *plain.span(*match.span()), "amount of money that no passage gives"
    for key in PROMISES:
        spans = found("commerce", key, language, plain)
        if spans and not any(found("commerce", key, passage.language, folded(passage.text)) for passage in passages):
            yield from ((*plain.span(start, end), f"{key} of which no passage speaks") for start, end in spans)


def _digits(number: str) -> str:
    """A number for comparing: ASCII digits, no separators, no cents that are none.

    >>> _digits("1,500"), _digits("20.00"), _digits("٢٠")
    ('1500', '20', '20')
    """
    return "".join(str(unicodedata.decimal(character)) for character in _NO_CENTS.sub("", number) if character.isdecimal())


def _competitor(text: str, language: str, context: Context) -> Iterator[Span]:
    yield from competitors(text, language, context.passages)


def _offer(text: str, language: str, context: Context) -> Iterator[Span]:
    yield from offers(text, language, context.passages)


COMPETITOR = SpanRail("competitor", frozenset({"output"}), "•••", _competitor)
OFFER = SpanRail("offer", frozenset({"output"}), "•••", _offer)
