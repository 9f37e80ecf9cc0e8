"""Credit decoding of dInfer: predictions that persist count for more (arXiv:2510.08666)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Denoiser, Guide, Mask, by_index
from ..schedule import Blocks
from ..select import Threshold

KEPT = 16  # tokens of which a position keeps the credit


@dataclass(frozen=True)
class Memo:
    """The tokens of a position that have credit, and how much; 0 = a free place."""

    token: Int[Tensor, "B L K"]
    credit: Float[Tensor, "B L K"]


@dataclass(frozen=True)
class Credit(Guide):
    """Add alpha log(1 + C) to the logits; C gathers what was predicted in earlier rounds.

    Each round C fades by `beta` and the best token of each mask that is looked at gains its
    probability to the power `gamma`. A position that is written loses its credit, so that it
    starts afresh if it is ever taken back (the published code keeps the old credit). Where more
    than `KEPT` different tokens were ahead, the one with the least credit is forgotten.
    """

    alpha: float
    beta: float
    gamma: float

    single = True

    def __post_init__(self) -> None:
        if self.alpha < 0:
            raise PlaitError(f"alpha is {self.alpha}; it must be 0 or more")
        if not 0 <= self.beta <= 1:
            raise PlaitError(f"beta is {self.beta}; it must lie between 0 and 1")
        if self.gamma < 0:
            raise PlaitError(f"gamma is {self.gamma}; it must be 0 or more")

    def init(self, canvas: Canvas) -> Memo:
        """No credit yet."""
        token = canvas.tokens[..., None].repeat(1, 1, KEPT)
        return Memo(token, torch.zeros(token.shape, device=token.device))

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """Credit moves with its position."""
        return Memo(by_index(memo.token, index), by_index(memo.credit, index))

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Memo
    ) -> tuple[Float[Tensor, "N V"], Memo]:
        """Return the logits with credit, from one forward pass."""
        logits = model(canvas, where).float()
        mask = torch.tensor([canvas.mask_id], device=logits.device)
        top, best = logits.index_fill(-1, mask, -torch.inf).softmax(-1).max(-1)
        gain = torch.where(canvas.masked[where], top**self.gamma, 0)[:, None]
        old = memo.credit.masked_fill(~canvas.masked[..., None], 0)
        token, credit = memo.token[where], old[where] * self.beta
        known = (token == best[:, None]) & (credit > 0)
        place = torch.where(known.any(1), known.int().argmax(1), credit.argmin(1))[:, None]
        own = torch.where(known, credit, 0).gather(1, place)
        token, credit = token.scatter(1, place, best[:, None]), credit.scatter(1, place, own + gain)
        here = where[..., None]
        after = Memo(memo.token.masked_scatter(here, token), old.masked_scatter(here, credit))
        return logits.scatter_add(1, token, self.alpha * credit.log1p()), after


def credit(
    block: int = 32,
    threshold: float = 0.9,
    alpha: float = 0.7,
    beta: float = 0.8,
    gamma: float = 0.2,
) -> Decoder:
    """Commit every candidate above `threshold` after its credit was added.

    With credit the confidence is no probability of the model any more: what is a good threshold
    without (alpha = 0, the rule of Fast-dLLM) need not be one with it.
    """
    return Decoder(Blocks(block), Threshold(threshold), guide=Credit(alpha, beta, gamma))
