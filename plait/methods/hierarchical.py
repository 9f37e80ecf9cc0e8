"""Hierarchical decoding of dInfer: one commit in each run of masks (arXiv:2510.08666)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Blocks
from ..score import nats
from ..select import rank


def runs(open: Bool[Tensor, "B L"]) -> Int[Tensor, "B L"]:
    """Number the runs of neighbouring open positions 1, 2, ... in each row; 0 where closed."""
    before = torch.zeros_like(open)
    before[:, 1:] = open[:, :-1]
    return torch.where(open, (open & ~before).cumsum(1), 0)


@dataclass(frozen=True)
class BestOfRuns(Selector):
    """Commit the best of each run if it is above `low`, and all above `sure`.

    Neighbours depend on each other the most; this halves the runs instead. Of equals the
    leftmost is committed, where the published code commits all of them.
    """

    sure: float  # probability
    low: float  # probability

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.sure:
            raise PlaitError(
                f"low is {self.low} and the threshold {self.sure}; low must be above 0 and no more "
                "than the threshold"
            )

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return these positions; where there are none, the engine takes the best of all."""
        run, place = runs(view.open), rank(view.chosen, view.open)
        first = torch.full_like(place, place.shape[1]).scatter_reduce(1, run, place, "amin")
        best = view.open & (place == first.gather(1, run))
        likely, sure = view.chosen > nats(self.low), view.chosen > nats(self.sure)
        return best & likely | view.open & sure, memo


def hierarchical(block: int = 32, threshold: float = 0.9, low: float = 0.4) -> Decoder:
    """Commit the best of each run of masks above `low`, and everything above `threshold`.

    In the best case a block of n positions takes log2(n) rounds. The variant of the published
    code that takes back tokens of low confidence is left to revisers.
    """
    return Decoder(Blocks(block), BestOfRuns(threshold, low))
