"""Weight-only quantization by torchao: smaller weights, computed with in the model's dtype."""

import math
from typing import Any

import torch
from torch import nn

from ..errors import PlaitError, missing, unknown

GROUP = 128  # inputs that share one scale in int4, where that divides the layer


def check(kind: str, device: torch.device, dtype: torch.dtype) -> None:
    """Raise PlaitError if a model on `device` in `dtype` cannot be quantized to `kind`."""
    if kind not in ("int8", "int4"):
        raise unknown("quantization", kind, ("int8", "int4"))
    try:
        import torchao.quantization  # noqa: F401
    except ImportError:
        raise missing("quantize", "torchao", "quantize") from None
    if kind == "int4" and device.type == "cuda" and dtype != torch.bfloat16:
        raise PlaitError("int4 on a GPU computes in bfloat16: add dtype='bfloat16'")


def quantize(block: nn.Module, kind: str) -> None:
    """Quantize the linear layers of a block in place; embedding and head stay as they are.

    int4 is packed on a GPU; elsewhere torchao has no kernel, and the same values take a byte each.
    Confidences shift a little (arXiv:2508.14896): thresholds of decoders may want new values.
    """
    from torchao.quantization import quantize_

    for name, layer in block.named_modules():
        # A router's few weights decide which experts run, and stay exact.
        if isinstance(layer, nn.Linear) and not name.endswith("router"):
            quantize_(layer, _settings(kind, layer))


def _settings(kind: str, layer: nn.Linear) -> Any:
    from torchao.quantization import (
        Int4WeightOnlyConfig,
        Int8WeightOnlyConfig,
        IntxWeightOnlyConfig,
        PerGroup,
    )

    if kind == "int8":
        return Int8WeightOnlyConfig()
    group = math.gcd(GROUP, layer.in_features)
    if layer.weight.device.type == "cuda":
        return Int4WeightOnlyConfig(group_size=group, int4_packing_format="tile_packed_to_4d")
    dtype = getattr(torch, "int4")  # noqa: B009  (torch's stubs do not know it)
    return IntxWeightOnlyConfig(weight_dtype=dtype, granularity=PerGroup(group))
