"""Each free position by itself (arXiv:2406.07524, arXiv:2502.09992)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..law import Ground, Law


@dataclass(frozen=True)
class Bernoulli(Law):
    """Mask each free position with the probability that is its level."""

    def __call__(
        self, ground: Ground, level: Float[Tensor, "B #L"], rng: torch.Generator
    ) -> tuple[Bool[Tensor, "B L"], Float[Tensor, "B #L"]]:
        """Independent draws."""
        return ground.free & (torch.rand(ground.free.shape, generator=rng) < level), level


def bernoulli() -> Bernoulli:
    """Independent masks, as in the forward process of masked diffusion."""
    return Bernoulli()
