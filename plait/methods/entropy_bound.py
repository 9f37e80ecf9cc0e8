"""EB-Sampler: commit as long as the entropies leave little to lose (arXiv:2505.24857)."""

from dataclasses import dataclass
from typing import Any, Literal

from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Blocks
from ..score import Score, by_name, needs
from ..select import rank


@dataclass(frozen=True)
class EntropyBudget(Selector):
    """Commit the longest prefix, by falling score, with sum of entropies - largest <= `gamma`.

    That difference bounds what independent draws lose against a joint one.
    """

    gamma: float  # nats
    by: Score

    def __post_init__(self) -> None:
        if self.gamma < 0:
            raise PlaitError(f"gamma is {self.gamma} nats; it must be 0 or more")

    @property
    def needs(self) -> frozenset[str]:
        """The entropies, and what the score reads."""
        return needs(self.by) | {"entropy"}

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return that prefix."""
        assert view.entropy is not None
        place = rank(self.by(view), view.open)
        spent = view.entropy.double().gather(1, place.argsort(1))
        within = spent.cumsum(1) - spent.cummax(1).values <= self.gamma
        return view.open & within.gather(1, place), memo


def entropy_bound(
    block: int = 32,
    gamma: float = 0.1,
    order: Literal["confidence", "margin", "entropy"] = "confidence",
) -> Decoder:
    """Commit the most positions of the block whose joint error is at most `gamma` nats.

    At gamma = 0 this is one token per round, or several that leave no doubt at all.
    """
    return Decoder(Blocks(block), EntropyBudget(gamma, by_name(order)))
