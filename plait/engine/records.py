"""What rounds hand on: a canvas, the state that the next one starts from, a log for the host."""

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import State
from ..parts import Plan


class Once(Canvas):
    """A canvas inside a round: what follows from its tensors is worked out once.

    Elsewhere that would be wrong: a batch writes the next canvas over the tensors of the last.
    """

    real = cached_property(vars(Canvas)["real"].fget)
    given = cached_property(vars(Canvas)["given"].fget)
    masked = cached_property(vars(Canvas)["masked"].fget)


@dataclass(frozen=True)
class Now:
    """What a round starts from. Rows lead everywhere, so that one can take another's place."""

    tokens: Int[Tensor, "B L"]
    state: State
    plan: Plan
    open: Bool[Tensor, "B L"]
    stale: Bool[Tensor, "B L"]
    seen: Bool[Tensor, "B L"]
    count: Int[Tensor, "B 3"]  # positions to recompute, to look at; 1 if the row is not done


@dataclass(frozen=True)
class Log:
    """What a round did."""

    change: Int[Tensor, "B L"]  # bits: commit, rewrite, retract, fill
    draw: Int[Tensor, "B L"]
    chosen: Float[Tensor, "B L"]
    computed: Int[Tensor, " B"]  # positions; 0 = the row was done
