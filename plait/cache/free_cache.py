"""FreeCache of FlashDLM: what is written before the block is kept for good (arXiv:2505.21467)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due, placed, stayed


@dataclass(frozen=True)
class Final(Cache):
    """All from the first open position on, and what the last round has written."""

    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked"})
    final: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def init(self, canvas: Canvas) -> Bool[Tensor, "B L"]:
        """What was masked before the last round."""
        return canvas.masked

    def moved(self, memo: Bool[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Bool[Tensor, "B M"]:
        """Everything counts as just written where positions moved."""
        return placed(memo, index) | ~stayed(index)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Bool[Tensor, "B L"]
    ) -> tuple[Refresh, Bool[Tensor, "B L"]]:
        """Return what is not final yet."""
        ahead = (open | canvas.masked).cumsum(1) > 0
        stale = ahead | (memo & ~canvas.masked) | due(round, self.refresh)
        return Refresh(stale & canvas.real), canvas.masked


def free_cache(refresh: int = 0) -> Final:
    """Recompute from the first mask on; what lies before it is never recomputed again.

    Unlike the prefix cache nothing is refreshed at the start of a block. The published code saves
    a block in its last round, and so keeps its last tokens as the masks they still were; here
    they are recomputed once more. `refresh` recomputes all every so many rounds.
    """
    return Final(refresh)
