"""Ascending steps: rounds of 1, 2, 4, ... tokens, ends held back (ASS, arXiv:2509.23924)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Plan, Schedule
from ..score import EndsLater
from ..select import TopK


@dataclass(frozen=True)
class Doubling(Schedule):
    """Round i commits 2^i tokens; of floor(log2 free) rounds the last takes what is left.

    With several blocks, the last is written in the last round, the one before in the round
    before, and so on; the first takes all the earlier rounds.
    """

    blocks: int = 1

    def __post_init__(self) -> None:
        if self.blocks < 1:
            raise PlaitError(f"blocks is {self.blocks}; it must be >= 1")

    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> tuple[Plan, Any]:
        """Return what is open in this round, and how much of it to commit."""
        free = (~canvas.given).sum(1)
        rounds = (torch.frexp(free.double()).exponent - 1).clamp(min=1)  # floor(log2), exactly
        last = round >= rounds - 1
        first = (rounds - self.blocks + 1).clamp(min=1)  # rounds of the first block
        edge = 2 ** torch.maximum(round + 1, first) - 1
        edge = torch.where(last | (self.blocks == 1), free, edge)
        index = (~canvas.given).cumsum(1) - 1
        quota = torch.where(last, free, 2**round)
        open = canvas.masked & (index < edge[:, None])
        return Plan(open, torch.zeros_like(canvas.region), quota[:, None]), memo


def ascending(blocks: int = 1, least: float = 0.01) -> Decoder:
    """Double the tokens from round to round, the most confident first.

    EOSER of the same paper multiplies the confidence of ends by a factor that rises from `least`
    to 1; at least = 1 it is off.
    """
    return Decoder(Doubling(blocks), TopK(by=EndsLater(least)))
