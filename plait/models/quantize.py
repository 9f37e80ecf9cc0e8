"""Weight-only quantization by torchao: smaller weights, computed with in the model's dtype."""

from typing import Any

import torch
from torch import nn

from ..errors import PlaitError, unknown

GROUP = 32  # inputs that share one scale in int4; divides every published width


def quantize(net: nn.Module, kind: str) -> None:
    """Quantize the linear layers of all blocks in place; embedding and head stay as they are.

    Confidences shift a little (arXiv:2508.14896): thresholds of decoders may want new values.
    """
    config = settings(kind)
    from torchao.quantization import quantize_

    for block in net.get_submodule("blocks").children():
        quantize_(block, config)


def settings(kind: str) -> Any:
    """torchao's settings for "int8" or "int4"."""
    if kind not in ("int8", "int4"):
        raise unknown("quantization", kind, ("int8", "int4"))
    try:
        from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig, PerGroup
    except ImportError:
        raise PlaitError(
            'quantize needs torchao, which is not installed: pip install "plait[quantize]"'
        ) from None
    if kind == "int8":
        return Int8WeightOnlyConfig()
    dtype = getattr(torch, "int4")  # noqa: B009  (torch's stubs do not know it)
    return IntxWeightOnlyConfig(weight_dtype=dtype, granularity=PerGroup(GROUP))
