"""SlowFast: find how far the text is settled, then write that span fast (arXiv:2506.10848)."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Blocks
from ..score import nats
from ..select import rank


@dataclass(frozen=True)
class Span:
    """Where a row stands in its block: offsets in free positions, and counts of slow rounds."""

    block: Int[Tensor, " B"]
    start: Int[Tensor, " B"]
    end: Int[Tensor, " B"]  # 0 while the span is being found
    guess: Int[Tensor, " B"]  # of the last slow round, 0 = none yet
    rounds: Int[Tensor, " B"]


@dataclass(frozen=True)
class SlowFast(Selector):
    """Slow rounds guess how far confidences reach `reach`, until two guesses agree or time is up.

    The span up to there is then written before anything else. In both phases all above `sure` are
    committed if there are several, else the best one: the published code also knows a number of 3
    "important low-confidence tokens", and never uses it. That code goes on with slow rounds after
    the guesses agree, to its full number; the paper does not, nor do we. It computes no logits
    right of the span in the fast phase, which is the affair of a cache.
    """

    size: int  # of the block, positions
    sure: float  # probability
    reach: float  # probability
    slow: int  # rounds at most

    def __post_init__(self) -> None:
        for name, value in (("threshold", self.sure), ("reach", self.reach)):
            if value <= 0:
                raise PlaitError(f"{name} is {value}; it must be a probability above 0")
        if self.slow < 1:
            raise PlaitError(f"slow is {self.slow} rounds; it must be >= 1")

    def init(self, canvas: Canvas) -> Span:
        """Before the first block."""
        zero = torch.zeros_like(canvas.length)
        return Span(zero - 1, zero, zero, zero, zero)

    def __call__(self, view: View, memo: Span) -> tuple[Mask, Span]:
        """Return the commits of a slow or a fast round, row by row."""
        index = (~view.canvas.given).cumsum(1) - 1
        offset, block = index % self.size, index // self.size
        now = torch.where(view.open, block, block.shape[1]).amin(1)
        here = view.open & (block == now[:, None])
        left = torch.where(here, offset, self.size).amin(1)
        done = (memo.end > 0) & (left >= memo.end)
        fresh = (now != memo.block) | done | (left < memo.start)  # the last: taken back
        start = torch.where(fresh, left, memo.start)
        end, guess, rounds = (torch.where(fresh, 0, x) for x in (memo.end, memo.guess, memo.rounds))

        reached = here & (view.chosen >= nats(self.reach))
        found = torch.where(reached, offset + 1, 0).amax(1)
        found = torch.where(found > 0, found, start + 1)
        agree = (guess > 0) & ((found - guess).abs() < 2)  # deviation of the two below 1
        late = torch.where(guess > 0, (found + guess) // 2, found)
        slow = end == 0
        rounds = rounds + slow.long()
        fixed = torch.where(agree, found, torch.where(rounds >= self.slow, late, 0))

        span = here & (slow[:, None] | (offset < end[:, None]))
        sure = span & (view.chosen >= nats(self.sure))
        several = sure.sum(1, keepdim=True) > 1
        commit = torch.where(several, sure, span & (rank(view.chosen, span) == 0))
        return commit, Span(now, start, torch.where(slow, fixed, end), found, rounds)


def slow_fast(
    block: int = 128, threshold: float = 0.9, reach: float = 0.3, slow: int = 6
) -> Decoder:
    """Alternate between looking for the next settled span and writing it."""
    return Decoder(Blocks(block), SlowFast(block, threshold, reach, slow))
