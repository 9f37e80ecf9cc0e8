"""dKV-Cache-Decode: keep a token one round after it was written (arXiv:2505.15781)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import Cache, Refresh, Span, check_every, due, placed

WARMUP = 2  # rounds that recompute all


@dataclass(frozen=True)
class Memo:
    """The block of each row, and what was masked in the last round."""

    span: Span
    masked: Bool[Tensor, "B L"]


@dataclass(frozen=True)
class Delayed(Cache):
    """Masks, and what was a mask in the last round."""

    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked"})

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def init(self, canvas: Canvas) -> Memo:
        """Nothing was masked before, so that nothing counts as just written."""
        return Memo(Span.none(canvas), torch.zeros_like(canvas.given))

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """A block whose positions moved is entered anew."""
        return Memo(memo.span.moved(index), placed(memo.masked, index))

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Memo
    ) -> tuple[Refresh, Memo]:
        """Return masks and what was one."""
        span, entered = memo.span.enter(open)
        all = entered | due(round, self.refresh) | (round < WARMUP)[:, None]
        stale = canvas.masked | memo.masked | (all & canvas.real)
        return Refresh(stale), Memo(span, canvas.masked)


def dkv_decode(refresh: int = 8) -> Delayed:
    """Recompute the masks and what was a mask in the last round.

    The keys and values of a token move most when it turns from mask to word, so they are kept one
    round later. Everything is recomputed in the first two rounds, every `refresh` rounds (4 to 16
    in the paper) and on entering a block. The published code wants equal counts in all rows of a
    batch; here rows differ.
    """
    return Delayed(refresh)
