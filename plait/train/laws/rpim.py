"""RPIM: streams first, the summary later, as NAP's training code has it (arXiv:2602.23225)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...errors import PlaitError
from ..law import Ground, Law


@dataclass(frozen=True)
class Rpim(Law):
    """Mask streams with r = highest t, tilted to the right, and the summary by its own rule.

    The last slot of a row with several is its summary: masked as a whole until a share `opens` of
    the way is done (1 - t), then with r (1 + summary_tilt z), z in [0, 1] being the place in it.
    """

    highest: float  # r at t = 1
    opens: float  # progress 1 - t from which the summary is partly visible
    stream_tilt: float
    summary_tilt: float

    def __call__(
        self, ground: Ground, level: Float[Tensor, "B #L"], rng: torch.Generator
    ) -> tuple[Bool[Tensor, "B L"], Float[Tensor, "B #L"]]:
        """Independent draws; weights still go by t, as in the code."""
        chance = self.chance(ground, level)
        return ground.free & (torch.rand(chance.shape, generator=rng) < chance), level

    def chance(self, ground: Ground, level: Float[Tensor, "B #L"]) -> Float[Tensor, "B L"]:
        """The probability of each position to be masked."""
        last = ground.region.amax(1, keepdim=True)
        summary = (ground.region == last) & (last > 0)
        share = (level * self.highest).clamp(max=1)
        tilt = torch.where(summary, self.summary_tilt, self.stream_tilt)
        chance = (share * (1 + tilt * ground.depth())).clamp(0, 1)
        return torch.where(summary & (1 - level < self.opens), 1.0, chance)


def rpim(
    highest: float = 0.9, opens: float = 0.8, stream_tilt: float = 0.0, summary_tilt: float = 1.0
) -> Rpim:
    """Structured masking with the values of the code, where it is off by default.

    Headers are given in our layouts, so that they are never masked, as there.
    """
    for name, value in (("highest", highest), ("opens", opens)):
        if not 0 <= value <= 1:
            raise PlaitError(f"{name} is {value}; it must be in [0, 1]")
    return Rpim(highest, opens, stream_tilt, summary_tilt)
