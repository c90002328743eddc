"""Product tags in an answer become cards made from the catalogue; the model never writes a price or a picture.

A tag is ``<product id="…">``. It may arrive in pieces; an id the catalogue does not know is refused and leaves nothing behind;
anything else that looks like markup is text, and text is escaped where it is drawn.

>>> from evals.records import Product
>>> hydrator = Hydrator({"p1": Product("p1", "Trail shoe", "shoes")}.get)
>>> [hydrator.feed(piece) for piece in ('Try <prod', 'uct id="p1">', ' or <b> <product id="nope">')]
[['Try '], [Product(product_id='p1', title='Trail shoe', category='shoes', attributes={})], [' or ', '<', 'b> ']]
>>> hydrator.close(), hydrator.refused
([], ['nope'])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import regex

from evals.errors import UnknownIdError
from evals.records import Product
from evals.store import Catalog
from evals.text import visible

Piece = str | Product
Lookup = Callable[[str], Product | None]
_TAG = regex.compile(r"<product\s{1,4}id\s?=\s?(?:\"([^\"<>]{1,128})\"|'([^'<>]{1,128})')\s{0,4}/?>", regex.IGNORECASE)


class Hydrator:
    """Feed it text as it comes; `refused` lists the ids it did not know."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._held = ""
        self.refused: list[str] = []

    def feed(self, text: str) -> list[Piece]:
        """What is certain by now, in order; the beginning of a tag is held back until it is one or is not."""
        self._held += text
        pieces: list[Piece] = []
        while self._held:
            before, bracket, _ = self._held.partition("<")
            if before:
                pieces.append(before)
                self._held = self._held[len(before) :]
            match = _TAG.match(self._held, partial=True) if bracket else None
            if match is not None and match.partial:
                break
            if bracket:
                pieces += self._tag(match) if match else self._literal()
        return pieces

    def close(self) -> list[Piece]:
        """The text has ended: what was held back is text."""
        held, self._held = self._held, ""
        return [held] if held else []

    def _tag(self, match: regex.Match[str]) -> list[Piece]:
        self._held = self._held[match.end() :]
        product_id = match.group(1) or match.group(2)
        product = self._lookup(product_id)
        if product is None:
            self.refused.append(product_id)
            return []
        return [product]

    def _literal(self) -> list[Piece]:
        self._held = self._held[1:]
        return ["<"]


def lookup(catalog: Catalog) -> Lookup:
    """The catalogue as a hydrator asks for it."""

    def find(product_id: str) -> Product | None:
        try:
            return catalog.product(product_id)
        except UnknownIdError:
            return None

    return find


def plain(pieces: Sequence[Piece]) -> str:
    """Pieces as text: a card reads as its title."""
    return "".join(piece if isinstance(piece, str) else visible(piece.title) for piece in pieces)


def card(product: Product) -> str:
    """The card as HTML: every value from the catalogue escaped, no link but within the page.

    >>> card(Product("p", "<script>alert(1)</script>", "a"))
    '<span class="product-card" data-product="p">&lt;script&gt;alert(1)&lt;/script&gt;</span>'
    """
    return f'<span class="product-card" data-product="{escape(product.product_id)}">{escape(visible(product.title))}</span>'
