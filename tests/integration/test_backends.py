"""Backends: loaded once, named fully, the same answer alone or in a batch, and a clear word where something is missing."""

import subprocess
import sys
import types

import pytest
import torch

from evals.errors import InputError, SetupError
from evals.records import AspectRow, Passage
from runner import backends
from runner.backends import neuron
from runner.backends.base import GenerationSettings
from runner.backends.cpu import find_model
from runner.backends.decode import Text
from runner.prompts import Prompt, assistant_prompt, highlights_prompt

SHORT = GenerationSettings(max_new_tokens=24)
LANGUAGES = ("en", "fr", "ar", "ja", "hi", "de", "ko", "ta", "pt")


def prompts() -> list[Prompt]:
    """Of different lengths, so that a batch has padding."""
    passages = [
        Passage(1, "review", "r", "en", "The battery lasts for days, brilliant. " * n, 0, 40 * n, "battery", "positive") for n in (1, 3)
    ]
    rows = [AspectRow("battery", 12, 3, 4, 18), AspectRow("sound", 1, 0, 2, 3)]
    asked = [assistant_prompt("compact-v1", tag, "Battery?", passages[n % 2 :]) for n, tag in enumerate(LANGUAGES)]
    return [*asked[:7], *(highlights_prompt("compact-v1", tag, "t", rows[: n + 1], passages) for n, tag in enumerate(LANGUAGES[:3]))]


@pytest.fixture(scope="module", params=["fp32", "int8", "int8-dynamic"])
def backend(request) -> backends.Backend:
    return backends.load({"backend": "cpu", "model": "tiny-multilingual", "precision": request.param})


def test_a_batch_answers_as_one_by_one_would(backend):
    if backend.identity()["precision"] == "int8-dynamic":
        pytest.skip("dynamic quantisation takes one scale for a whole batch of activations: its answers do depend on the batch")
    together = backend.generate(prompts(), SHORT)
    alone = [backend.generate([prompt], SHORT)[0] for prompt in prompts()]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert [answer.generated_tokens for answer in together] == [answer.generated_tokens for answer in alone]


def test_a_stream_is_the_answer_in_pieces(backend):
    for prompt in prompts()[:4]:
        chunks = list(backend.stream(prompt, SHORT))
        [whole] = backend.generate([prompt], SHORT)
        assert "".join(chunk.text for chunk in chunks) == whole.text
        assert [chunk.generation is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
        last = chunks[-1].generation
        assert last is not None and (last.text, last.generated_tokens, last.finish_reason) == (
            whole.text,
            whole.generated_tokens,
            whole.finish_reason,
        )


def test_counts_and_times_are_those_of_the_answer(backend):
    for answer in backend.generate(prompts()[:3], SHORT):
        assert answer.prompt_tokens > 10
        assert 1 <= answer.generated_tokens <= 24
        assert answer.first_token_s is not None and 0 < answer.first_token_s <= answer.total_s


def test_length_is_the_limit_that_was_asked_for(backend):
    [answer] = backend.generate(prompts()[:1], GenerationSettings(max_new_tokens=3, ignore_eos=True))
    assert (answer.generated_tokens, answer.finish_reason) == (3, "length")


def test_a_prompt_that_does_not_fit_spoils_only_itself(backend):
    long = Prompt((("user", "word " * 3000),))
    answers = backend.generate([long, prompts()[0]], SHORT)
    assert (answers[0].finish_reason, answers[0].text, answers[0].first_token_s) == ("context", "", None)
    assert answers[1].finish_reason in ("stop", "length")
    [chunk] = backend.stream(long, SHORT)
    assert chunk.generation is not None and chunk.generation.finish_reason == "context"


def test_a_draw_depends_on_the_seed_and_the_prompt_alone(backend):
    if backend.identity()["precision"] == "int8-dynamic":
        pytest.skip("see above")
    warm = [GenerationSettings(max_new_tokens=16, temperature=1.5, seed=seed) for seed in (1, 2)]
    first = [answer.text for answer in backend.generate(prompts(), warm[0])]
    assert first == [answer.text for answer in backend.generate(prompts(), warm[0])]
    assert first[4] == backend.generate([prompts()[4]], warm[0])[0].text
    assert first != [answer.text for answer in backend.generate(prompts(), warm[1])]


def test_a_stop_text_ends_the_answer_before_it(backend):
    [whole] = backend.generate(prompts()[:1], SHORT)
    mark = whole.text[3:6]
    settings = GenerationSettings(max_new_tokens=24, stop=(mark,))
    [cut] = backend.generate(prompts()[:1], settings)
    assert (cut.text, cut.finish_reason) == (whole.text[: whole.text.find(mark)], "stop")
    assert "".join(chunk.text for chunk in backend.stream(prompts()[0], settings)) == cut.text


def test_identity_names_everything_that_made_the_answer(backend):
    identity = backend.identity()
    assert set(identity) == {"model", "revision", "precision", "backend", "hardware"}
    assert len(identity["revision"]) == 64 and identity["model"] == "tiny-multilingual" and "thread" in identity["hardware"]


def test_full_and_int8_weights_are_different_revisions():
    full, small = (backends.load({"model": "tiny-multilingual", "precision": precision}).identity() for precision in ("fp32", "int8"))
    assert full["revision"] != small["revision"]


def test_a_model_is_loaded_once_whatever_the_decoding_settings():
    one = backends.load({"model": "tiny-multilingual", "precision": "fp32", "temperature": 0, "kind": "lm"})
    assert one is backends.load({"backend": "cpu", "model": "tiny-multilingual", "precision": "fp32", "temperature": 1, "seed": 3})


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"backend": "abacus"}, InputError, "abacus"),
        ({"precision": "int3"}, InputError, "int3"),
        ({"model": "no-such-model"}, SetupError, "tiny-multilingual"),
        ({"model": "/nowhere/model"}, SetupError, "/nowhere/model"),
        ({"backend": "neuron", "model": "m"}, SetupError, "remote"),
        ({"backend": "remote"}, InputError, "base_url"),
        ({"backend": "remote", "base_url": "ftp://x/v1"}, InputError, "ftp"),
        ({"backend": "remote", "base_url": "http://me:secret@x/v1"}, InputError, "PLUMBLINE_API_KEY"),
    ],
)
def test_what_cannot_be_loaded_is_explained(settings, error, says):
    with pytest.raises(error, match=says):
        backends.load(settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_device_is_explained():
    with pytest.raises(SetupError, match="CUDA"):
        backends.load({"backend": "cuda", "model": "tiny-multilingual"})


def test_a_hub_id_offline_is_explained(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SetupError, match="nobody/nothing"):
        find_model("nobody/nothing")


@pytest.mark.parametrize("values", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"temperature": float("nan")}])
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError, match="temperature"):
        GenerationSettings(**values)


def test_settings_are_read_from_a_variant():
    assert GenerationSettings.of({"max_new_tokens": 7, "seed": 3, "model": "x"}) == GenerationSettings(7, 0.0, 3)


class Letters:
    """A tokenizer whose tokens are UTF-8 bytes."""

    def decode(self, tokens, skip_special_tokens=True):
        return bytes(tokens).decode("utf-8", "replace")


def test_half_a_character_is_never_shown():
    text, shown, sent = Text(Letters()), [], list("añ日🙂b".encode())
    for size in range(1, len(sent) + 1):
        shown.append(text.news(sent[:size], finished=size == len(sent)))
    assert "".join(shown) == "añ日🙂b" and not any("\ufffd" in piece for piece in shown)


def test_the_beginning_of_a_stop_text_waits():
    text, sent = Text(Letters(), ("END",)), b"an EN, END."
    shown = [text.news(sent[:size], finished=size == len(sent)) for size in range(1, len(sent) + 1) if not text.stopped]
    assert "".join(shown) == "an EN, " and text.stopped


def test_the_placeholder_of_pypi_does_not_pass_for_neuron(monkeypatch):
    class Placeholder:
        def find_spec(self, name, path=None, target=None):
            if name == "torch_neuronx":
                raise ImportError("WRONG PACKAGE. Please install the package from Neuron Repository\nhere")
            return None

    monkeypatch.setattr(sys, "meta_path", [Placeholder(), *sys.meta_path])
    assert "WRONG PACKAGE" in (neuron.missing() or "")


def test_the_package_without_a_device_is_not_enough(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch_neuronx", types.ModuleType("torch_neuronx"))
    monkeypatch.setattr(neuron, "DEVICES", str(tmp_path / "neuron*"))
    assert "no device" in (neuron.missing() or "")


class CompiledModel:
    """Obeys what was read in optimum-neuron: right-padded input, static sizes, the stopping criteria asked after each step."""

    neuron_config = types.SimpleNamespace(batch_size=2, sequence_length=64, tp_degree=2, target="inf2", checkpoint_revision="abc")
    generation_config = types.SimpleNamespace(eos_token_id=2)
    answer = (*b"yes [1]", 2)

    def generate(self, input_ids, attention_mask, generation_config, stopping_criteria):
        assert input_ids.shape[0] <= 2 and input_ids.shape[1] + generation_config.max_new_tokens <= 64
        assert (attention_mask.diff(dim=1) <= 0).all(), "padding is on the right"
        for step in range(generation_config.max_new_tokens):
            token = self.answer[min(step, len(self.answer) - 1)]
            input_ids = torch.cat([input_ids, torch.full((len(input_ids), 1), token)], dim=1)
            if stopping_criteria(input_ids, None).all():
                return input_ids
        return input_ids


class ByteTokenizer(Letters):
    eos_token_id = 2

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        return "".join(message["content"] for message in messages)

    def __call__(self, text, add_special_tokens):
        return {"input_ids": list(text.encode())}


@pytest.fixture
def compiled(monkeypatch) -> backends.Backend:
    monkeypatch.setattr(neuron, "_compiled", lambda *_: CompiledModel())
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *_: ByteTokenizer())
    return neuron.NeuronBackend("m", 2, 64)


def test_the_neuron_backend_drives_a_compiled_model_within_its_shapes(compiled):
    answers = compiled.generate([Prompt((("user", "a" * n),)) for n in (3, 9, 5, 70)], GenerationSettings(max_new_tokens=20))
    assert [(a.text, a.generated_tokens, a.finish_reason) for a in answers] == [("yes [1]", 8, "stop")] * 3 + [("", 0, "context")]
    assert compiled.identity()["hardware"] == "inf2, 2 cores, batch 2, sequence 64"


def test_the_neuron_backend_streams_what_it_generates(compiled):
    *pieces, last = compiled.stream(Prompt((("user", "abc"),)), GenerationSettings(max_new_tokens=20))
    assert "".join(piece.text for piece in pieces) == "yes [1]" == last.generation.text
    [cut] = compiled.generate([Prompt((("user", "abc"),))], GenerationSettings(stop=(" [",), max_new_tokens=20))
    assert (cut.text, cut.finish_reason) == ("yes", "stop")


def test_every_backend_is_importable_without_loading_torch():
    modules = sorted({path.partition(":")[0] for path in backends.BACKENDS.values()} | {"runner.server", "runner.quantize"})
    code = f"import {', '.join(modules)}, sys; assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
