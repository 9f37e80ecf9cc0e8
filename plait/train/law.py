"""What a position law is; `laws/` holds them."""

import abc
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from . import laws


@dataclass(frozen=True)
class Ground:
    """What can be masked: B rows of L positions."""

    free: Bool[Tensor, "B L"]
    region: Int[Tensor, "B L"]  # the slot of each position; negative where it is not free
    unit: Int[Tensor, "B L"]  # positions of one unit share a noise level; never falls along a row

    @property
    def sizes(self) -> Int[Tensor, "B L"]:
        """Free positions in the unit of each position."""
        count = self._per_unit()
        return count.gather(1, self.unit)

    def rank(self, score: Float[Tensor, "B L"]) -> Int[Tensor, "B L"]:
        """The place of each free position in its unit, from 0 for the smallest score."""
        lost = score.masked_fill(~self.free, torch.inf)
        order = lost.argsort(dim=1, stable=True)
        order = order.gather(1, self.unit.gather(1, order).argsort(dim=1, stable=True))
        inside = self.unit.new_ones(self.unit.shape)
        whole = torch.zeros_like(inside).scatter_add(1, self.unit, inside)
        first = (whole.cumsum(1) - whole).gather(1, self.unit)
        return order.argsort(1) - first

    def depth(self) -> Float[Tensor, "B L"]:
        """Where a free position stands in its slot: 0 for the first, 1 for the last."""
        slot = self.region.clamp(min=0)
        lies = F.one_hot(slot.long()) * self.free[:, :, None]
        upto = lies.cumsum(1).gather(2, slot[:, :, None].long())[:, :, 0]
        whole = lies.sum(1).gather(1, slot.long())
        return ((upto - 1) / (whole - 1).clamp(min=1)).masked_fill(~self.free, 0)

    def _per_unit(self) -> Int[Tensor, "B L"]:
        return torch.zeros_like(self.unit).scatter_add(1, self.unit, self.free.to(self.unit.dtype))


class Law(abc.ABC):
    """Draws the positions to mask. Frozen: all chance comes through `rng`."""

    folder = laws.FOLDER

    @abc.abstractmethod
    def __call__(
        self, ground: Ground, level: Float[Tensor, "B #L"], rng: torch.Generator
    ) -> tuple[Bool[Tensor, "B L"], Float[Tensor, "B #L"]]:
        """Return the masked positions, free ones only, and the level that weights go by."""
