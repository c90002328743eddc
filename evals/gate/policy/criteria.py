"""Requirements in one line: ``grounded >= 0.97 and first_token/p99 < 1s and blocked <= 5% and cost <= 1.1x``.

    criteria  = criterion { "and" criterion }
    criterion = subject ( ">=" | ">" | "<=" | "<" ) bound
    subject   = name [ ":" name ] [ "/" name ]
    bound     = number [ unit ]  |  "champion" "-" number [ "%" ]  |  number "%" "of" "champion"
    unit      = "%" | "s" | "ms" | "x" | "usd"

| subject | bound | becomes |
|---|---|---|
| a metric ``>=`` | ``0.97``, ``97%`` | a floor (``<=``: the largest mean of a metric that counts what is bad) |
| a metric ``>=`` | ``champion - 0.05`` | non-inferiority with that margin |
| a metric ``>=`` | ``99% of champion`` | parity (``length >= 90% of champion``: of generated tokens) |
| ``blocked``, ``error``, ``finding``, ``finding:RAIL`` ``<=`` | ``5%`` | a ceiling |
| ``first_token/p99``, ``ttft/p99``, ``total/p95`` ``<`` | ``1s``, ``800ms`` | tail latency, stated with 99 or 95 % confidence |
| ``cost <=`` | ``1.1x``, ``0.5usd`` | times the champion's, or USD per million generated tokens |

``grounded`` is what people said, other metrics what code measured. Strict and not strict mean the same: an interval decides, not a point.

>>> [row["kind"] for row in read_criteria("grounded >= champion - 5% and ttft/p99 < 1s and finding:pii <= 1%")]
['non_inferiority', 'tail_latency', 'ceiling']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from evals.errors import PolicyError
from evals.gate.policy.schema import PERCENTILES
from evals.statistics.power import labels_without_a_loss

LONGEST = 4000  # characters: a line, not a book
TIMES = {"first_token": "first_token", "ttft": "first_token", "total": "total"}
EVENTS = ("blocked", "error", "finding")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d{1,12}(?:\.\d{1,12})?)|(?P<word>[A-Za-z_][A-Za-z_0-9]{0,60})|(?P<sign>>=|<=|[><:/%\-]))")
Row = dict[str, Any]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


@dataclass(frozen=True)
class _Bound:
    """`of`: what the number is of: nothing, ``minus champion`` or ``of champion``."""

    value: float
    unit: str
    of: str
    column: int


def read_criteria(text: str, alpha: float = 0.05) -> list[Row]:
    """The requirements as a policy file would say them. Raises PolicyError naming the column (from 1) and what was expected there."""
    if len(text) > LONGEST:
        raise PolicyError(f"criteria: {len(text)} characters; at most {LONGEST}")
    reader = _Reader(list(_tokens(text)))
    found = [_criterion(reader, alpha)]
    while reader.peek().kind != "end":
        reader.take("word", "and")
        found.append(_criterion(reader, alpha))
    return found


def _tokens(text: str) -> Iterator[_Token]:
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip())
            _fail(column + 1, f"{text[column]!r} means nothing here")
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind) + 1)
        at = match.end()
    yield _Token("end", "", at + 1)


class _Reader:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> _Token:
        return self.tokens[self.at]

    def next_is(self, *texts: str) -> bool:
        return self.peek().text.lower() in texts

    def take(self, kind: str, *texts: str, expected: str = "") -> _Token:
        """The next token, which must be of the kind, and one of `texts` where any are given."""
        token = self.peek()
        if token.kind != kind or (texts and not self.next_is(*texts)):
            wanted = expected or " or ".join(map(repr, texts)) or f"a {kind}"
            _fail(token.column, f"expected {wanted}, found {token.text!r}" if token.text else f"expected {wanted}, found the end")
        self.at += 1
        return token


def _criterion(reader: _Reader, alpha: float) -> Row:
    first = reader.take("word", expected="a metric, an event, first_token, total, length or cost")
    name, part = first.text, ""
    if reader.next_is(":"):
        reader.take("sign")
        name += f":{reader.take('word', expected='the name of a rail').text}"
    if reader.next_is("/"):
        reader.take("sign")
        part = reader.take("word", *PERCENTILES).text.lower()
    sign = reader.take("sign", ">=", ">", "<=", "<")
    row = _row(name, part, sign, _bound(reader), first.column, alpha)
    return {"name": f"{name}/{part}" if part else name} | row


def _bound(reader: _Reader) -> _Bound:
    if reader.next_is("champion"):
        column = reader.take("word").column
        reader.take("sign", "-", expected="'-' and a margin")
        return _Bound(*_number(reader), "minus champion", column)
    column = reader.peek().column
    value, unit = _number(reader)
    if not reader.next_is("of"):
        return _Bound(value, unit, "", column)
    reader.take("word")
    reader.take("word", "champion")
    return _Bound(value, unit, "of champion", column)


def _number(reader: _Reader) -> tuple[float, str]:
    """A number and its unit; per cent and milliseconds are taken care of here."""
    value = float(reader.take("number", expected="a number").text)
    if reader.next_is("%"):
        reader.take("sign")
        return float(f"{value / 100:.12g}"), ""
    if not reader.next_is("s", "ms", "x", "usd"):
        return value, ""
    unit = reader.take("word").text.lower()
    return (value / 1000, "s") if unit == "ms" else (value, unit)


# ---------------------------------------------------------------------------------------------- what a criterion becomes


def _row(name: str, part: str, sign: _Token, bound: _Bound, column: int, alpha: float) -> Row:
    least = sign.text.startswith(">")
    if part or name in TIMES:
        return _tail(name, part, least, bound, column, sign)
    if name.split(":")[0] in EVENTS:
        _check(not least, sign.column, f"{name} can only be at most something (<=)")
        _plain_share(bound)
        return {"kind": "ceiling", "event": name, "ceiling": bound.value}
    if ":" in name:
        _fail(column, f"{name!r}: only finding has a part after the colon")
    if name == "cost":
        _check(not least, sign.column, "cost can only be at most something (<=)")
        return _cost(bound)
    if name == "length":
        _check(least and bound.of == "of champion", bound.column, "length is held against the champion's: length >= 90% of champion")
        return {"kind": "length", "share": _share(bound)}
    return _metric(name, least, sign, bound, alpha)


def _tail(name: str, part: str, least: bool, bound: _Bound, column: int, sign: _Token) -> Row:
    _check(name in TIMES, column, f"a percentile is of first_token (ttft) or total, not of {name!r}")
    _check(bool(part), column, f"{name} needs a percentile: {name}/p99")
    _check(not least, sign.column, f"{name} can only be below something (<)")
    _check(bound.unit == "s" and not bound.of, bound.column, "expected seconds, as 1s or 800ms")
    quantile = PERCENTILES[part]
    confidence = 0.99 if quantile >= 0.99 else 0.95
    return {"kind": "tail_latency", "time": TIMES[name], "quantile": quantile, "seconds": bound.value, "confidence": confidence}


def _cost(bound: _Bound) -> Row:
    _check(bound.unit in ("x", "usd") and not bound.of, bound.column, "expected 1.1x (of the champion's) or 0.5usd (a million tokens)")
    return {"kind": "cost", "max_ratio" if bound.unit == "x" else "max_usd_per_million_tokens": bound.value}


def _metric(name: str, least: bool, sign: _Token, bound: _Bound, alpha: float) -> Row:
    row: Row = {"metric": name, "source": "human" if name == "grounded" else "code"}
    value = _share(bound)
    if not bound.of:
        lost = 1 - value if least else value
        return row | {"kind": "floor", "floor" if least else "most": value, "min_labels": max(2, labels_without_a_loss(lost, alpha))}
    _check(least, sign.column, f"{name} is held against the champion from below (>=)")
    if bound.of == "of champion":
        return row | {"kind": "parity", "share": value, "min_labels": max(2, labels_without_a_loss(1 - value, alpha))}
    return row | {"kind": "non_inferiority", "margin": value, "min_labels": max(2, labels_without_a_loss(value, alpha))}


def _plain_share(bound: _Bound) -> None:
    _check(not bound.of, bound.column, "expected a share, as 5%")
    _share(bound)


def _share(bound: _Bound) -> float:
    _check(not bound.unit, bound.column, f"expected a share, as 0.05 or 5%, not {bound.unit!r}")
    _check(0 < bound.value < 1, bound.column, f"{bound.value:g} is no share between 0 and 1")
    return bound.value


def _check(holds: bool, column: int, message: str) -> None:
    if not holds:
        _fail(column, message)


def _fail(column: int, message: str) -> NoReturn:
    raise PolicyError(f"criteria, column {column}: {message}")
