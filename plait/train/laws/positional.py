"""Later positions of a unit are masked more often as it fills up (arXiv:2512.14067)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...errors import PlaitError
from ..law import Ground, Law


@dataclass(frozen=True)
class Positional(Law):
    """Mask k of n positions without replacement, position i with weight exp(b (1 - t) i).

    b = -ln(`last`) / n, so that at t near 0 the first position weighs `last` of what the one after
    the end would. k is level n, rounded up or down at random to have this mean.
    """

    last: float

    def __call__(
        self, ground: Ground, level: Float[Tensor, "B #L"], rng: torch.Generator
    ) -> tuple[Bool[Tensor, "B L"], Float[Tensor, "B #L"]]:
        """Gumbel top-k on the logarithms of the weights."""
        size = ground.sizes
        noise = torch.rand(size.shape, generator=rng).clamp(min=1e-20)
        place = ground.rank(torch.arange(size.shape[1]).expand(size.shape).float())
        slope = -math.log(self.last) / size.clamp(min=1)
        score = slope * (1 - level) * place - (-noise.log()).log()
        count = (level * size + self._rounding(ground, rng)).floor()
        return ground.free & (ground.rank(-score) < count), level

    @staticmethod
    def _rounding(ground: Ground, rng: torch.Generator) -> Float[Tensor, "B L"]:
        return torch.rand(ground.unit.shape, generator=rng).gather(1, ground.unit)


def positional(last: float = 0.1) -> Positional:
    """The shape of the paper; its way of drawing is not published, the one here is ours."""
    if not 0 < last <= 1:
        raise PlaitError(f"last is {last}; it must be in (0, 1]")
    return Positional(last)
