"""An answer from the passages: by rules and the language pack's patterns, or by a language model, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.identity import sha256
from evals.packs import LanguagePack, pack
from evals.records import Case, Passage, Variant
from evals.text import sentences
from runner import backends
from runner.assistant.retrieve import Query
from runner.backends.base import Chunk, GenerationSettings
from runner.prompts import Prompt, aspect_name, assistant_prompt, attribute_name

MAX_QUOTE = 220  # code points; a longer sentence is not quoted whole, and a cut one is not a quotation


def prompt_of(case: Case, passages: Sequence[Passage], variant: Variant) -> Prompt:
    """What the variant's model is asked."""
    style = str(variant.settings.get("prompt", "compact-v1"))
    return assistant_prompt(style, case.language, str(case.inputs["question"]), passages)


def by_model(prompt: Prompt, variant: Variant) -> Iterator[Chunk]:
    """What the variant's model says, as it comes."""
    return backends.load(variant.settings).stream(prompt, GenerationSettings.of(variant.settings))


def by_template(case: Case, passages: Sequence[Passage], asked: Query) -> Iterator[Chunk]:
    """The attribute asked for and what reviewers say of the aspect asked for, or else an earlier answer; one of these with a quotation."""
    words = pack(case.language)
    said = [_attribute(case, words, passages), _aspect(case, words, passages, asked)]
    said = [sentence for sentence in said if sentence] or [_earlier(case, passages)]
    if len(said) < 2:
        said.append(_quotation(case, words, passages))
    yield Chunk(" ".join(sentence for sentence in said if sentence) or unknown(case))


def unknown(case: Case) -> str:
    """That nothing answers the question, in its language."""
    return _wording(case, pack(case.language), "unknown")


def _attribute(case: Case, words: LanguagePack, passages: Sequence[Passage]) -> str:
    """Only when it is the best passage: the question then names it."""
    best = passages[0] if passages else None
    if best is None or best.source != "attribute":
        return ""
    name = attribute_name(words, best.source_id)
    value = best.text.removeprefix(f"{name}:").strip()
    return f"{_wording(case, words, 'attribute').format(attribute=name, value=value)} [{best.number}]"


def _aspect(case: Case, words: LanguagePack, passages: Sequence[Passage], asked: Query) -> str:
    """Reviewers agree or do not, in the passages that speak of the first aspect asked for that has any."""
    for aspect in asked.aspects:
        about = [passage for passage in passages if passage.aspect == aspect and passage.polarity in ("positive", "negative")]
        sides = {passage.polarity for passage in about}
        if sides:
            name = "aspect_mixed" if len(sides) > 1 else f"aspect_{sides.pop()}"
            marks = "".join(f"[{passage.number}]" for passage in about)
            return f"{_wording(case, words, name).format(aspect=aspect_name(words, aspect))} {marks}"
    return ""


def _earlier(case: Case, passages: Sequence[Passage]) -> str:
    """The community's answer, in its own words, when it is short."""
    some = next((p for p in passages if p.source == "qa" and len(p.text) <= MAX_QUOTE), None)
    return " ".join(f"{span.text} [{some.number}]" for span in sentences(some.text, case.language)) if some else ""


def _quotation(case: Case, words: LanguagePack, passages: Sequence[Passage]) -> str:
    """The best review passage short enough, one that takes a side before one that does not."""
    short = [p for p in passages if p.source == "review" and len(p.text) <= MAX_QUOTE]
    some = next((p for p in short if p.polarity in ("positive", "negative")), short[0] if short else None)
    return f"{_wording(case, words, 'quote').format(snippet=some.text)} [{some.number}]" if some else ""


def _wording(case: Case, words: LanguagePack, name: str) -> str:
    wordings = words.answer[name]
    return wordings[int(sha256(f"{case.case_id} {name}"), 16) % len(wordings)]
