"""The training loss: masked cross entropy, and what papers choose differently about it."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import unknown
from . import weights
from .weight import Tokens, Weight

NORMALISERS = ("masked", "free", "row", "all")


@dataclass(frozen=True)
class Objective:
    """Which bound or surrogate is minimised. Losses are in nats.

    weight="inverse" (1/t) with normaliser="free" is the likelihood bound of MDLM
    (arXiv:2406.07524) and LLaDA (arXiv:2502.09992), per free position. weight="none" with
    normaliser="masked" is the mean over masked positions (Dream, arXiv:2508.15487, and NAP,
    arXiv:2602.23225, with weight="cart"): no bound, but less noise.

    The normaliser divides the sum by the masked positions, the free ones, or all that are in the
    batch, padding too (arXiv:2502.09992, pretraining); "row" divides each row by its own free
    positions and takes the mean over rows (LLaDA's fine-tuning). `factor` is multiplied to the
    weight: NAP's code has focal on top of another.
    """

    weight: Weight = weights.load("none")
    normaliser: Literal["masked", "free", "row", "all"] = "masked"
    factor: Weight = weights.load("none")

    def __post_init__(self) -> None:
        if self.normaliser not in NORMALISERS:
            raise unknown("normaliser", self.normaliser, NORMALISERS)

    def __call__(
        self,
        logits: Float[Tensor, "B L V"],
        target: Int[Tensor, "B L"],
        masked: Bool[Tensor, "B L"],
        free: Bool[Tensor, "B L"],
        rate: Float[Tensor, "B #L"],
        real: Bool[Tensor, "B L"] | None = None,
        count: Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Loss of a batch; positions that are not masked carry none."""
        loss = each(logits.flatten(0, 1), target.flatten()).view_as(target)
        return self.total(loss, masked, free, rate, real, count)

    def total(
        self,
        loss: Float[Tensor, "B L"],
        masked: Bool[Tensor, "B L"],
        free: Bool[Tensor, "B L"],
        rate: Float[Tensor, "B #L"],
        real: Bool[Tensor, "B L"] | None = None,
        count: Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """The loss from that of each token, which counts where it is masked.

        `real` is what is not padding (None = all), `count` stands in for the normaliser's own
        count, which would be wrong where several batches make one step.
        """
        loss = torch.where(masked, loss, 0.0)
        seen = torch.ones_like(masked) if real is None else real
        tokens = Tokens(loss, masked, seen, rate)
        loss = torch.where(masked, loss * self.weight(tokens) * self.factor(tokens), 0.0)
        if self.normaliser == "row":
            loss = loss / free.sum(1, keepdim=True).clamp(min=1)
        return loss.sum() / (self.count(masked, free) if count is None else count)

    def count(self, masked: Bool[Tensor, "B L"], free: Bool[Tensor, "B L"]) -> Float[Tensor, ""]:
        """What a batch's sum is divided by, at least 1."""
        if self.normaliser in ("masked", "free"):
            found = masked.sum() if self.normaliser == "masked" else free.sum()
            return found.clamp(min=1).float()
        # Filled on the device: a copy from the host is not allowed while a graph is captured.
        whole = len(free) if self.normaliser == "row" else free.numel()
        return free.new_full((), whole, dtype=torch.float32)


def each(logits: Float[Tensor, "N V"], target: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """The loss of every token, in nats."""
    exact = logits if logits.dtype == torch.float64 else logits.float()
    return F.cross_entropy(exact, target.long(), reduction="none")
