"""Ancestral sampling with remasking: both from one process (arXiv:2503.00307)."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .budget import Budget
from .canvas import Canvas
from .errors import PlaitError
from .parts import Mask, Revision, Selector, View, nothing
from .revise import Noted, earlier

ETA = {"cap": 0.008, "rescale": 0.015, "conf": 1.0, "loop": 0.02}  # the paper's, for 1024 steps


@dataclass(frozen=True)
class Process:
    """The probabilities of one step from time t to s, in T equal steps from 1 to 0.

    alpha = 1 - time is the share of written positions; "loop" runs through it faster, stays at
    `on` between the times `start` and `stop`, and then finishes.
    """

    kind: Literal["cap", "rescale", "conf", "loop"]
    eta: float
    budget: Budget
    start: float = 0.55
    stop: float = 0.05
    on: float = 0.9

    def __post_init__(self) -> None:
        if self.kind not in ETA:
            raise PlaitError(f"kind '{self.kind}' is not 'cap', 'rescale', 'conf' or 'loop'")
        if not 0 <= self.eta <= 1:
            raise PlaitError(f"eta is {self.eta}; it must lie between 0 and 1")
        if not (0 < self.stop < self.start < 1 and 0 < self.on < 1):
            raise PlaitError("a loop needs 0 < stop < start < 1 and on between 0 and 1")

    def steps(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """T: the budget's rounds, or as many as its tokens per round need."""
        free, each = (~canvas.given).sum(1), self.budget.tokens_per_round or 1
        given = self.budget.rounds
        return (free + each - 1) // each if given is None else torch.full_like(free, given)

    def alpha(self, time: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        """The share of positions that are written at `time`."""
        if self.kind != "loop":
            return 1 - time
        early, late = (1 - time) * self.on / (1 - self.start), 1 - time * (1 - self.on) / self.stop
        return torch.where(time > self.start, early, late.clamp(min=self.on))

    def rates(
        self, canvas: Canvas, round: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B 1"], Float[Tensor, "B 1"], Float[Tensor, "B 1"]]:
        """(alpha_t, alpha_s, sigma) in float64; "conf" shares its sigma out later."""
        steps = self.steps(canvas).clamp(min=1).double()
        t, s = 1 - round / steps, (1 - (round + 1) / steps).clamp(min=0)
        before, after = self.alpha(t), self.alpha(s)
        most = ((1 - after) / before.clamp(min=1e-9)).clamp(max=1)
        sigma = most.clamp(max=self.eta) if self.kind in ("cap", "loop") else self.eta * most
        if self.kind == "loop":
            sigma = torch.where((t > self.start + 1e-9) | (t <= self.stop + 1e-9), 0, sigma)
        return before[:, None], after[:, None], sigma[:, None]


@dataclass(frozen=True)
class Unmask(Selector):
    """Each mask is written with the probability of the process, so perhaps none is."""

    process: Process
    at_least = 0

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return a random set."""
        before, after, sigma = self.process.rates(view.canvas, view.round)
        # As in the release, "conf" returns tokens but does not write more masks to make up for it.
        sigma = torch.zeros_like(sigma) if self.process.kind == "conf" else sigma
        rate = (after - (1 - sigma) * before) / (1 - before).clamp(min=1e-12)
        return view.open & (view.uniform(salt=3) < rate), memo


@dataclass(frozen=True)
class Return(Noted):
    """Each token written before returns to a mask with probability sigma.

    What it notes is the probability of each token when it was written.
    """

    process: Process

    def limit(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """The end of time."""
        return self.process.steps(canvas)

    def holds(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> Bool[Tensor, " B"]:
        """A full row goes on until the end of time."""
        del memo
        return ~canvas.masked.any(1) & (round < self.process.steps(canvas))

    def __call__(
        self, view: View, commit: Mask, memo: Float[Tensor, "B L"]
    ) -> tuple[Revision, Float[Tensor, "B L"]]:
        """Return a random set of what was written before this round."""
        sigma = self.process.rates(view.canvas, view.round)[2]
        if self.process.kind == "conf":
            sigma = sigma * (-memo).masked_fill(~earlier(view), -torch.inf).softmax(1).nan_to_num()
        erase = earlier(view) & (view.uniform(salt=4) < sigma)
        memo = torch.where(commit, view.chosen.exp(), memo)
        return Revision(erase, nothing(view.canvas)), memo
