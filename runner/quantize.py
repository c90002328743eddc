"""INT8 weights by the rule of Neuron's NxD libraries, so that what is gated here is the arithmetic that would run there.

Weight-only, symmetric, per output channel (axis 0): scale = max(absmax / 127, eps), zero point 0, int8 with fp32 scales;
bit-equal to ``torch.quantize_per_channel``. Source of the rule: neuronx-distributed, quantization/observer.py and quantization_utils.py.
The head and the embeddings keep their precision, as there. ``int8-dynamic`` (activations quantised too) is torch's own, a different scheme.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

INT8_FILE = "model.int8.safetensors"
SCALE = "_scale"
KEPT = ("lm_head",)  # modules left as they are: the head decides among near ties
PACKED_MULTIPLE = 64  # torch's packed kernel reads past the end of other shapes (it crashed on 16 x 30), so only these go there


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """`weight` (rows = output channels) as int8 and its fp32 scales, one per row.

    >>> import torch
    >>> quantize_rows(torch.tensor([[1.27, -0.5], [0.0, 0.0]]))[0].tolist()
    [[127, -50], [0, 0]]
    """
    import torch

    exact = weight.detach().to(torch.float32)
    scales = (exact.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).eps)
    return (exact * (1.0 / scales)[:, None]).round().clamp(-128, 127).to(torch.int8), scales


def dequantize_rows(weight: Tensor, scales: Tensor) -> Tensor:
    """The fp32 matrix that `weight` and `scales` stand for."""
    return weight.to(scales.dtype) * scales[:, None]


# ---------------------------------------------------------------------------------------------- the layer


@cache
def _layer() -> Any:
    """The class is made when torch is first needed: importing this module stays cheap."""
    import torch

    class Int8Linear(torch.nn.Module):  # type: ignore[misc]  # torch is Any to mypy: its imports are skipped
        """A linear layer that keeps int8 weights. Same shapes and result (up to rounding of sums) as the dequantised fp32 layer."""

        weight: Tensor
        weight_scale: Tensor
        bias: Tensor | None

        def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None = None) -> None:
            super().__init__()
            self.out_features, self.in_features = weight.shape
            self.packed = weight.shape[0] % PACKED_MULTIPLE == 0 and weight.shape[1] % PACKED_MULTIPLE == 0
            self.register_buffer("weight", weight.contiguous())
            self.register_buffer("weight_scale", scales.to(torch.float32))
            self.register_buffer("bias", None if bias is None else bias.detach().to(torch.float32))

        def forward(self, x: Tensor) -> Tensor:
            flat = x.reshape(-1, self.in_features)
            if self.packed and x.device.type == "cpu" and x.dtype == torch.bfloat16:
                out = torch._weight_int8pack_mm(flat.contiguous(), self.weight, self.weight_scale.to(x.dtype))
            else:  # in fp32 that kernel is a plain loop, seven times slower than widening the weights for each product
                out = torch.nn.functional.linear(flat, self.weight.to(flat.dtype)) * self.weight_scale
            out = out if self.bias is None else out + self.bias
            return out.reshape(*x.shape[:-1], self.out_features).to(x.dtype)

        def extra_repr(self) -> str:
            return f"in_features={self.in_features}, out_features={self.out_features}, packed={self.packed}"

    return Int8Linear


def int8_linear(weight: Tensor, scales: Tensor, bias: Tensor | None = None) -> Any:
    """An ``Int8Linear`` module over int8 `weight` (out, in) and fp32 `scales` (out)."""
    return _layer()(weight, scales, bias)


def replace_linears(model: Any, tensors: Mapping[str, Tensor] | None = None, kept: Collection[str] = KEPT) -> Any:
    """`model` with every ``nn.Linear`` outside `kept` replaced, in place.

    Weights come from `tensors` (names as in an int8 file) where given, else from quantising the layer's own.
    """
    for name in linear_names(model, kept):
        parent, _, child = name.rpartition(".")
        layer = model.get_submodule(name)
        if tensors is None:
            weight, scales = quantize_rows(layer.weight)
        else:
            weight, scales = tensors[f"{name}.weight"], tensors[f"{name}.weight{SCALE}"]
        setattr(model.get_submodule(parent), child, int8_linear(weight, scales, layer.bias))
    return model


def linear_names(model: Any, kept: Collection[str] = KEPT) -> list[str]:
    """Names of the linear layers that are quantised."""
    import torch

    named = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    return [name for name in named if not set(kept) & set(name.split("."))]


# ---------------------------------------------------------------------------------------------- checkpoints


def quantize_checkpoint(model_dir: Path, out: Path | None = None) -> Path:
    """Writes ``model.int8.safetensors`` for the checkpoint in `model_dir` (any Llama-like causal LM) into `out`, by default beside it.

    Everything but the linear layers is stored as fp16. Raises InputError when there is no checkpoint to read.
    """
    import torch
    from safetensors.torch import save_file

    model = _loaded(model_dir)
    quantised = set(linear_names(model))
    tensors: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        if name.removesuffix(".weight") in quantised:
            tensors[name], tensors[name + SCALE] = quantize_rows(tensor)
        elif not (name == "lm_head.weight" and model.config.tie_word_embeddings):
            tensors[name] = tensor.to(torch.float16).contiguous()
    target = (out or model_dir) / INT8_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        tensors, target, metadata={"format": "pt", "scheme": "int8 weight-only, symmetric, per channel axis 0", "kept": ",".join(KEPT)}
    )
    return target


def load_int8(model_dir: Path) -> Any:
    """The model of `model_dir` in evaluation mode, its linear layers ``Int8Linear``, the rest fp32.

    Reads ``model.int8.safetensors`` where there is one (the full checkpoint is then not needed), else quantises the full checkpoint.
    """
    if not (model_dir / INT8_FILE).exists():
        return replace_linears(_loaded(model_dir)).eval()
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    tensors = load_file(model_dir / INT8_FILE)
    with no_init_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model_dir, local_files_only=True), dtype=torch.float32)
    replace_linears(model, tensors)
    plain = {name: tensor.to(torch.float32) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    missing, unexpected = model.load_state_dict(plain, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise InputError(f"{model_dir / INT8_FILE} does not fit its config.json: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def load_dynamic_int8(model_dir: Path) -> Any:
    """The model of `model_dir` under torch's dynamic quantisation: int8 weights per tensor *and* int8 activations; not Neuron's scheme."""
    import torch

    model = _loaded(model_dir)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao.quantization is deprecated; its successor needs minutes of compilation
        return torch.ao.quantization.quantize_dynamic(model, set(linear_names(model)), dtype=torch.qint8).eval()


def _loaded(model_dir: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, local_files_only=True).eval()
    except (OSError, ValueError) as error:
        raise InputError(f"{model_dir} holds no causal language model: {error}") from error
