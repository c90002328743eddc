"""The small model's making: examples that can be made again, targets that are right by the evaluation's own rules, batches that resume."""

from itertools import islice

import pytest

from evals.languages import LANGUAGES
from runner.tiny.corpus import example
from runner.tiny.evaluate import _same_answer, sentence_verdicts, shown
from runner.tiny.train import WARM_UP, Recipe, batches, rate


def test_an_example_depends_on_its_seed_and_number_alone():
    assert example(1, 7) == example(1, 7)
    assert example(1, 7) != example(2, 7)


def test_all_languages_and_kinds_are_drawn():
    made = [example(3, number) for number in range(1500)]
    assert {one.language for one in made} == set(LANGUAGES)
    assert {one.kind for one in made} == {"highlights", "aspect", "attribute", "unknown"}


def test_every_target_is_right_by_the_rules_it_is_measured_with():
    for number in range(600):
        made = example(4, number)
        if made.feature == "highlights":
            assert sentence_verdicts(made, shown(made.target)) == [(True, True)] * len(made.rows), (number, made.target)
        else:
            assert _same_answer(made, shown(made.target)), (number, made.target)


def test_a_wrong_summary_is_not_called_right():
    made = next(one for one in (example(4, number) for number in range(200)) if len(one.rows) >= 2)
    assert not any(exact for _, exact in sentence_verdicts(made, "Something else."))


class Bytes:
    """A tokenizer of bytes with the real template's ending."""

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        return "".join(message["content"] for message in messages)[-60:] + "<|answer|>"

    def __call__(self, text, add_special_tokens):
        return {"input_ids": list(text.encode())[:200]}


def test_training_goes_on_with_the_batches_it_would_have_had():
    recipe = Recipe(("en", "ja"), batch=2)
    straight = list(islice(batches(recipe, Bytes()), 70))
    assert list(islice(batches(recipe, Bytes(), first=66), 4)) == straight[66:]


def test_the_learning_rate_rises_then_falls():
    rates = [rate(step, 1000) for step in range(1000)]
    assert max(rates) == pytest.approx(1.0) and rates.index(max(rates)) in (WARM_UP - 1, WARM_UP)
    assert rates[-1] < 0.06
