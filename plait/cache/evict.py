"""Sparse-dLLM: far keys that the block does not look for are dropped (arXiv:2508.02558)."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..inner import Notes, Plain, Seen, both
from ..parts import Mask
from ..refresh import Cache, Refresh, Span, check_every, due


@dataclass
class Kept:
    """The keys of each layer that one row's block still sees."""

    keep: float
    inside: Bool[Tensor, " L"]  # the block
    notes: dict[Any, Any]
    computed: float = 0

    def sees(
        self,
        layer: int,
        query: Float[Tensor, "1 H N D"],
        key: Float[Tensor, "1 H L D"],
        visible: Seen,
        at: Int[Tensor, "1 N"],
    ) -> Seen:
        """Choose keys when a layer is asked for the first time in this block; see only those."""
        del at
        if layer not in self.notes:
            score = (query.float().mean(2, keepdim=True) * key.float()).sum(-1).mean(1)
            outside = score.masked_fill(self.inside, -torch.inf)
            near = F.max_pool1d(outside, 3, stride=1, padding=1)[0]
            near = near.masked_fill(self.inside, -torch.inf)
            count = math.ceil(self.keep * int((~self.inside).sum()))
            chosen = torch.zeros_like(self.inside)
            chosen[near.topk(count).indices] = True
            self.notes[layer] = (chosen | self.inside)[None, None, None]
        return both(visible, self.notes[layer])


@dataclass(frozen=True)
class Rows:
    """Which rows drop keys in this round."""

    keep: float
    canvas: Canvas
    inside: Bool[Tensor, "B L"]
    whole: Bool[Tensor, "B 1"]
    notes: Notes

    def row(self, row: int, length: int) -> Kept | Plain:
        """The keys of a row; all of them in the first round of a block."""
        notes = self.notes.of(self.canvas, row)
        if self.whole[row]:
            notes.clear()
            return Plain()
        return Kept(self.keep, self.inside[row, :length], notes)


@dataclass(frozen=True)
class Memo:
    """The block of each row."""

    span: Span
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True)
class Evicting(Cache):
    """The block; of what lies outside, each layer sees a share `keep` of the keys."""

    keep: float  # of the positions outside of the block
    refresh: int  # rounds

    inside_layers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if not 0 <= self.keep <= 1:
            raise PlaitError(f"keep is {self.keep}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Memo:
        """No block yet."""
        return Memo(Span.none(canvas))

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """A block whose positions moved is entered anew."""
        return Memo(memo.span.moved(index), memo.notes)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Memo
    ) -> tuple[Refresh, Memo]:
        """Return the block, and what it sees."""
        span, entered = memo.span.enter(open)
        whole = entered | due(round, self.refresh)
        inner = Rows(self.keep, canvas, span.inside, whole, memo.notes)
        stale = span.inside | (whole & canvas.real)
        return Refresh(stale, inner=inner), Memo(span, memo.notes)


def evict(keep: float = 0.5, refresh: int = 0) -> Evicting:
    """Recompute the block, which sees a share `keep` of the keys outside of it.

    In the second round of a block each layer scores the keys outside by their product with the
    mean query of the block, averaged over heads and smoothed over 3 positions, and keeps the best.
    Dropped keys come back in the next block, and every `refresh` rounds. They are hidden, not
    freed: this shows what eviction costs in accuracy, and saves no memory.
    """
    return Evicting(keep, refresh)
