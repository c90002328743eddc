"""What a shopper sees: the champion's newest text about a product in a language, or nothing and why.

Only an output that is whole is shown: not one that a rail stopped or that failed, and not one that an escalation hides
(`evals.store.escalations`). What is hidden is replaced by nothing, never by an older or another claim, until the champion says something
else.
"""

from __future__ import annotations

from dataclasses import dataclass

from evals import registry
from evals.datasets import assistant_case
from evals.errors import InputError, UnknownIdError
from evals.records import EVERYWHERE, AspectRow, Case, Escalation, Feature, Output, Passage
from evals.store import Store

REPORTED = "hidden: a customer reported it, and people have not judged it yet"
WITHDRAWN = "withdrawn: a customer reported it and it was found wrong"
STOPPED = "not shown: a guardrail stopped it"
FAILED = "not shown: it could not be made"
EMPTY = "not shown: nothing is said"
SHORT = 80  # code points of a foreign name in a message


@dataclass(frozen=True)
class Published:
    """`text` with the evidence it rests on; all three empty where `hidden_because` says why nothing is shown."""

    feature: Feature
    product_id: str
    language: str
    text: str | None
    passages: tuple[Passage, ...]
    aspects: tuple[AspectRow, ...]
    run_id: str
    output_id: str
    hidden_because: str | None


def published(
    store: Store, feature: Feature, product_id: str, language: str, question: str | None = None, marketplace: str = EVERYWHERE
) -> Published:
    """What is shown of `feature` for a product in a language, in a marketplace; for the assistant in answer to `question`.

    Raises UnknownIdError, naming what there is, where the champion answered no such case; InputError for a question where there is none
    to ask, or none where one is needed.
    """
    output = current_output(store, feature, product_id, language, question, marketplace)
    why = _hidden_because(output, store.escalations.hiding([output.output_id]).get(output.output_id, []))
    text, passages, aspects = (output.text, output.passages, output.aspects) if why is None else (None, (), ())
    return Published(feature, product_id, language, text, passages, aspects, output.run_id, output.output_id, why)


def current_output(
    store: Store, feature: Feature, product_id: str, language: str, question: str | None = None, marketplace: str = EVERYWHERE
) -> Output:
    """The output in service, shown or not: of the champion's newest finished run that answered the case. Raises as `published`."""
    if (question is not None) != (feature == "assistant"):
        raise InputError("assistant: which question?" if question is None else f"{feature} answer no question")
    serving = registry.champion(store, feature, marketplace)
    if serving is None:
        raise UnknownIdError(f"nothing is published: {feature} have no champion yet (plumb install {feature} VARIANT)")
    found = None
    if all(map(storable, (product_id, language, question or ""))):
        case_id = None if question is None else _case_id(store, product_id, language, question)
        found = store.runs.newest_output(serving.variant_id, product_id, language, case_id)
    if found is None:
        raise UnknownIdError(_what_is_known(store, serving.variant_id, feature, product_id, language, question))
    return found


def _hidden_because(output: Output, hiding: list[Escalation]) -> str | None:
    if output.status != "ok":
        return STOPPED if output.status == "blocked" else FAILED
    if not output.text.strip():
        return EMPTY
    if any(escalation.resolved_at is None for escalation in hiding):
        return REPORTED
    return WITHDRAWN if hiding else None


def _case_id(store: Store, product_id: str, language: str, question: str) -> str:
    try:
        return assistant_case(store.catalog.product(product_id), language, question).case_id
    except UnknownIdError:
        return ""  # no case has this name


def storable(text: str) -> bool:
    """Whether a text can be looked up at all: no database takes NUL or half a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _what_is_known(store: Store, variant_id: str, feature: Feature, product_id: str, language: str, question: str | None) -> str:
    of_product: list[Case] = store.runs.answered(variant_id, product_id) if storable(product_id) else []
    in_language = [case for case in of_product if case.language == language]
    if not of_product:
        others = _some({case.product_id for case in store.runs.answered(variant_id)})
        return f"nothing is published about product {product_id[:SHORT]!r}, only about {others}"
    if not in_language:
        languages = _some({case.language for case in of_product}, most=28)
        return f"{feature} of {product_id} are not published in {language[:SHORT]!r}, only in {languages}"
    asked = _some({repr(str(case.inputs.get("question"))[:SHORT]) for case in in_language})
    return f"nobody asked {str(question)[:SHORT]!r} about {product_id} in {language}, only {asked}"


def _some(names: set[str], most: int = 5) -> str:
    listed = sorted(names)
    return (", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")) or "nothing at all"
