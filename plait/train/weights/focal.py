"""Tokens that are known already count less (focal loss, arXiv:1708.02002)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ...errors import PlaitError
from ..weight import Tokens, Weight


@dataclass(frozen=True)
class Focal(Weight):
    """scale (1 - p)^power, p being the probability of the right token."""

    scale: float
    power: float

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """The gradient also passes through the factor."""
        return self.scale * (1 - (-tokens.loss).exp()) ** self.power


def focal(scale: float = 0.25, power: float = 2.0) -> Focal:
    """The token_reweighting of Dream and NAP (arXiv:2602.23225), off there by default."""
    if power < 1:
        raise PlaitError(f"power is {power}; below 1 the gradient of known tokens is infinite")
    return Focal(scale, power)
