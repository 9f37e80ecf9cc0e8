"""Scores: the order in which open positions are committed. Higher goes first."""

from jaxtyping import Float
from torch import Tensor

from .parts import View


def confidence(view: View) -> Float[Tensor, "B L"]:
    """Log-probability of the candidate (MaskGIT; "low confidence" remasking of LLaDA)."""
    return view.chosen


def leftmost(view: View) -> Float[Tensor, "B L"]:
    """The first open position of the canvas goes first."""
    return -view.canvas.pos.float()


def random(view: View) -> Float[Tensor, "B L"]:
    """A random order, drawn anew each round from (seed, row, position, round)."""
    return view.uniform(salt=1)
