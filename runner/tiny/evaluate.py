"""How good the small model is on examples it has not seen, counted strictly; the numbers go into its model card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import regex

from evals.bands import true_patterns
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import AspectRow
from evals.text import sentences
from runner.backends.base import Backend, GenerationSettings
from runner.tiny.corpus import Example, example

HELD_OUT_SEED = 1_000_003
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Latin": tuple(tag for tag, row in LANGUAGES.items() if row.script == "Latn"),
    "Indic": tuple(tag for tag, row in LANGUAGES.items() if row.script in ("Deva", "Beng", "Taml", "Telu")),
    "Chinese, Japanese, Korean": ("zh", "ja", "ko"),
    "Arabic, Greek, Hebrew": ("ar", "el", "he"),
}


@dataclass(frozen=True)
class Quality:
    """Shares of `n`. Sentences of summaries: `well_formed` (a known pattern about the right aspect with the right [n]) and
    `exact` (and true of the row's counts). Answers: equal to a right answer by kind.
    """

    n: int
    well_formed: float
    exact: float
    answers: Mapping[str, float]


def held_out(examples: int) -> list[Example]:
    """Examples of a seed that no training uses."""
    return [example(HELD_OUT_SEED, index) for index in range(examples)]


def quality(backend: Backend, examples: Sequence[Example]) -> dict[str, Quality]:
    """`Quality` by group of languages, and of ``all``."""
    done = backend.generate([made.prompt for made in examples], GenerationSettings(max_new_tokens=200))
    pairs = [(made, generation.text) for made, generation in zip(examples, done, strict=True)]
    groups = {"all": tuple(LANGUAGES), **GROUPS}
    return {name: _quality([pair for pair in pairs if pair[0].language in tags]) for name, tags in groups.items()}


def _quality(pairs: Sequence[tuple[Example, str]]) -> Quality:
    verdicts = [verdict for made, text in pairs if made.feature == "highlights" for verdict in sentence_verdicts(made, text)]
    answers: dict[str, list[bool]] = defaultdict(list)
    for made, text in pairs:
        if made.feature == "assistant":
            answers[made.kind].append(_same_answer(made, text))
    return Quality(
        len(verdicts),
        _share([formed for formed, _ in verdicts]),
        _share([exact for _, exact in verdicts]),
        {kind: _share(found) for kind, found in sorted(answers.items())},
    )


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def sentence_verdicts(made: Example, text: str) -> list[tuple[bool, bool]]:
    """(well formed, exact) for each row of the table, by the sentence in its place; a missing sentence is neither."""
    said = [span.text for span in sentences(text, made.language)]
    wanted = [span.text for span in sentences(shown(made.target), made.language)]
    said += [""] * (len(made.rows) - len(said))
    return [_verdict(made.language, row, sentence, right) for row, sentence, right in zip(made.rows, said, wanted, strict=False)]


def _verdict(tag: str, row: AspectRow, sentence: str, wanted: str) -> tuple[bool, bool]:
    keys = pattern_keys(tag, row, sentence)
    formed = bool(keys) and _marks(sentence) == _marks(wanted)
    return formed, formed and bool(keys & true_patterns(row))


def pattern_keys(tag: str, row: AspectRow, sentence: str) -> set[str]:
    """Which summary patterns, filled for `row`, the sentence is (marks aside). Wrong numbers in a pattern with numbers make it none,
    but for the shape: then ``wrong_numbers``.
    """
    bare, words = _bare(sentence), pack(tag)
    found = set()
    for key, patterns in words.summary.items():
        for pattern in patterns:
            shape = pattern.replace("{aspect}", words.aspects[row.aspect].name)
            if _bare(shape.replace("{positive}", str(row.positive)).replace("{total}", str(row.positive + row.negative))) == bare:
                found.add(key)
            elif key == "counts_positive" and regex.fullmatch(_any_number(_bare(shape)), bare):
                found.add("wrong_numbers")
    return found


def _any_number(shape: str) -> str:
    return regex.escape(shape).replace(regex.escape("{positive}"), r"\d+").replace(regex.escape("{total}"), r"\d+")


def shown(target: str) -> str:
    """A target as people see it: without the rows' tokens."""
    return regex.sub(r"<\|r\d\|>", "", target)


def _bare(text: str) -> str:
    return regex.sub(r"\s*\[\d+\]", "", text).strip()


def _marks(text: str) -> list[str]:
    return regex.findall(r"\[\d+\]", text)


def _same_answer(made: Example, text: str) -> bool:
    """Equal to the target, whichever variant of its pattern was chosen."""
    words = pack(made.language)
    target = shown(made.target)
    if _marks(text) != _marks(target):
        return False
    if made.kind == "unknown":
        return _bare(text) in words.answer["unknown"]
    keys = [key for key, patterns in words.answer.items() if any(_filled(pattern, target) for pattern in patterns)]
    core = {match for key in keys for pattern in words.answer[key] if (match := _filled(pattern, target))}
    return any(_filled(pattern, text) in core for key in keys for pattern in words.answer[key])


def _filled(pattern: str, text: str) -> tuple[str, ...] | None:
    shape = regex.sub(r"\\\{\w+\\\}", "(.+)", regex.escape(pattern, special_only=False, literal_spaces=True))
    match = regex.fullmatch(shape, _bare(text))
    return match.groups() if match else None
