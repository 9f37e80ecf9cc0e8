"""Prefix cache of Fast-dLLM: keep what lies before the block (arXiv:2505.22618)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import ByBlock, Refresh, Span, due


@dataclass(frozen=True)
class Suffix(ByBlock):
    """The block that is being decoded and all after it; all when a row enters another block."""

    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked"})

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Span
    ) -> tuple[Refresh, Span]:
        """Return the block and what comes after it."""
        span, entered = memo.enter(open)
        all = entered | due(round, self.refresh)
        return Refresh((span.inside.cumsum(1) > 0) | (all & canvas.real)), span


def prefix(refresh: int = 0) -> Suffix:
    """Recompute the block and all after it in every round, and all on entering a block.

    Keys and values of the prefix do not see what is committed inside the block until the next
    one. `refresh` also recomputes all every so many rounds.
    """
    return Suffix(refresh)
