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
class TimeGrid(Schedule):
    """Times 1 = t_0 > ... > t_N = eps in equal steps (Dream, arXiv:2508.15487).

    A mask outlives step k with probability t_(k+1) / t_k, and in the last step none does.

    Counts are rounded down and the last round takes the rest, as published. They are per row;
    with `shared` all rows get the count of their average, as the published code does (which then
    writes masks over the text of rows that have fewer left; here such a row just gets them all).
    """

    budget: Budget = Budget()
    eps: float = 1e-3
    shared: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.eps < 1:
            raise PlaitError(f"eps is {self.eps}; it must lie in [0, 1)")

    def init(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """The number of steps N of each row."""
        free, each = (~canvas.given).sum(1), self.budget.tokens_per_round or 1
        steps = -(-free // each)
        return steps if self.budget.rounds is None else torch.full_like(free, self.budget.rounds)

    def __call__(
        self, canvas: Canvas, round: Int[Tensor, " B"], memo: Int[Tensor, " B"]
    ) -> tuple[Plan, Int[Tensor, " B"]]:
        """Return the whole canvas and floor(masks (1 - t_(k+1) / t_k))."""
        steps, masks = memo.clamp(min=1).double(), canvas.masked.sum(1).double()
        if self.shared:
            masks = masks.mean().expand_as(masks)
        part = ((1 - self.eps) / steps) / (1 - round * (1 - self.eps) / steps)
        count = torch.where(round >= steps - 1, canvas.tokens.shape[1], (masks * part).floor())
        zero = torch.zeros_like(canvas.region)
        return Plan(canvas.masked, zero, count.clamp(min=1).long()[:, None]), memo


def block_of(canvas: Canvas, size: int) -> Int[Tensor, "B L"]:
    """The number of the block of `size` free positions that each position lies in."""
    return ((~canvas.given).cumsum(1) - 1) // size


def leftmost_block(canvas: Canvas, size: int) -> Int[Tensor, " B"]:
    """The number of the first block that holds a mask; of a row without, one past all blocks."""
    index = block_of(canvas, size)
    return torch.where(canvas.masked, index, index.shape[1]).amin(1)


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
    blocks the rounds, as LLaDA's code demands. With `reopens` a mask that a reviser puts into an
    earlier block is open together with the block reached; else decoding goes back to it.
    """

    size: int
    budget: Budget = Budget()
    reopens: bool = False

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
        index, current = block_of(canvas, self.size), leftmost_block(canvas, self.size)
        if self.reopens:
            current = torch.maximum(current, memo.block)
        last = torch.where(canvas.masked, index, -1).amax(1)
        part = ((self.budget.rounds or 1) - round) // (last - current + 1).clamp(min=1)
        until = torch.where(current == memo.block, memo.until, round + part.clamp(min=1))
        open = canvas.masked & (index <= current[:, None])
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
                "single slot; use another method, such as 'confidence'"
            )
        return Split.start(canvas.per_region(~canvas.given))

    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Split) -> tuple[Plan, Split]:
        """Return the streams, and the summary when its time has come."""
        left = canvas.per_region(canvas.masked)
        ready = self._summary_ready(left, memo.weight)
        open = canvas.masked & (ready[:, None] | (canvas.region != canvas.regions - 1))
        left = canvas.per_region(open)
        count = self._count(left, memo.weight, ready, round)
        quota, split = memo.give(count, left, self.budget.most)
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
