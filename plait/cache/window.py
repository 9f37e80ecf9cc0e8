"""Window-Diffusion: far masks are left out, near ones cached (arXiv:2601.20332)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due, first, placed, stayed


@dataclass(frozen=True)
class Window(Cache):
    """The first `active` open masks and what this phase has written; see what is near."""

    window: int  # positions
    active: int  # positions
    refresh: int  # rounds

    hides: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if not 1 <= self.active <= self.window:
            raise PlaitError(
                f"active is {self.active} and window {self.window} positions; "
                "it must be 1 <= active <= window"
            )

    def init(self, canvas: Canvas) -> Bool[Tensor, "B L"]:
        """What was masked when the phase began."""
        return canvas.masked

    def moved(self, memo: Bool[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Bool[Tensor, "B M"]:
        """Everything belongs to this phase where positions moved."""
        return placed(memo, index) | ~stayed(index)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Bool[Tensor, "B L"]
    ) -> tuple[Refresh, Bool[Tensor, "B L"]]:
        """Return the active positions, and the window as what they see."""
        all = due(round, self.refresh) | (round == 0)[:, None]
        memo = (memo & ~all) | (canvas.masked & all)
        active = first(open, self.active)
        near = ~canvas.masked | first(canvas.masked, self.window) | active
        stale = active | (memo & ~canvas.masked)
        return Refresh((stale | all) & canvas.real, near | all), memo


def window(window: int = 64, active: int = 16, refresh: int = 32) -> Window:
    """Recompute the first `active` masks and what was written since the last refresh.

    Every `refresh` rounds all positions are recomputed and any open one may be committed; in
    between masks beyond the first `window` are seen by nobody. The published code commits one
    token per round; here the method says how many.
    """
    return Window(window, active, refresh)
