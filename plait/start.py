"""Starts: what a canvas holds before the first round."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor

from . import keyed
from .canvas import Canvas
from .errors import PlaitError
from .parts import Start


@runtime_checkable
class Drafter(Protocol):
    """Proposes tokens before decoding begins: see `plait.draft`."""

    def __call__(self, canvas: Canvas) -> Int[Tensor, "B L"]:
        """Return a token for each masked position, or the mask where it has none."""
        ...


@dataclass(frozen=True)
class Empty(Start):
    """The canvas as the layout made it."""

    def __call__(self, canvas: Canvas, seed: int) -> Canvas:
        """Return it."""
        del seed
        return canvas


@dataclass(frozen=True)
class Injected(Start):
    """A share of a draft's tokens, as if they had been written (arXiv:2512.19004)."""

    drafter: Drafter
    share: float  # probability with which each position gets its token

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise PlaitError(f"share is {self.share}; it must lie between 0 and 1")

    def __call__(self, canvas: Canvas, seed: int) -> Canvas:
        """Return the canvas with tokens; the draw depends on (seed, row key, position) only."""
        draft = self.drafter(canvas)
        lucky = keyed.uniform(seed, 5, canvas.key[:, None], canvas.pos) < self.share
        return canvas.write(canvas.masked & lucky & (draft != canvas.mask_id), draft)
