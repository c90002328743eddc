"""INT8 as Neuron's libraries define it: the same bits as torch, the same answers as the dequantised layer."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from evals.errors import InputError
from runner.quantize import (
    INT8_FILE,
    dequantize_rows,
    int8_linear,
    linear_names,
    load_dynamic_int8,
    load_int8,
    quantize_checkpoint,
    quantize_rows,
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A random Llama: speed and shape of the real thing, no training needed."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        tie_word_embeddings=True, attention_bias=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 999), size=st.sampled_from([1e-30, 0.05, 1.0, 1e4]))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_rows_are_quantised_to_the_bits_torch_makes(rows, columns, seed, size):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * size
    weight[0] = 0
    ours, scales = quantize_rows(weight)
    theirs = torch.quantize_per_channel(weight, scales, torch.zeros(rows, dtype=torch.int64), 0, torch.qint8)
    assert torch.equal(ours, theirs.int_repr())
    assert torch.equal(dequantize_rows(ours, scales), theirs.dequantize())


@given(st.integers(0, 99))
@settings(deadline=None)
def test_no_weight_moves_by_more_than_half_a_step(seed):
    weight = torch.randn(16, 64, generator=torch.Generator().manual_seed(seed))
    quantised, scales = quantize_rows(weight)
    assert ((dequantize_rows(quantised, scales) - weight).abs() <= scales[:, None] * 0.5001).all()


@pytest.mark.parametrize(("rows", "columns"), [(64, 128), (192, 64), (16, 30), (7, 5)])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_layer_computes_what_its_dequantised_twin_does(rows, columns, batch):
    torch.manual_seed(1)
    weight, bias, x = torch.randn(rows, columns), torch.randn(rows), torch.randn(batch, 3, columns)
    quantised, scales = quantize_rows(weight)
    expected = torch.nn.functional.linear(x, dequantize_rows(quantised, scales), bias)
    torch.testing.assert_close(int8_linear(quantised, scales, bias)(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(64, 128), (16, 30)])
def test_the_layer_takes_bf16_activations(rows, columns):
    weight, x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(2)), torch.ones(3, columns)
    quantised, scales = quantize_rows(weight)
    exact = torch.nn.functional.linear(x, dequantize_rows(quantised, scales))
    rounded = int8_linear(quantised, scales)(x.to(torch.bfloat16))
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).norm() < 0.02 * exact.norm()


def test_a_checkpoint_shrinks_and_answers_almost_alike(checkpoint, tmp_path):
    file = quantize_checkpoint(checkpoint, tmp_path)
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    full, small = LlamaForCausalLM.from_pretrained(checkpoint), load_int8(tmp_path)
    assert file.stat().st_size < 0.5 * (checkpoint / "model.safetensors").stat().st_size
    ids = torch.arange(32)[None]
    with torch.inference_mode():
        exact, rounded = full(ids).logits, small(ids).logits
    error = (exact - rounded).norm() / exact.norm()
    assert 0 < error < 0.03


def test_a_saved_int8_file_and_quantising_on_loading_are_the_same_model(checkpoint, tmp_path):
    quantize_checkpoint(checkpoint, tmp_path)
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    fresh, kept = load_int8(checkpoint), load_int8(tmp_path)
    for name in linear_names(LlamaForCausalLM.from_pretrained(checkpoint)):
        assert torch.equal(fresh.get_submodule(name).weight, kept.get_submodule(name).weight)
        assert torch.equal(fresh.get_submodule(name).weight_scale, kept.get_submodule(name).weight_scale)


def test_the_head_keeps_its_precision(checkpoint):
    model = load_int8(checkpoint)
    assert isinstance(model.lm_head, torch.nn.Linear)
    assert not any(isinstance(module, torch.nn.Linear) for module in model.model.modules())


def test_dynamic_quantisation_is_offered_as_another_scheme(checkpoint):
    ids = torch.arange(32)[None]
    with torch.inference_mode():
        assert torch.isfinite(load_dynamic_int8(checkpoint)(ids).logits).all()


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(InputError, match=tmp_path.name):
        quantize_checkpoint(tmp_path)


def test_an_int8_file_of_another_model_is_refused(checkpoint, tmp_path):
    quantize_checkpoint(checkpoint, tmp_path)
    LlamaConfig.from_pretrained(checkpoint, attention_bias=False).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=INT8_FILE):
        load_int8(tmp_path)
