"""KLASS: commit predictions that are sure and have come to rest (arXiv:2511.05664)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View, by_index
from ..schedule import Blocks
from ..score import nats


@dataclass(frozen=True)
class Memo:
    """The last predictions, where they count, and for how many rounds each hardly moved."""

    logp: Float[Tensor, "B L V"]  # the one of the last view: no copy is made
    looked: Bool[Tensor, "B L"]
    calm: Int[Tensor, "B L"]


@dataclass(frozen=True)
class Stable(Selector):
    """Commit what is above `sure` and has had KL(now || before) < `kl` for `patience` rounds.

    Rounds count from when a position is first looked at, in its own block: the published code
    looks at the whole canvas in every round, at the price of all its logits. A position that is
    closed in between (written, then taken back) starts afresh.
    """

    kl: float  # nats
    sure: float  # probability
    patience: int  # rounds

    needs = frozenset({"logp"})

    def __post_init__(self) -> None:
        if self.kl < 0:
            raise PlaitError(f"kl is {self.kl} nats; it must be 0 or more")
        if self.sure <= 0:
            raise PlaitError(f"threshold is {self.sure}; it must be a probability above 0")
        if self.patience < 1:
            raise PlaitError(f"patience is {self.patience} rounds; it must be >= 1")

    def init(self, canvas: Canvas) -> Memo:
        """Nothing was predicted; the vocabulary is known after the first forward pass."""
        nothing = torch.zeros(*canvas.tokens.shape, 1, device=canvas.tokens.device)
        return Memo(nothing, torch.zeros_like(canvas.given), torch.zeros_like(canvas.tokens))

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """Predictions move with their position; a new one has none."""
        return Memo(*(by_index(x, index) for x in (memo.logp, memo.looked, memo.calm)))

    def __call__(self, view: View, memo: Memo) -> tuple[Mask, Memo]:
        """Return what is sure and calm; if nothing is, the engine takes the surest."""
        assert view.logp is not None
        both = view.open & memo.looked
        now, before = view.logp[both], memo.logp.expand_as(view.logp)[both]
        p = now.exp()
        moved = torch.where(p > 0, p * (now - before), 0).sum(-1).clamp(min=0)
        kl = torch.full_like(view.chosen, torch.inf).masked_scatter(both, moved)
        calm = torch.where(kl < self.kl, memo.calm + 1, 0)
        commit = view.open & (calm >= self.patience) & (view.chosen > nats(self.sure))
        return commit, Memo(view.logp, view.open, calm)


def klass(block: int = 64, kl: float = 0.01, threshold: float = 0.9, patience: int = 2) -> Decoder:
    """Commit what is above `threshold` and calm; the best one where nothing is.

    Defaults are those of LLaDA; Dream was run with kl = 0.001 to 0.005.
    """
    return Decoder(Blocks(block), Stable(kl, threshold, patience))
