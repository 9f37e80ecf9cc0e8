"""Dual cache of Fast-dLLM: recompute the block only (arXiv:2505.22618)."""

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import ByBlock, Refresh, Span, due


@dataclass(frozen=True)
class Block(ByBlock):
    """The block that is being decoded; all when a row enters another block.

    A block reaches from the first to the last position that was open when the row entered it, so
    a schedule without blocks gains nothing.
    """

    refresh: int  # rounds

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Span
    ) -> tuple[Refresh, Span]:
        """Return the block."""
        span, entered = memo.enter(open)
        return Refresh(span.inside | ((entered | due(round, self.refresh)) & canvas.real)), span


def dual(refresh: int = 0) -> Block:
    """Recompute the block in every round, and all on entering a block.

    Keys and values outside of the block are as old as its first round: exact there, approximate
    after it. `refresh` also recomputes all every so many rounds. The published loop runs a second
    forward pass in every block, even if the first one finished it; this one does not.
    """
    return Block(refresh)
