"""Schedules: where to decode now, and how many commits each pool of positions gets."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .apportion import Split
from .budget import Budget
from .canvas import Canvas
from .errors import PlaitError
from .parts import Plan, Schedule


@dataclass(frozen=True)
class Whole(Schedule):
    """Every free position is open, in one pool."""

    budget: Budget = Budget()

    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> tuple[Plan, Any]:
        """Return the whole canvas."""
        quota = self.budget.count(canvas.masked.sum(1), (self.budget.rounds or 1) - round)
        return Plan(canvas.masked, torch.zeros_like(canvas.region), quota[:, None]), memo


@dataclass(frozen=True)
class BlockMemo:
    """The block being decoded and the round in which it should be full."""

    block: Int[Tensor, " B"]
    until: Int[Tensor, " B"]


@dataclass(frozen=True)
class Blocks(Schedule):
    """Blocks of `size` free positions, left to right (LLaDA, arXiv:2502.09992).

    Blocks count free positions only, so they run through headers. With a budget of rounds each
    block gets an equal part of those left; `size` need not divide the canvas, nor the number of
    blocks the rounds, as LLaDA's code demands.
    """

    size: int
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PlaitError(f"block is {self.size}; it must be >= 1")

    def init(self, canvas: Canvas) -> BlockMemo:
        """Start before the first block."""
        return BlockMemo(torch.full_like(canvas.length, -1), torch.zeros_like(canvas.length))

    def __call__(
        self, canvas: Canvas, round: Int[Tensor, " B"], memo: BlockMemo
    ) -> tuple[Plan, BlockMemo]:
        """Return the leftmost block that still holds a mask."""
        index = ((~canvas.given).cumsum(1) - 1) // self.size
        current = torch.where(canvas.masked, index, index.shape[1]).amin(1)
        last = torch.where(canvas.masked, index, -1).amax(1)
        part = ((self.budget.rounds or 1) - round) // (last - current + 1).clamp(min=1)
        until = torch.where(current == memo.block, memo.until, round + part.clamp(min=1))
        open = canvas.masked & (index == current[:, None])
        quota = self.budget.count(open.sum(1), until - round)
        plan = Plan(open, torch.zeros_like(canvas.region), quota[:, None])
        return plan, BlockMemo(current, until)


@dataclass(frozen=True)
class Streams(Schedule):
    """Macro-parallel quotas: all streams move at once, in proportion to their capacity.

    The last region is the summary. It is decoded `"after"` all streams, joins in when a share
    `open_at` of the stream positions is written (`"open_at"`; 0.8 is what the RPIM masking of
    arXiv:2602.23225 trains), or from the first round (`"concurrent"`). The paper does not say
    how to split a budget that the number of streams does not divide: see `apportion.Split`.
    """

    budget: Budget = Budget()
    summary: Literal["after", "open_at", "concurrent"] = "after"
    open_at: float = 0.8

    def __post_init__(self) -> None:
        if self.summary not in ("after", "open_at", "concurrent"):
            raise PlaitError(
                f"summary policy '{self.summary}' is not 'after', 'open_at' or 'concurrent'"
            )
        if not 0 <= self.open_at <= 1:
            raise PlaitError(f"open_at is {self.open_at}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Split:
        """Share by capacity."""
        if canvas.regions < 2:
            raise PlaitError(
                "parallel streams need a canvas with streams and a summary, and this one has a "
                "single slot; use the layout 'nap'"
            )
        return Split.start(canvas.per_region(~canvas.given))

    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Split) -> tuple[Plan, Split]:
        """Return the streams, and the summary when its time has come."""
        left = canvas.per_region(canvas.masked)
        ready = self._summary_ready(left, memo.weight)
        open = canvas.masked & (ready[:, None] | (canvas.region != canvas.regions - 1))
        left = canvas.per_region(open)
        quota, split = memo.give(self._count(left, memo.weight, ready, round), left)
        return Plan(open, canvas.region.clamp(min=0), quota), split

    def _summary_ready(
        self, left: Int[Tensor, "B R"], capacity: Int[Tensor, "B R"]
    ) -> Bool[Tensor, " B"]:
        streams = left[:, :-1].sum(1)
        if self.summary == "concurrent" or self.budget.rounds == 1:  # one round has no "after"
            return torch.ones_like(streams, dtype=torch.bool)
        if self.summary == "after":
            return streams == 0
        return streams <= (1 - self.open_at) * capacity[:, :-1].sum(1)

    def _count(
        self,
        left: Int[Tensor, "B R"],
        capacity: Int[Tensor, "B R"],
        ready: Bool[Tensor, " B"],
        round: Int[Tensor, " B"],
    ) -> Int[Tensor, " B"]:
        """Commits per row. Until the summary opens, its part of the rounds is held back."""
        rounds = self.budget.rounds or 1
        held = (rounds * capacity[:, -1] // capacity.sum(1)).clamp(min=1)
        ahead = rounds - round - torch.where(ready, 0, held)
        return self.budget.count(left.sum(1), ahead)
