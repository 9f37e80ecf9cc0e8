"""Context-aware initialization: start from a draft, and distrust it (arXiv:2512.19004)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..budget import Budget
from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import Full
from ..parts import Denoiser, Guide, Mask, Reviser, Revision, View, blending, by_index, nothing
from ..schedule import Blocks


@dataclass(frozen=True)
class Sceptic(Reviser):
    """Take back tokens that were there before the first round and now look unlikely."""

    doubt: float  # probability below which a draft token is not believed

    needs = frozenset({"placed"})

    def __post_init__(self) -> None:
        if not 0 <= self.doubt <= 1:
            raise PlaitError(f"doubt is {self.doubt}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Bool[Tensor, "B L"]:
        """The draft: what is written and not given."""
        return ~(canvas.masked | canvas.given)

    def moved(self, memo: Bool[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Tensor:
        """Take the marks along."""
        return by_index(memo, index)

    def holds(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> Bool[Tensor, " B"]:
        """A canvas full of draft is looked at once."""
        return ~canvas.masked.any(1) & memo.any(1) & (round == 0)

    def __call__(
        self, view: View, commit: Mask, memo: Bool[Tensor, "B L"]
    ) -> tuple[Revision, Bool[Tensor, "B L"]]:
        """Return the draft tokens that are not believed; each is taken back once."""
        del commit
        assert view.placed is not None
        bar = math.log(self.doubt) if self.doubt else -math.inf
        erase = memo & (view.placed < bar)
        return Revision(erase, nothing(view.canvas)), memo & ~erase


@dataclass(frozen=True)
class Interpolated(Guide):
    """Masks that are seen as a mixture of the mask and a draft token, and still count as masks.

    `drafts` holds token ids for the free positions of each row, by row key, the mask for none.
    The model must be able to `blend` (plait.parts.Blending).
    """

    drafts: Mapping[int, tuple[int, ...]]
    weight: float  # of the draft token's embedding

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise PlaitError(f"weight is {self.weight}; it must lie between 0 and 1")

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return one forward pass on the mixtures."""
        other = canvas.tokens.clone()
        for row, key in enumerate(canvas.key.tolist()):
            places = (~canvas.given[row]).nonzero()[:, 0]
            ids = other.new_tensor(self.drafts.get(key, ()))[: len(places)]
            other[row, places[: len(ids)]] = ids
        weight = torch.where(canvas.masked & (other != canvas.mask_id), self.weight, 0.0)
        return blending(model).blend(canvas, where, other, weight), memo


def warm_start(budget: Budget = Budget(), block: int = 32, doubt: float = 0.3) -> Decoder:
    """Decode as `llada` from a canvas with draft tokens (`plait.draft`), taking back doubtful ones.

    The paper gives no number for `doubt` that we could read; 0.3 is ours. Its other variant,
    draft embeddings, is the guide `Interpolated`.
    """
    return Decoder(Blocks(block, budget), reviser=Sceptic(doubt), length=Full())
