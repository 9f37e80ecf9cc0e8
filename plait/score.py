"""Scores: the order in which open positions are committed. Higher goes first."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .errors import PlaitError
from .parts import View

Score = Callable[[View], Float[Tensor, "B L"]]


def reads(*fields: str) -> Callable[[Score], Score]:
    """Declare the fields of View, beyond `draw` and `chosen`, that a score reads."""

    def declare(score: Score) -> Score:
        setattr(score, "needs", frozenset(fields))  # noqa: B010 (a function has no such field)
        return score

    return declare


def needs(score: Score) -> frozenset[str]:
    """The fields of View, beyond `draw` and `chosen`, that `score` reads."""
    found: frozenset[str] = getattr(score, "needs", frozenset())
    return found


def nats(probability: float) -> float:
    """Log-probability, as a bar for one: of 0 and less -inf, which everything passes."""
    return math.log(probability) if probability > 0 else -math.inf


def confidence(view: View) -> Float[Tensor, "B L"]:
    """Log-probability of the candidate (MaskGIT; "low confidence" remasking of LLaDA)."""
    return view.chosen


def leftmost(view: View) -> Float[Tensor, "B L"]:
    """The first open position of the canvas goes first."""
    return -view.canvas.pos.float()


def random(view: View) -> Float[Tensor, "B L"]:
    """A random order, drawn anew each round from (seed, row, position, round)."""
    return view.uniform(salt=1)


def probability(view: View) -> Float[Tensor, "B L"]:
    """Probability of the candidate, less 1 so that those near 1 keep their order in float32."""
    return torch.expm1(view.chosen)


@reads("second")
def margin(view: View) -> Float[Tensor, "B L"]:
    """Probability of the candidate minus that of the best other token (Dream, topk_margin).

    Less 1, so that margins near 1 keep their order in float32.
    """
    assert view.second is not None
    score = probability(view) - view.second.exp()
    return score.masked_fill(~view.open, -torch.inf)


@reads("entropy")
def entropy(view: View) -> Float[Tensor, "B L"]:
    """The lowest entropy goes first (Dream, entropy)."""
    assert view.entropy is not None
    return -view.entropy


BY: dict[str, Score] = {"confidence": confidence, "margin": margin, "entropy": entropy}


def by_name(name: str) -> Score:
    """Return the score of a name in `BY`; PlaitError if there is none."""
    if name not in BY:
        raise PlaitError(f"order '{name}' is not {', '.join(BY)}")
    return BY[name]


@dataclass(frozen=True)
class EndsLater:
    """Confidence, times a factor where the candidate ends its region (EOSER, arXiv:2509.23924).

    The factor rises from `least` to 1 with the share of free positions that will be written after
    this round. The paper counts rounds where rounds are equal, and tokens where they double; with
    tokens for both, the factor also reaches 1 when the canvas is decoded block by block, which
    the published counter (a round of the block over the rounds of all blocks) never does.
    """

    least: float  # 1 = plain confidence

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise PlaitError(f"the least factor on ends is {self.least}; it must be in (0, 1]")

    def __call__(self, view: View) -> Float[Tensor, "B L"]:
        """Return the score."""
        free, left = (~view.canvas.given).sum(1), view.canvas.masked.sum(1)
        written = free - left + torch.minimum(view.plan.quota.sum(1), left)
        factor = self.least + (1 - self.least) * written / free.clamp(min=1)
        ends = view.canvas.ends(view.draw)
        return view.chosen + torch.where(ends, factor.log()[:, None], 0)
