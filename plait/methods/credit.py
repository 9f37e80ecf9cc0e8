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


@dataclass(frozen=True)
class Credit(Guide):
    """Add alpha log(1 + C) to the logits; C gathers what was predicted in earlier rounds.

    Each round C fades by `beta` and the best token of each mask that is looked at gains its
    probability to the power `gamma`. A position that is written loses its credit, so that it
    starts afresh if it is ever taken back (the published code keeps the old credit).
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

    def init(self, canvas: Canvas) -> Float[Tensor, "B L V"]:
        """No credit yet; the vocabulary is known after the first forward pass."""
        return torch.zeros(*canvas.tokens.shape, 1, device=canvas.tokens.device)

    def moved(
        self, memo: Float[Tensor, "B L V"], index: Int[Tensor, "B M"]
    ) -> Float[Tensor, "B M V"]:
        """Credit moves with its position."""
        return by_index(memo, index)

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Float[Tensor, "B L W"]
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "B L V"]]:
        """Return the logits with credit, from one forward pass."""
        logits = model(canvas, where).float()
        memo = memo.expand(-1, -1, logits.shape[-1]).masked_fill(~canvas.masked[..., None], 0)
        mask = torch.tensor([canvas.mask_id], device=logits.device)
        top, token = logits.index_fill(-1, mask, -torch.inf).softmax(-1).max(-1)
        gain = torch.where(canvas.masked[where], top**self.gamma, 0)
        credit = (memo[where] * self.beta).scatter_add(1, token[:, None], gain[:, None])
        memo = memo.masked_scatter(where[..., None], credit)
        return logits + self.alpha * credit.log1p(), memo


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
