"""plait's own cache for parallel streams: one window per stream (layout of arXiv:2602.23225)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due, placed, stayed


@dataclass(frozen=True)
class Memo:
    """What was masked in the last round, and which regions have been open."""

    masked: Bool[Tensor, "B L"]
    begun: Bool[Tensor, "B R"]


@dataclass(frozen=True)
class Windows(Cache):
    """In each open region `window` positions from its first mask on, and what was just written."""

    window: int  # positions
    refresh: int  # rounds

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if self.window < 1:
            raise PlaitError(f"window is {self.window} positions; it must be >= 1")

    def init(self, canvas: Canvas) -> Memo:
        """Nothing was masked, no region open."""
        begun = canvas.tokens.new_zeros(len(canvas.tokens), canvas.regions, dtype=torch.bool)
        return Memo(torch.zeros_like(canvas.given), begun)

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """Regions begin anew where positions moved, which recomputes all."""
        return Memo(placed(memo.masked, index), memo.begun & stayed(index))

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Memo
    ) -> tuple[Refresh, Memo]:
        """Return the windows."""
        place = torch.arange(open.shape[1], device=open.device)
        ahead = place - canvas.first_in_region(open)
        near = ~canvas.given & (ahead >= 0) & (ahead < self.window)
        now = canvas.per_region(open) > 0
        entered = (now & ~memo.begun).any(1, keepdim=True)
        stale = near | (memo.masked & ~canvas.masked)
        stale = stale | ((entered | due(round, self.refresh)) & canvas.real)
        return Refresh(stale), Memo(canvas.masked, memo.begun | now)


def streams(window: int = 32, refresh: int = 8) -> Windows:
    """Recompute one window in each stream in the same forward pass, and what was just written.

    A window is `window` positions from the stream's first mask on; a round commits inside of
    windows. All is recomputed every `refresh` rounds and when a stream or the summary begins.
    """
    return Windows(window, refresh)
