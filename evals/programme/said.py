"""What people write into the programme: kept for ever, so it must be there, short enough to read, and something a database takes."""

from __future__ import annotations

from evals.errors import InputError

MOST = 2000  # code points


def said(what: str, text: str) -> str:
    """`text` without spaces around it. Raises InputError where there is none, too much of it, or half a character or NUL in it.

    >>> said("hypothesis", " Shorter, and as true. ")
    'Shorter, and as true.'
    """
    kept = text.strip()
    if not kept:
        raise InputError(f"{what}: say it in words, for it is kept")
    if len(kept) > MOST:
        raise InputError(f"{what}: {len(kept):,} characters are too many to read: at most {MOST:,}")
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in kept):
        raise InputError(f"{what}: has NUL or half a character in it, which no database takes")
    return kept
