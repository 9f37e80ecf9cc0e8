"""Vicinity refresh of dInfer: the block and its neighbours (arXiv:2510.08666)."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..parts import Mask
from ..refresh import ByBlock, Refresh, Span, due


def widened(where: Bool[Tensor, "B L"], by: int) -> Bool[Tensor, "B L"]:
    """All positions at most `by` away from one of `where`."""
    if by == 0:
        return where
    near = F.max_pool1d(where[:, None].float(), 2 * by + 1, stride=1, padding=by)
    return near[:, 0] > 0


@dataclass(frozen=True)
class Vicinity(ByBlock):
    """The block and `near` positions on each side; all while warming up, and in a new block."""

    near: int  # positions
    warmup: int  # rounds
    refresh: int  # rounds

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.near < 0 or self.warmup < 0:
            raise PlaitError(
                f"near is {self.near} positions and warmup {self.warmup} rounds; "
                "both must be 0 or more"
            )

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Span
    ) -> tuple[Refresh, Span]:
        """Return the block with its surroundings."""
        span, entered = memo.enter(open)
        all = entered | due(round, self.refresh) | (round < self.warmup)[:, None]
        return Refresh(widened(span.inside, self.near) | (all & canvas.real)), span


def vicinity(near: int = 16, warmup: int = 4, refresh: int = 0) -> Vicinity:
    """Recompute the block and `near` positions on each side of it.

    The first `warmup` rounds, the first round of a block, and every `refresh` rounds recompute
    all. The published code runs two forward passes where it recomputes all; here it is one.
    """
    return Vicinity(near, warmup, refresh)
