"""Exactly k of the n positions of a unit (LLaDA's low-variance form, arXiv:2502.09992, Eq. 6)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..law import Ground, Law


@dataclass(frozen=True)
class ExactK(Law):
    """Mask k = ceil(level n) of the n free positions of each unit; the level becomes k / n."""

    def __call__(
        self, ground: Ground, level: Float[Tensor, "B #L"], rng: torch.Generator
    ) -> tuple[Bool[Tensor, "B L"], Float[Tensor, "B L"]]:
        """Uniform among all sets of k."""
        size = ground.sizes
        count = torch.maximum((level * size).ceil(), (size > 0).float()).minimum(size)
        masked = ground.free & (ground.rank(torch.rand(size.shape, generator=rng)) < count)
        return masked, torch.where(ground.free, count / size.clamp(min=1), 1.0)


def exact_k() -> ExactK:
    """The paper uses it to evaluate; with weight "inverse" it is the same bound in training.

    A level drawn from (0, 1] makes k uniform on 1..n; `corruption.low` above 0 tilts it a little.
    """
    return ExactK()
