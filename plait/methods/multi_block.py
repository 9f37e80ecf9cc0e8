"""Multi-block decoding of d3LLM: a pipeline of blocks, by entropy (arXiv:2601.07568)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Plan, Schedule, Selector, View
from ..select import rank


@dataclass(frozen=True)
class Pipeline(Schedule):
    """Blocks of `size` free positions; the next opens when a share `ready` of the last is written.

    One block may open per round. The leftmost unfinished block is pool 0 and should get one
    commit, the others are pool 1. The paper calls a block fully active when 95 % of the one before
    it are written, and asks for a commit in the first such block; that is always the leftmost
    unfinished one, so the 95 % matter to its cache only.
    """

    size: int
    ready: float

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PlaitError(f"block is {self.size}; it must be >= 1")
        if not 0 <= self.ready <= 1:
            raise PlaitError(f"ready is {self.ready}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """One open block."""
        return torch.ones_like(canvas.length)

    def __call__(
        self, canvas: Canvas, round: Int[Tensor, " B"], memo: Int[Tensor, " B"]
    ) -> tuple[Plan, Int[Tensor, " B"]]:
        """Return the open blocks."""
        del round
        block = ((~canvas.given).cumsum(1) - 1) // self.size
        first = torch.where(canvas.masked, block, block.shape[1]).amin(1)
        last = ~canvas.given & (block == memo[:, None] - 1)
        left, total = (last & canvas.masked).sum(1), last.sum(1)
        enough = total - left >= self.ready * total
        opened = torch.maximum(memo + enough.long(), first + 1)
        open = canvas.masked & (block < opened[:, None])
        pool = (block != first[:, None]).long()
        return Plan(open, pool, torch.tensor([[1, 0]]).to(pool).repeat(len(pool), 1)), opened


@dataclass(frozen=True)
class Settled(Selector):
    """Commit entropies up to `most`, the lowest of all, and the quota of each pool at least."""

    most: float  # nats

    needs = frozenset({"entropy"})

    def __post_init__(self) -> None:
        if self.most < 0:
            raise PlaitError(f"entropy is {self.most} nats; it must be 0 or more")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return these positions."""
        assert view.entropy is not None
        commit = view.open & ((view.entropy <= self.most) | (rank(-view.entropy, view.open) == 0))
        for pool in range(view.plan.quota.shape[1]):
            inside = view.open & (view.plan.pool == pool)
            missing = view.plan.quota[:, pool] - (commit & inside).sum(1)
            rest = inside & ~commit
            commit = commit | rest & (rank(-view.entropy, rest) < missing[:, None])
        return commit, memo


def multi_block(block: int = 32, entropy: float = 0.5, ready: float = 0.1) -> Decoder:
    """Commit what has at most `entropy` nats in all open blocks, at least one in the leftmost.

    The numbers of the paper need its distilled weights; a plain LLaDA wants less entropy.
    """
    return Decoder(Pipeline(block, ready), Settled(entropy))
