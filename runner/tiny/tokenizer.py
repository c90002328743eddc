"""The small model's tokenizer: byte-level BPE over the synthetic corpus, digits one by one, one special token per language and task.

Its chat template renders the messages of `runner.prompts` into the few tokens the model was trained on, so that it is used
through ``apply_chat_template`` like any model of a hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from runner.prompts import MAX_ROWS, row_token
from runner.tiny.corpus import example

BEGIN, END, PAD, ANSWER = "<|begin|>", "<|end|>", "<|pad|>", "<|answer|>"
SPECIAL = (
    PAD,
    BEGIN,
    END,
    ANSWER,
    "<|highlights|>",
    "<|assistant|>",
    *map(row_token, range(1, MAX_ROWS + 1)),
    *(f"<|{tag}|>" for tag in LANGUAGES),
)
CONTEXT = 512
# Marks belong to their letters (an Indic word is one word), every digit stands alone (a count is read digit by digit).
WORDS = r" ?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]|\s+"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ '<|answer|>' + message['content'] + eos_token }}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|answer|>' }}{% endif %}"
)


def train_tokenizer(tags: Sequence[str], *, seed: int, vocabulary: int = 6144, examples: int = 24_000) -> Any:
    """A `PreTrainedTokenizerFast` trained on every string of the packs and on `examples` of the corpus; same input, same merges."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(_texts(tags, seed, examples), trainer)
    return _wrapped(raw)


def _wrapped(raw: Any) -> Any:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _texts(tags: Sequence[str], seed: int, examples: int) -> list[str]:
    texts = [text for tag in tags for text in _strings(pack(tag))]
    for index in range(examples):
        made = example(seed, index, tags)
        texts += [made.prompt.messages[-1][1], made.target]
    return texts


def _strings(words: LanguagePack) -> list[str]:
    groups = (words.summary, words.answer, words.ask, words.words, words.openers, words.closers)
    found = [text for group in groups for texts in group.values() for text in texts]
    for row in words.aspects.values():
        found += [row.name, *row.terms, *row.positive, *row.negative, *row.neutral]
    return [*found, *words.attributes.values()]


def load(path: Path) -> Any:
    """The tokenizer saved in `path`, read from there and nowhere else."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, local_files_only=True)
