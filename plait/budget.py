"""Budgets: how many commits a round should make."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from .errors import PlaitError


@dataclass(frozen=True)
class Budget:
    """Either a fixed number of commits per round, or a fixed number of rounds.

    With `rounds` what is left is spread evenly over the rounds left, the larger shares first:
    for 1022 positions and 336 rounds, 14 rounds of 4 and 322 of 3, as LLaDA does it
    (arXiv:2502.09992).
    """

    tokens_per_round: int | None = None
    rounds: int | None = None

    def __post_init__(self) -> None:
        if self.tokens_per_round is not None and self.rounds is not None:
            raise PlaitError("give tokens per round or rounds, not both")
        if self.tokens_per_round is not None and self.tokens_per_round < 1:
            raise PlaitError(f"tokens per round is {self.tokens_per_round}; it must be >= 1")
        if self.rounds is not None and self.rounds < 1:
            raise PlaitError(f"rounds is {self.rounds}; it must be >= 1")

    @property
    def most(self) -> int | None:
        """The most commits that a round can be given; None = that depends on what is left."""
        return None if self.rounds is not None else self.tokens_per_round or 1

    def count(self, left: Int[Tensor, " B"], ahead: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """Commits for this round, where `left` positions have `ahead` rounds to come."""
        if self.rounds is None:
            return torch.full_like(left, self.tokens_per_round or 1)
        ahead = ahead.clamp(min=1)
        return (left + ahead - 1) // ahead
