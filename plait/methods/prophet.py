"""Prophet: stop when the answer no longer changes (arXiv:2508.19982)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from ..budget import Budget
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Stop, View
from ..schedule import Blocks


@dataclass(frozen=True)
class AnswerIsSure(Stop):
    """Finish when the mean gap of the two best tokens is large at the start of the answer.

    At a temperature it is the gap of the candidate to the best other token, and may be negative.
    The answer is the last region, whose header stands where the paper forces "The answer is":
    its first `answer` positions are watched, written or not. A canvas of one slot has no such
    anchor, so all of it is watched, as in SchED (arXiv:2512.02892), but only up to the first end
    that is written or proposed: padding is sure at once and says nothing. Progress is the share
    of free positions that are written, since not every method knows its number of rounds.
    """

    answer: int  # positions
    early: float  # gap that is enough in the first third, nats
    middle: float
    late: float

    needs = frozenset({"masked", "placed", "second"})

    def __post_init__(self) -> None:
        if self.answer < 1:
            raise PlaitError(f"answer is {self.answer} positions; it must be >= 1")

    def __call__(self, view: View, memo: Any) -> tuple[Bool[Tensor, " B"], Any]:
        """Return the rows whose answer is sure."""
        assert view.second is not None
        canvas = view.canvas
        watched = canvas.region == canvas.regions - 1
        if canvas.regions > 1:
            watched = watched & (watched.cumsum(1) <= self.answer)
        else:
            ends = watched & canvas.ends(torch.where(canvas.masked, view.draw, canvas.tokens))
            watched = watched & (ends.cumsum(1) - ends.long() == 0)
        gap = torch.where(watched, view.chosen - view.second, 0).double()
        mean = gap.sum(1) / watched.sum(1).clamp(min=1)
        free = (~canvas.given).sum(1)
        progress = 1 - canvas.masked.sum(1) / free.clamp(min=1)
        enough = torch.where(progress < 0.67, self.middle, self.late)
        return mean >= torch.where(progress < 0.33, self.early, enough), memo


def prophet(
    budget: Budget = Budget(),
    block: int = 32,
    answer: int = 5,
    early: float = 7.5,
    middle: float = 5.0,
    late: float = 2.5,
) -> Decoder:
    """Decode as `llada`; when the answer is sure, write all candidates and stop.

    What is not finished then is filled blindly. The gap enough depends on how much is written:
    `early` below 33 %, `middle` below 67 %, then `late`. A row may take fewer rounds than its
    budget, never more.
    """
    return Decoder(Blocks(block, budget), stop=AnswerIsSure(answer, early, middle, late))
