"""Exact cache of block-causal models: BD3-LM, SDAR, LLaDA2 (arXiv:2503.09573)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..parts import Mask, by_index
from ..refresh import Cache, Refresh, check_every, due, stayed


@dataclass(frozen=True)
class Blocks(Cache):
    """The blocks up to the one being decoded that have changed, and nothing after it."""

    refresh: int  # rounds
    size: int = 0  # positions per block; the model's

    hides: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def fit(self, block: int) -> "Blocks":
        """Take the size of the model's blocks."""
        if block < 1:
            raise PlaitError(
                "the cache 'exact_block' needs a block-causal model, and in this one every "
                "position sees all others; use 'dual' or 'prefix'"
            )
        return replace(self, size=block)

    def init(self, canvas: Canvas) -> Int[Tensor, "B L"]:
        """The tokens with which each position was computed; -1 = it was not."""
        return torch.full_like(canvas.tokens, -1)

    def moved(self, memo: Int[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Int[Tensor, "B M"]:
        """Nothing was computed in a new place."""
        return torch.where(stayed(index) & (index >= 0), by_index(memo, index), -1)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Int[Tensor, "B L"]
    ) -> tuple[Refresh, Int[Tensor, "B L"]]:
        """Return the blocks whose keys and values are not those of their tokens."""
        block = canvas.pos // self.size
        last = torch.where(open, block, -1).amax(1, keepdim=True)
        begin = torch.where(open, block, block.shape[1]).amin(1, keepdim=True)
        changed = canvas.real & (canvas.tokens != memo)
        start = torch.where(changed, block, block.shape[1]).amin(1, keepdim=True)
        start = torch.minimum(start, begin).masked_fill(due(round, self.refresh), 0)
        seen = canvas.real & (block <= last)
        stale = seen & (block >= start)
        return Refresh(stale, seen), torch.where(stale, canvas.tokens, memo)


def exact_block(refresh: int = 0) -> Blocks:
    """Recompute the blocks that are open or have changed; later ones are not computed at all.

    No block of such a model sees a later one. A finished block is computed once more with all its
    tokens, in the first round of the next.

    Needs: a block-causal model.
    Exact: always.
    """
    return Blocks(refresh)
