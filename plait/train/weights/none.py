"""No weight: every masked token counts the same (MaskGIT, arXiv:2202.04200)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..weight import Tokens, Weight


@dataclass(frozen=True)
class NoWeight(Weight):
    """1."""

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """No bound, but little noise."""
        return torch.ones_like(tokens.rate)


def none() -> NoWeight:
    """The mean over masked positions, with the normaliser "masked"."""
    return NoWeight()
