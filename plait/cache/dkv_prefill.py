"""dKV-Cache-Prefill: keep the prompt (arXiv:2505.15781)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due


@dataclass(frozen=True)
class Prompt(Cache):
    """All but the prompt."""

    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked", "placed"})

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Any
    ) -> tuple[Refresh, Any]:
        """Return what is not prompt."""
        del open
        return Refresh((~canvas.prompt | due(round, self.refresh)) & canvas.real), memo


def dkv_prefill(refresh: int = 0) -> Prompt:
    """Recompute all but the prompt, whose keys and values are those of the first round.

    `refresh` recomputes the prompt too, every so many rounds.
    """
    return Prompt(refresh)
