"""The noise level as an input, for models with adaptive norms (MDLM, SEDD)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

WAVES = 256  # features of the sinusoidal code, in every published model
PERIOD = 10_000.0  # of the slowest wave


class Time(nn.Module):
    """A noise level to features: waves, then an MLP (DiT, arXiv:2212.09748)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.up = nn.Linear(WAVES, features)
        self.down = nn.Linear(features, features)

    def forward(self, level: Float[Tensor, " B"]) -> Float[Tensor, "B C"]:
        """Features of each row's noise level, as the adaptive norms want them."""
        half = torch.arange(WAVES // 2, device=level.device, dtype=torch.float32)
        angle = level[:, None].float() * torch.exp(-math.log(PERIOD) * half / len(half))
        waves = torch.cat((angle.cos(), angle.sin()), -1).to(self.up.weight.dtype)
        return F.silu(self.down(F.silu(self.up(waves))))
