"""Masked cross entropy, with the weight and the normaliser that papers choose differently."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import unknown


@dataclass(frozen=True)
class Objective:
    """Which bound or surrogate is minimised. Losses are in nats.

    weight="inverse" (1/t) with normaliser="free" is the likelihood bound of MDLM
    (arXiv:2406.07524) and LLaDA (arXiv:2502.09992), per free position. weight="none" with
    normaliser="masked" is the mean over masked positions (Dream, arXiv:2508.15487; NAP,
    arXiv:2602.23225, without its CART weight): no bound, but less noise.
    """

    weight: Literal["none", "inverse"] = "none"
    normaliser: Literal["masked", "free"] = "masked"

    def __post_init__(self) -> None:
        if self.weight not in ("none", "inverse"):
            raise unknown("weight", self.weight, ("none", "inverse"))
        if self.normaliser not in ("masked", "free"):
            raise unknown("normaliser", self.normaliser, ("masked", "free"))

    def __call__(
        self,
        logits: Float[Tensor, "B L V"],
        target: Int[Tensor, "B L"],
        masked: Bool[Tensor, "B L"],
        free: Bool[Tensor, "B L"],
        rate: Float[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        """Loss of a batch; positions that are not masked carry none."""
        flat = logits.flatten(0, 1).float()
        loss = F.cross_entropy(flat, target.flatten().long(), reduction="none").view_as(target)
        loss = torch.where(masked, loss, 0.0)
        if self.weight == "inverse":
            loss = loss / rate[:, None]
        count = masked if self.normaliser == "masked" else free
        return loss.sum() / count.sum().clamp(min=1)
