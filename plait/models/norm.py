"""Norms of the last axis, computed in float32."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Norm(nn.Module):
    """RMSNorm (arXiv:1910.07467) or LayerNorm (arXiv:1607.06450) of the last axis."""

    def __init__(
        self,
        width: int,
        eps: float,
        kind: Literal["rms", "layer"] = "rms",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self._eps, self._kind = eps, kind

    def forward(self, x: Float[Tensor, "*A D"]) -> Float[Tensor, "*A D"]:
        """Scale each vector to a mean square (rms) or variance (layer) of 1, then weigh."""
        shape, weight = self.weight.shape, self.weight.float()
        if self._kind == "rms":
            return F.rms_norm(x.float(), shape, weight, self._eps).to(x.dtype)
        bias = None if self.bias is None else self.bias.float()
        return F.layer_norm(x.float(), shape, weight, bias, self._eps).to(x.dtype)
