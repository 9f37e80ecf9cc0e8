"""Dream: a grid of times says how many, one of four orders which (arXiv:2508.15487)."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from .. import keyed, score
from ..budget import Budget
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import View
from ..schedule import TimeGrid
from ..select import Reveal, TopK


@dataclass(frozen=True)
class Noisy:
    """A score, drawn without replacement from softmax(score / temperature): Gumbel-top-k."""

    by: score.Score
    temperature: float

    @property
    def needs(self) -> frozenset[str]:
        """What the score reads."""
        return score.needs(self.by)

    def __call__(self, view: View) -> Float[Tensor, "B L"]:
        """Return the score with noise."""
        row, now = view.canvas.key[:, None], view.round[:, None]
        noise = keyed.gumbel(view.seed, 11, row, view.canvas.pos, now)
        return (self.by(view).double() / self.temperature + noise).to(view.chosen.dtype)


def dream(
    budget: Budget = Budget(),
    order: Literal["origin", "maskgit_plus", "margin", "entropy"] = "entropy",
    order_temperature: float = 0.0,
    eps: float = 1e-3,
    shared: bool = False,
) -> Decoder:
    """Commit on a grid of times; the order is random, or by confidence, margin or entropy.

    Scores are of the model's own distribution. The published code takes them after temperature
    and top-p, where a small top-p makes everything look sure. Its shift of logits by one position
    is the model's affair, not the decoder's.

    Exact: with order=origin, as the rounds grow.
    """
    if order_temperature < 0:
        raise PlaitError(f"order temperature is {order_temperature}; it must be 0 or more")
    grid = TimeGrid(budget, eps, shared)
    if order == "origin":
        return Decoder(grid, Reveal(grid))
    by = score.by_name({"maskgit_plus": "confidence"}.get(order, order))
    if order_temperature == 0:
        return Decoder(grid, TopK(by))
    sure = score.probability if by is score.confidence else by
    return Decoder(grid, TopK(Noisy(sure, order_temperature)))
