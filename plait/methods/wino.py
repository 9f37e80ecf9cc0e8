"""WINO: draft widely, verify each token without itself, take back (arXiv:2507.18578)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import Full
from ..parts import Mask, Reviser, Revision, Selector, View, nothing
from ..revise import earlier, lowest
from ..schedule import Blocks, block_of, leftmost_block
from ..score import nats
from ..select import rank
from ..shadow import Shadow


@dataclass(frozen=True)
class Draft(Selector):
    """Commit what is surer than `sure`, at most 0.7 of the masks, within 5 and 20."""

    sure: float

    def __post_init__(self) -> None:
        if self.sure <= 0:
            raise PlaitError(f"draft is {self.sure}; it must be a probability above 0")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the surest of them."""
        most = (view.open.sum(1) * 7 // 10).clamp(5, 20)[:, None]
        few = rank(view.chosen, view.open) < most
        return view.open & few & (view.chosen > nats(self.sure)), memo


@dataclass(frozen=True)
class Last:
    """The block of the last round and how many tokens it committed."""

    block: Int[Tensor, " B"]
    count: Int[Tensor, " B"]


@dataclass(frozen=True)
class Verify(Reviser):
    """Take back what has less than `sure` without itself, fewer than were committed last."""

    sure: float
    size: int

    needs = frozenset({"placed"})

    def init(self, canvas: Canvas) -> Last:
        """No block yet."""
        return Last(torch.full_like(canvas.length, -1), torch.zeros_like(canvas.length))

    def __call__(self, view: View, commit: Mask, memo: Last) -> tuple[Revision, Last]:
        """Return the tokens to take back; none after a round that committed only one."""
        assert view.placed is not None
        block = leftmost_block(view.canvas, self.size)
        last = torch.where(block == memo.block, memo.count, 30)  # the release's start of a block
        mine = block_of(view.canvas, self.size) == block[:, None]
        doubt = earlier(view) & mine & (view.placed < nats(self.sure))
        count, accepted = torch.minimum(doubt.sum(1), last - 1), commit.sum(1)
        count = torch.where(accepted > 1, count, 0)
        erase = lowest(view.placed, doubt, count)
        return Revision(erase, nothing(view.canvas)), Last(block, accepted)


def wino(block: int = 128, draft: float = 0.6, verify: float = 0.9) -> Decoder:
    """Write above `draft`, keep above `verify`; 0.6 is the paper's value for GSM8K.

    Verification is by shadow positions in the same forward, as in the paper: see `plait.shadow`.

    Needs: a model whose logits are not shifted.
    """
    return Decoder(
        Blocks(block),
        Draft(draft),
        reviser=Verify(verify, block),
        length=Full(),
        guide=Shadow(block),
    )
