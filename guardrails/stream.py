"""An answer that comes a piece at a time: what of it can be shown by now, so that nothing is shown that must be taken back.

A sentence is shown when (1) the next one has begun, (2) no hit can run over the end of it any more (`guardrails.reach`), and (3) nothing in
it is withheld; masks are set before it leaves. So what was shown never holds a character that a check of the whole text redacts or
withholds the text for, and together with the rest it is what that check leaves.

That is so for the rails in `REACH`. The others may judge the whole text (language, repetition) or have hits that run over several sentences
(injection: words within 80 characters). They are asked about each sentence alone, and together with what stands before it and
what has come of the next; from the first sentence that they object to nothing is shown before the end, when the whole text decides. So of a
hit over several sentences only those before the last can have been shown, and what such a rail sees only in the whole (an answer of
sentences each too short to tell its language) is replaced at the end.

>>> hold = HoldBack(Context("assistant", "output"), "en")
>>> [hold.feed(piece) for piece in ("Good sound. [1] Mail jo", "e@shop.example. [1] ", "Nice.")]
['Good sound. [1] ', '', 'Mail •••. [1] ']
>>> hold.finish().rest
'Nice.'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import regex

from evals.records import Action
from evals.text import sentences
from guardrails import RAILS, check, fallback, masked, policy_in_force, withheld
from guardrails.base import MAX_HITS, Context, Draft
from guardrails.reach import REACH

_MARK_BEGUN = regex.compile(r"\[[\d\s,]*")  # "[1" may be the mark of the sentence before it
_BEHIND = 4000  # characters before a sentence that it is checked with
_BEFORE = 600  # ... by a rail that may judge the whole text
# What is checked again and again must grow with what it is checked with, so that time is linear: sentences leave in groups of a sixteenth
# of what they are checked with (one sentence of an answer of a thousand characters), and what has no end is looked at as seldom.
_SHARE = 16


class End(NamedTuple):
    """How an answer ends. `rest`: what is still to be shown; `text`: what stands, which is all that was shown with the rest unless it
    `replaces` it. `findings` are those of the whole text."""

    rest: str
    text: str
    status: Literal["ok", "blocked"]
    findings: tuple[Draft, ...]
    replaces: bool


class HoldBack:
    """Feed it an output as it comes; `passed` characters of it are decided: shown, or masked. `blocked`: nothing more is shown."""

    def __init__(self, context: Context, language: str) -> None:
        self._context, self._language = context, language
        actions = policy_in_force().actions(context.feature, "output", context.marketplace)
        acting = {name: action for name, action in actions.items() if action != "allow"}
        self._near = {name: action for name, action in acting.items() if name in REACH}
        self._whole = {name: action for name, action in acting.items() if name not in REACH}
        self._said: list[str] = []
        self._shown: list[str] = []
        self._window, self._start = "", 0  # the text from `_start` on: what was passed last, and what is undecided
        self._new: list[str] = []
        self._new_length = 0
        self._hits: Counter[str] = Counter()
        self._objections: list[Draft] = []
        self._waits = False
        self.passed = 0

    @property
    def blocked(self) -> bool:
        return bool(self._objections)

    def feed(self, piece: str) -> str:
        """What can be shown now, besides what was."""
        self._said.append(piece)
        self._new.append(piece)
        self._new_length += len(piece)
        held = self._start + len(self._window) - self.passed
        if self._waits or self.blocked or _SHARE * self._new_length < held:
            return ""
        self._window += "".join(self._new)
        self._new, self._new_length = [], 0
        return self._release()

    def finish(self) -> End:
        """The text has ended; the check of the whole has the last word."""
        text = "".join(self._said)
        found = check(text, self._language, self._context)
        findings = (*found, *(draft for draft in self._objections if draft not in found))
        if withheld(findings):
            return End("", fallback(self._language), "blocked", findings, True)
        whole, shown = masked(text, findings), "".join(self._shown)
        same = whole.startswith(shown)
        return End(whole[len(shown) :] if same else "", whole, "ok", findings, not same)

    # ------------------------------------------------------------------ one step
    def _release(self) -> str:
        end = self._sentence_end()
        if end is None or _SHARE * (end - self.passed) < min(self.passed, _BEHIND):
            return ""
        hits = self._found(self._near, self._window, self._start)
        self._objections = [hit for hit in hits if hit.start < end and withheld([hit])]
        if self.blocked:
            return ""
        end = _outside(min(end, self._end_of_whole(end), self._end_of_count(hits, end)), hits)
        mine = [_moved(hit, -self.passed) for hit in hits if hit.end <= end]
        shown = masked(self._text(self.passed, end), mine)
        self._hits.update(hit.rail for hit in mine)
        self._shown.append(shown)
        self.passed = end
        kept = max(0, end - _BEHIND - self._start)
        self._window, self._start = self._window[kept:], self._start + kept
        return shown

    def _sentence_end(self) -> int | None:
        """Where the last sentence begins that has nothing to do with those before it."""
        held = self._text(self.passed)
        begins = [span.start for span in sentences(held, self._language) if not _MARK_BEGUN.fullmatch(span.text)]
        for begin in reversed(begins[1:]):
            before, after = self._text(max(self._start, self.passed + begin - _BEHIND), self.passed + begin), held[begin:]
            if not any(REACH[name].may_cross(before, after) for name in self._near):
                return self.passed + begin
        return None

    def _end_of_whole(self, end: int) -> int:
        """`end`, or where the first sentence begins that a rail objects to which may judge the whole: then the rest waits."""
        asked = [(self.passed + span.start, span.text) for span in sentences(self._text(self.passed, end), self._language)]
        before = max(self._start, self.passed - _BEFORE)
        for at, text in [*asked, (before, self._text(before))]:
            if hits := [hit for hit in self._found(self._whole, text, at) if hit.start < end]:
                self._waits = True
                end = min(hit.start for hit in hits)
        return end

    def _end_of_count(self, hits: list[Draft], end: int) -> int:
        """`end`, or where a rail's hit begins from which on it may hold all the rest for one (`SpanRail.check`)."""
        ends = [end]
        for name in {hit.rail for hit in hits}:
            mine = [hit.start for hit in hits if hit.rail == name and hit.start < end]
            room = MAX_HITS - 1 - self._hits[name]
            if len(mine) > room:
                self._waits = True
                ends.append(mine[room])
        return min(ends)

    def _found(self, rails: Mapping[str, Action], text: str, at: int) -> list[Draft]:
        """Hits that reach into what is undecided, in the places of the whole text."""
        return [
            Draft(name, hit.action, "output", max(self.passed, at + hit.start), at + hit.end, hit.detail)
            for name, action in rails.items()
            for hit in RAILS[name].check(text, self._language, replace(self._context, action=action))
            if at + hit.end > self.passed
        ]

    def _text(self, start: int, end: int | None = None) -> str:
        return self._window[start - self._start : None if end is None else end - self._start]


def _outside(end: int, hits: list[Draft]) -> int:
    """`end`, or the beginning of the hit it lies in, and so on."""
    while inside := [hit.start for hit in hits if hit.start < end < hit.end]:
        end = min(inside)
    return end


def _moved(draft: Draft, by: int) -> Draft:
    return replace(draft, start=draft.start + by, end=draft.end + by)
