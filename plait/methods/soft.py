"""Soft iteration of dInfer: masks carry predictions to the next round (arXiv:2510.08666)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..offers import Blend, blending
from ..parts import Denoiser, Guide, Mask
from ..schedule import Blocks
from ..select import Falling


@dataclass(frozen=True)
class Carried:
    """What each mask is mixed with, and how many rounds there were."""

    mixture: Blend
    rounds: Int[Tensor, " B"]


@dataclass(frozen=True)
class Expected(Guide):
    """Masks are read as a mixture of the mask and the tokens expected there a round ago.

    The mixture's weight grows from `start` by `growth` each round to `most`. The published code
    mixes in the mean embedding under the whole distribution; here it is that of the `tokens`
    likeliest, their probabilities made to sum to 1, so that a prediction is carried in little room.
    """

    start: float
    growth: float
    most: float
    tokens: int

    needs = frozenset({"masked"})

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1 or not 0 <= self.most <= 1 or not 0 <= self.growth < math.inf:
            raise PlaitError("start and most must lie between 0 and 1, and growth be 0 or more")
        if self.tokens < 1:
            raise PlaitError(f"tokens is {self.tokens}; it must be >= 1")

    def init(self, canvas: Canvas) -> Carried:
        """Plain masks."""
        return Carried(Blend.none(canvas, self.tokens), torch.zeros_like(canvas.length))

    def moved(self, memo: Carried, index: Int[Tensor, "B M"]) -> Carried:
        """Take the mixtures along."""
        return Carried(memo.mixture.moved(index), memo.rounds)

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Carried
    ) -> tuple[Float[Tensor, "N V"], Carried]:
        """Return the logits of the mixtures, and carry what they expect."""
        logits = blending(model).blend(canvas, where, memo.mixture.at(canvas.masked))
        mask = torch.tensor([canvas.mask_id], device=logits.device)
        best = logits.float().index_fill(-1, mask, -torch.inf).topk(min(self.tokens, model.vocab))
        weight = (self.start + self.growth * memo.rounds).clamp(max=self.most)
        share = best.values.softmax(-1) * weight[where.nonzero()[:, 0], None]
        after = Blend.none(canvas, self.tokens)
        after.tokens[where, : share.shape[1]] = best.indices
        after.weight[where, : share.shape[1]] = share
        return logits, Carried(after, memo.rounds + 1)


def soft(
    block: int = 32,
    threshold: float = 0.9,
    fall: float = 0.02,
    start: float = 0.15,
    growth: float = 0.02,
    most: float = 0.3,
    tokens: int = 32,
) -> Decoder:
    """Commit by a threshold that falls to `threshold`, with masks that remember the last round.

    Off what a model was trained on: it reads embeddings that no token has. With all weights 0 and
    fall = 1 it is `fast_dllm` but for a stricter first round.

    Needs: mixtures as input.
    """
    guide = Expected(start, growth, most, tokens)
    return Decoder(Blocks(block), Falling(threshold, fall), guide=guide)
