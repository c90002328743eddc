"""Every scorer, every rail and the judges' readers against hostile texts: no crash, no hang, no value that is none, and linear time.

`python -m benchmarks.quality.fuzz [--outputs N] [--large N] [--longest N] [--no-times]` prints the same report, smaller where asked, and
exits with 1 where something is wrong. Every output has a number; ``support_hostile.output(number)`` makes it again.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from benchmarks.quality.data import Sets
from evals.claims import claims_of
from evals.errors import PlumblineError
from evals.grounding.base import Item
from evals.judges.answers import parsed
from evals.judges.claim_judge import ClaimJudge
from evals.judges.endpoint import Ask, Judge, JudgeError, Question, Reply, Result, checked
from evals.judges.transport import _json, _text, _tokens
from evals.metric import Metric
from evals.metrics import METRICS, REFERENCE_METRICS
from evals.packs import pack
from evals.records import AspectRow, Case, Claim, Output, Passage, Score
from guardrails import RAILS, TARGETS, Context, Rail, apply, check_output, redact_text, screen_evidence
from guardrails.base import MAX_HITS
from tests.support_hostile import TEXTS, Hostile, honest, output, reply

OUTPUTS, LARGE, LONGEST = 10_000, 13, 1_000_000  # with the seven whose time is taken, twenty of a megabyte
LENGTHS = (250_000, 500_000, 1_000_000)
MOST_RATIO = 3.0  # time for twice the length
LEAST_S = 0.05  # below it a ratio is noise
HANGS_S = 600.0  # no chunk of outputs may take longer
POLICY_EVERY = 4  # outputs: the rails one by one have seen them all
LARGE_FROM = 100_000  # characters: from here on a rail sees a text as one target only
_CHUNK = 25


@dataclass
class Found:
    """What went wrong, by who was asked and what it said, with the numbers of the outputs; and how long each took at most."""

    wrong: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    longest: dict[str, tuple[float, int]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, other: Found) -> None:
        for key, numbers in other.wrong.items():
            self.wrong.setdefault(key, []).extend(numbers)
        for who, slowest in other.longest.items():
            self.longest[who] = max(self.longest.get(who, (0.0, 0)), slowest)
        self.asked += other.asked


# ---------------------------------------------------------------------------------------------- one output


def examine(hostile: Hostile) -> Found:
    """One output through everything; what an exception or a value says that should not be."""
    found = Found()
    for who, kind, problems in _asked(hostile):
        began = time.process_time()
        try:
            said = list(problems())
        except Exception as error:
            said = [f"{type(error).__name__}: {str(error)[:120]!r}"]
        for problem in said:
            found.wrong.setdefault((who, problem), []).append(hostile.number)
        found.longest[who] = max(found.longest.get(who, (0.0, 0)), (time.process_time() - began, hostile.number))
        found.asked[kind] += 1
    return found


def _asked(hostile: Hostile) -> Iterator[tuple[str, str, Callable[[], Iterator[str]]]]:
    case, said = hostile.case, hostile.output
    claims: list[Claim] = []
    yield "claims", "the cutter", lambda: _cut(case, said, claims)
    for metric in (METRICS | REFERENCE_METRICS).values():
        yield metric.name, "metrics", lambda metric=metric: scored(metric, case, said, claims)
    large = len(said.text) > LARGE_FROM
    for rail in RAILS.values():
        for target in sorted(rail.targets)[:1] if large else TARGETS:
            context = Context(case.feature, target, passages=said.passages, secrets=(said.text[:200],))
            yield f"rail {rail.name}", "rails", lambda rail=rail, context=context: checked_by(rail, said.text, case.language, context)
    if not large and hostile.number % POLICY_EVERY == 0:
        yield "all rails", "whole policy", lambda: _policy(case, said)
    yield "judge", "judges' replies", lambda: _judged(hostile, claims)


def _cut(case: Case, said: Output, claims: list[Claim]) -> Iterator[str]:
    claims += claims_of(said, case.language)
    end = 0
    for claim in claims:
        if claim.text != said.text[claim.start : claim.end] or not claim.text or claim.start < end:
            yield "a claim is not where it says"
            return
        end = claim.end


def scored(metric: Metric, case: Case, said: Output, claims: Sequence[Claim]) -> Iterator[str]:
    """What is wrong with the scores of a metric."""
    scores = metric.measure(case, said, claims)
    wanted = len(claims) if metric.subject == "claim" and claims else 1
    if len(scores) != wanted:
        yield f"{len(scores)} scores instead of {wanted}"
    yield from {problem for score in scores for problem in _wrong(score)}


def _wrong(score: Score) -> Iterator[str]:
    if score.value is None and not score.reason:
        yield "no value and no reason"
    if score.value is not None and not math.isfinite(score.value):
        yield "a value that is no number"
    if (score.reason or "").startswith(("the metric failed", "not measurable: the value was")):
        yield score.reason or ""
    if len(score.reason or "") > 500 or len(str(score.detail)) > 100_000:
        yield "a reason or detail as long as a hostile text"
    json.dumps(dict(score.detail), allow_nan=False)


def checked_by(rail: Rail, text: str, language: str, context: Context) -> Iterator[str]:
    """What is wrong with the hits of a rail."""
    hits = rail.check(text, language, context)
    if any(not 0 <= hit.start < hit.end <= len(text) for hit in hits):
        yield "a hit outside of the text"
    if [(hit.start, hit.end) for hit in hits] != sorted((hit.start, hit.end) for hit in hits):
        yield "hits out of order"
    if len(hits) > MAX_HITS:
        yield f"{len(hits)} hits"
    if hits and context.target not in rail.targets:
        yield "hits on a target that is not its own"
    if any(len(hit.detail) > 500 for hit in hits):
        yield "a detail as long as a hostile text"


def _policy(case: Case, said: Output) -> Iterator[str]:
    """The rails as they are used: on an output, on its evidence, and for showing."""
    drafts = check_output(said.text, case.language, said.passages, case.feature, secrets=("You are a shop assistant.",))
    apply(said.text, drafts, "–")
    screen_evidence(said.passages, case.language, case.feature)
    shown = redact_text(said.text, case.language)
    if len(said.text) < 2000 and redact_text(shown, case.language) != shown:
        yield "masking twice masks more"


# ---------------------------------------------------------------------------------------------- judges


class Scripted(Judge):
    """A judge that answers without a server; what it says is read and checked as a server's words are."""

    def __init__(self, said: Callable[[Question], str]) -> None:
        super().__init__("http://localhost/v1", "scripted")
        object.__setattr__(self, "said", said)

    async def _converse(self, works: Sequence[Callable[[Ask], Coroutine[Any, Any, Result]]]) -> list[Result | JudgeError]:
        found: list[Result | JudgeError] = []
        for work in works:
            try:
                found.append(await work(self._reply))
            except JudgeError as error:
                found.append(error)
        return found

    async def _reply(self, question: Question) -> Reply:
        return Reply(checked(parsed(self.said(question)), question), 0, 0, "key")  # type: ignore[attr-defined]


def _judged(hostile: Hostile, claims: Sequence[Claim]) -> Iterator[str]:
    random = Random(hostile.number)
    case, said = hostile.case, hostile.output
    asked = [Item(case, said, claim) for claim in claims[:20]]
    quoted = next((passage.text for passage in said.passages if passage.text.strip()), "")
    judge = ClaimJudge(Scripted(lambda _: reply(random, quoted=quoted, claims=len(asked))), fallback="en")
    judgements = judge.judge(asked)
    if len(judgements) != len(asked):
        yield f"{len(judgements)} judgements of {len(asked)} claims"
    for measured in (judgement.measured() for judgement in judgements):
        if measured.value is not None and not 0 <= measured.value <= 1:
            yield f"a probability of {measured.value}"
        if len(measured.reason or "") > 300:
            yield "a reason as long as a hostile reply"
    yield from _server_answers(random)


def _server_answers(random: Random) -> Iterator[str]:
    """What stands around an answer, as a server may send it: bytes that are no JSON, JSON that is no answer."""
    sound: Any = {"choices": [{"message": {"content": reply(random)}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    for _ in range(random.randrange(3)):
        place = random.choice((sound, sound["choices"][0] if sound.get("choices") else sound))
        place[random.choice(("choices", "message", "finish_reason", "usage"))] = random.choice((None, 1, [], {}, "x", [1], {"content": 1}))
        if not (isinstance(sound.get("choices"), list) and sound["choices"] and isinstance(sound["choices"][0], dict)):
            break
    raw = json.dumps(sound).encode()
    raw = random.choice((raw, raw, raw[: random.randrange(len(raw))], bytes(random.randrange(256) for _ in range(40))))
    try:
        answer = _json(raw)
        _tokens(answer)
        if not isinstance(parsed(_text(answer)), str | int | float | bool | list | dict | None):
            yield "an answer that is no JSON value"
    except JudgeError as error:
        if len(str(error)) > 200:
            yield "a message as long as a hostile answer"


# ---------------------------------------------------------------------------------------------- all outputs


def _chunk(task: tuple[Sequence[int], int | None]) -> Found:
    numbers, length = task
    found = Found()
    for number in numbers:
        found.add(examine(output(number, length)))
    return found


def fuzz(count: int, large: int, longest: int) -> Found:
    """All outputs, on all cores; a chunk that takes longer than HANGS_S is a hang, named by its first number."""
    small = range(count - large)
    tasks: list[tuple[Sequence[int], int | None]] = [([number], longest) for number in range(count - large, count)]
    tasks += [(small[at : at + _CHUNK], None) for at in range(0, len(small), _CHUNK)]
    found = Found()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        waiting = [(task, pool.apply_async(_chunk, (task,))) for task in tasks]
        for (numbers, _), result in waiting:
            try:
                found.add(result.get(HANGS_S * (1 + len(tasks) // 100)))
            except multiprocessing.TimeoutError:
                found.wrong[("all", f"hangs in outputs {numbers[0]} to {numbers[-1]}")] = list(numbers)
                break
    return found


# ---------------------------------------------------------------------------------------------- time


SHAPES: Mapping[str, str] = {
    "honest": "en",
    "one line": "en",
    "short sentences": "en",
    "spoiled": "de",
    "killers": "en",
    "one sentence, ja": "ja",
}
Seconds = dict[str, float]


def _timed(task: tuple[str, str, int]) -> Seconds:
    """CPU seconds of each scorer and rail on an output (or, `place` ``evidence``, on evidence) of one shape and length."""
    shape, place, length = task
    tag = SHAPES[shape]
    long, short = (honest(tag) if shape == "honest" else TEXTS[shape])(Random(1), length), honest(tag)(Random(2), 300)
    text, evidence = (long, short) if place == "output" else (short, long)
    passages = tuple(Passage(number, "review", f"r{number}", tag, evidence, 0, len(evidence)) for number in (1, 2))
    aspects = tuple(AspectRow(name, 5, 1, 3, 8) for name in list(pack(tag).aspects)[:3])
    case = Case("case", "highlights", "product", tag, "audio", {"question": "How is it?", "reference": short})
    said = Output("output", "run", "case", text, "ok", "now", passages, aspects)
    gc.disable()
    return {who: _cpu_s(work) for who, work in _works(case, said)}


def _works(case: Case, said: Output) -> Iterator[tuple[str, Callable[[], object]]]:
    claims = claims_of(said, case.language)
    yield "claims", lambda: claims_of(said, case.language)
    for metric in (METRICS | REFERENCE_METRICS).values():
        yield metric.name, lambda metric=metric: metric.measure(case, said, claims)
    for rail in RAILS.values():
        context = Context(case.feature, sorted(rail.targets)[-1], passages=said.passages, secrets=(said.passages[0].text[:2000],))
        yield f"rail {rail.name}", lambda rail=rail, context=context: rail.check(said.text, case.language, context)


def _cpu_s(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


@dataclass(frozen=True)
class Growth:
    """`ratio`: the largest time for twice the length of all shapes; `seconds`: the longest time for the longest text."""

    ratio: float | None
    seconds: float
    shape: str


def growth(lengths: Sequence[int] = LENGTHS) -> dict[str, Growth]:
    """How the time of each scorer and rail grows with the text, by name."""
    places = [(shape, "output") for shape in SHAPES] + [("honest", "evidence")]
    tasks = [(shape, place, length) for shape, place in places for length in reversed(lengths)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        measured = dict(zip(tasks, pool.map(_timed, tasks, chunksize=1), strict=True))
    found: dict[str, Growth] = {}
    for shape, place in places:
        times = [measured[shape, place, length] for length in lengths]
        name = shape if place == "output" else f"{shape} evidence"
        for who in times[0]:
            found[who] = _slower(found.get(who), Growth(_ratio([row[who] for row in times]), times[-1][who], name))
    return found


def _ratio(seconds: Sequence[float]) -> float | None:
    pairs = [(short, long) for short, long in itertools.pairwise(seconds) if long >= LEAST_S]
    return max((long / max(short, LEAST_S / 2) for short, long in pairs), default=None)


def _slower(one: Growth | None, other: Growth) -> Growth:
    if one is None:
        return other
    slowest = max(one, other, key=lambda growth: growth.seconds)
    return replace(slowest, ratio=max((row.ratio for row in (one, other) if row.ratio is not None), default=None))


# ---------------------------------------------------------------------------------------------- the report


def report(found: Found, grown: Mapping[str, Growth], count: int, large: int, longest: int) -> tuple[str, list[str]]:
    """The report in Markdown, and what is wrong."""
    wrong = [
        f"{who}: {problem}: {len(numbers)} outputs, such as {sorted(numbers)[:3]}"
        for (who, problem), numbers in sorted(found.wrong.items())
    ]
    wrong += [f"{who}: time × {row.ratio:.1f} for twice the length" for who, row in grown.items() if row.ratio and row.ratio > MOST_RATIO]
    asked = ", ".join(f"{kind} {number:,} times" for kind, number in sorted(found.asked.items()))
    lines = [
        f"{count:,} hostile outputs ({large} of {longest:,} characters), all else in them hostile too: {asked}.",
        f"Crashes, values that are none, hits outside of the text: {len(found.wrong)}.",
    ]
    lines += ["", *(f"- {problem}" for problem in wrong)] if wrong else []
    if grown:
        lines += ["", "| scorer or rail | CPU s for the longest text | of shape | at most × for twice the length |", "|---|--:|---|--:|"]
        lines += [f"| {who} | {row.seconds:.2f} | {row.shape} | {_times(row)} |" for who, row in grown.items()]
    return "\n".join(lines), wrong


def _times(row: Growth) -> str:
    return "too fast to tell" if row.ratio is None else f"{row.ratio:.2f}"


def figures(_sets: Sets) -> str:
    """Raises PlumblineError where something is wrong: a figure would hide it."""
    text, wrong = report(fuzz(OUTPUTS, LARGE, LONGEST), growth(), OUTPUTS, LARGE, LONGEST)
    if wrong:
        raise PlumblineError(f"hostile texts found {len(wrong)} faults:\n" + "\n".join(wrong))
    return text


def main() -> int:
    """1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.fuzz", description=__doc__)
    parser.add_argument("--outputs", type=int, default=OUTPUTS)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--longest", type=int, default=LONGEST)
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS, help="none: no times")
    asked = parser.parse_args()
    grown = growth(asked.lengths) if asked.lengths else {}
    text, wrong = report(fuzz(asked.outputs, asked.large, asked.longest), grown, asked.outputs, asked.large, asked.longest)
    print(text)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
