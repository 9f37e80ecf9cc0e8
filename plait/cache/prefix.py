"""Prefix cache of Fast-dLLM: keep what lies before the block (arXiv:2505.22618)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import Cache, Refresh, Span, check_every, due


@dataclass(frozen=True)
class Suffix(Cache):
    """The block that is being decoded and all after it; all when a row enters another block."""

    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked"})

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def init(self, canvas: Canvas) -> Span:
        """No block yet."""
        return Span.none(canvas)

    def moved(self, memo: Span, index: Int[Tensor, "B M"]) -> Span:
        """A block whose positions moved is entered anew."""
        return memo.moved(index)

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
