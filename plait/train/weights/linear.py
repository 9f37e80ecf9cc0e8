"""One minus the level: nearly clean rows count most (an option of NAP's training code)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..weight import Tokens, Weight


@dataclass(frozen=True)
class Linear(Weight):
    """1 - t."""

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """Zero for a row that is masked as a whole."""
        return 1 - tokens.rate


def linear() -> Linear:
    """NAP, arXiv:2602.23225, by its code; no bound."""
    return Linear()
