"""dKV-Cache-Greedy: what was written, what is next, and their surroundings (arXiv:2505.15781)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .. import keyed
from ..canvas import Canvas
from ..errors import PlaitError
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due, placed
from ..select import rank
from .vicinity import widened


@dataclass(frozen=True)
class Ordered(Cache):
    """What the last round has written, the next `ahead` in a fixed order, and masks near both."""

    ahead: int  # positions
    near: int  # positions
    refresh: int  # rounds

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if self.ahead < 1 or self.near < 0:
            raise PlaitError(
                f"ahead is {self.ahead} and near {self.near}; "
                "they must be at least 1 and 0 positions"
            )

    def init(self, canvas: Canvas) -> Bool[Tensor, "B L"]:
        """Nothing was masked before."""
        return torch.zeros_like(canvas.given)

    def moved(self, memo: Bool[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Bool[Tensor, "B M"]:
        """Nothing counts as just written."""
        return placed(memo, index)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Bool[Tensor, "B L"]
    ) -> tuple[Refresh, Bool[Tensor, "B L"]]:
        """Return the neighbourhood of what changes."""
        order = keyed.uniform(13, canvas.key[:, None], canvas.pos).float()
        next = open & (rank(order, open) < self.ahead)
        written = memo & ~canvas.masked
        stale = written | next | (widened(written | next, self.near // 2) & canvas.masked)
        return Refresh(stale | (due(round, self.refresh) & canvas.real)), canvas.masked


def dkv_greedy(ahead: int = 4, near: int = 4, refresh: int = 2) -> Ordered:
    """Recompute what was just written, `ahead` positions that come next, and `near` masks around.

    A fixed number of positions per round. The published code decodes in a random order that is
    drawn beforehand, so that it knows what comes next. Here such an order says which positions
    may be committed in a round, and the method chooses among them. Every `refresh` rounds all is
    recomputed, and any open position may be committed.
    """
    return Ordered(ahead, near, refresh)
