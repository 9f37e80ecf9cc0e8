"""One over the level: the likelihood bound (arXiv:2406.07524, arXiv:2502.09992)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..weight import Tokens, Weight


@dataclass(frozen=True)
class Inverse(Weight):
    """1 / t."""

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """Of MDLM with a linear schedule, and of LLaDA."""
        return 1 / tokens.rate


def inverse() -> Inverse:
    """With the normaliser "free" and independent masks: a bound of -log p per free position."""
    return Inverse()
