"""Context-aware initialization: start from a draft, and distrust it (arXiv:2512.19004)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..budget import Budget
from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import Full
from ..offers import Blend, blending
from ..parts import Denoiser, Guide, Mask
from ..revise import Sceptic
from ..schedule import Blocks
from ..start import Drafter, Injected


@dataclass(frozen=True)
class Interpolated(Guide):
    """Masks that are seen as a mixture of the mask and a draft token, and still count as masks."""

    drafter: Drafter
    weight: float  # of the draft token's embedding

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise PlaitError(f"weight is {self.weight}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Blend:
        """The draft; nothing where it has no token."""
        draft = self.drafter(canvas)[..., None]
        return Blend(draft, torch.where(draft == canvas.mask_id, 0.0, self.weight))

    def moved(self, memo: Blend, index: Int[Tensor, "B M"]) -> Blend:
        """Take the draft along."""
        return memo.moved(index)

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Blend
    ) -> tuple[Float[Tensor, "N V"], Blend]:
        """Return one forward pass on the mixtures."""
        return blending(model).blend(canvas, where, memo.at(canvas.masked)), memo


def warm_start(
    budget: Budget = Budget(),
    block: int = 32,
    doubt: float = 0.3,
    drafter: Drafter | None = None,
    share: float = 0.5,
    weight: float = 0.0,
) -> Decoder:
    """Decode as `llada` from a share of a draft's tokens, taking back doubtful ones.

    With a `weight`, draft tokens are mixed into the masks' embeddings instead. Without a drafter
    (see `plait.draft`) this is `llada`. The paper gives no numbers for `doubt`, `share` and
    `weight` that we could read; these are ours. The drafter's forwards are not counted.

    Needs: a drafter; with a weight, mixtures as input.
    """
    base = Decoder(Blocks(block, budget), reviser=Sceptic(doubt), length=Full())
    if drafter is None:
        return base
    if weight:
        return replace(base, guide=Interpolated(drafter, weight))
    return replace(base, start=Injected(drafter, share))
