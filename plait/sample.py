"""Samplers: which token to propose at each position."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from . import keyed
from .errors import PlaitError
from .parts import Sampler


@dataclass(frozen=True)
class Greedy(Sampler):
    """The most probable token; of equals, the one with the smallest id."""

    def __call__(
        self, logits: Float[Tensor, "N V"], seed: int, where: Int[Tensor, "N 3"]
    ) -> Int[Tensor, " N"]:
        """Return the argmax."""
        del seed, where
        return logits.argmax(-1)


@dataclass(frozen=True)
class Categorical(Sampler):
    """A draw from the tempered distribution, cut to `top_k` tokens and then to mass `top_p`.

    Gumbel-max in float64 (arXiv:2409.02908 shows what float32 does), keyed by seed, row,
    position and round.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0  # 0 = no limit

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise PlaitError(f"temperature is {self.temperature}; it must be above 0 to sample")
        if not 0 < self.top_p <= 1:
            raise PlaitError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if self.top_k < 0:
            raise PlaitError(f"top_k is {self.top_k}; it must be 0 (no limit) or more")

    def __call__(
        self, logits: Float[Tensor, "N V"], seed: int, where: Int[Tensor, "N 3"]
    ) -> Int[Tensor, " N"]:
        """Return one draw per position."""
        z = self.cut(logits.double() / self.temperature)
        key, pos, round = where[:, :, None].unbind(1)
        token = torch.arange(z.shape[-1], device=z.device)
        return (z + keyed.gumbel(seed, 2, key, pos, round, token)).argmax(-1)

    def cut(self, z: Float[Tensor, "N V"]) -> Float[Tensor, "N V"]:
        """Return the logits with -inf outside top-k and top-p; the best token always stays."""
        if not self.top_k and self.top_p == 1:
            return z
        falling, order = z.sort(dim=-1, descending=True, stable=True)
        if self.top_k:
            falling[:, self.top_k :] = -torch.inf
        mass = falling.softmax(-1)
        drop = (mass.cumsum(-1) - mass >= self.top_p) | (falling == -torch.inf)
        drop[:, 0] = False
        return z.masked_fill(torch.zeros_like(drop).scatter_(1, order, drop), -torch.inf)
