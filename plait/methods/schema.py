"""S3: self-adaptive schema scaffolding, the decoder of forms (arXiv:2507.04504)."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Plan, Schedule


@dataclass(frozen=True)
class Scaffold(Schedule):
    """All slots at once, n / `rounds` of their n positions a round, rounded up.

    So the last rounds may find nothing left to do.
    """

    rounds: int

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise PlaitError(f"rounds is {self.rounds}; it must be >= 1")

    def init(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """The commits of a round."""
        return (canvas.masked.sum(1) + self.rounds - 1) // self.rounds

    def __call__(
        self, canvas: Canvas, round: Int[Tensor, " B"], memo: Int[Tensor, " B"]
    ) -> tuple[Plan, Int[Tensor, " B"]]:
        """Return the whole canvas."""
        del round
        return Plan(canvas.masked, torch.zeros_like(canvas.region), memo[:, None]), memo


def schema(rounds: int = 16) -> Decoder:
    """Commit the most probable tokens of all slots of a form, in `rounds` rounds at most.

    The form itself is a layout: `plait.schema.schema`. The published method adapts to the length
    of values by a null word only, which reading strips; here a value may also end early.

    Needs: a form.
    """
    return Decoder(Scaffold(rounds))
