"""The fused head: token, log-probability, runner-up and entropy without storing the logits.

The vocabulary is cut into tiles. Of each tile a row keeps five numbers, and tiles are joined by
sums that lose nothing near certainty: the mass of all other tokens is summed by itself, never as
one minus a probability.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from .ops import fast
from .weights import Linear

TILE = 8192  # tokens whose logits exist at the same time
ROWS = 2048  # positions that go through the head at once
LOW = -1e30  # in place of -inf, whose differences are not numbers


@dataclass(frozen=True)
class Choice:
    """What the head says of each position. Log-probabilities and entropy in nats."""

    token: Int[Tensor, " M"]  # the most probable; of equals, the one with the smallest id
    chosen: Float[Tensor, " M"]
    second: Float[Tensor, " M"]  # of the best other token
    entropy: Float[Tensor, " M"]


@dataclass(frozen=True)
class Tiles:
    """Of each of T tiles and each row: its best token, and sums relative to that one."""

    best: Float[Tensor, "T M"]  # logit
    token: Int[Tensor, "T M"]
    second: Float[Tensor, "T M"]  # logit
    rest: Float[Tensor, "T M"]  # sum over the other tokens of e^d, d = logit - best
    slope: Float[Tensor, "T M"]  # sum over them of d e^d

    def joined(self) -> Choice:
        """All tiles together."""
        best, tile = self.best.max(0)
        winner = torch.zeros_like(self.best).scatter_(0, tile[None], 1).bool()
        shift = self.best - best
        mass = shift.exp() * (1 + self.rest)
        rest = torch.where(winner, self.rest, mass).sum(0)
        slope = (shift.exp() * (self.slope + shift * (1 + self.rest))).sum(0)
        second = torch.where(winner, self.second, self.best).amax(0)
        log = rest.log1p()
        return Choice(
            self.token.gather(0, tile[None])[0],
            -log,
            second - best - log,
            (log - slope / (1 + rest)).clamp(min=0),
        )


def choose(
    hidden: Float[Tensor, "M W"], head: Linear, barred: int, kernel: bool | None = None
) -> Choice:
    """Return the choice at each position; the token `barred` (the mask) is never it.

    `kernel` says whether the Triton kernel does it; None = where it can. It multiplies and sums
    in float32, where a matrix product in bfloat16 rounds the logits.
    """
    if len(hidden) > ROWS:
        parts = [choose(some, head, barred, kernel) for some in hidden.split(ROWS)]
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return Choice(*(torch.cat(column) for column in columns))
    if fast(hidden) if kernel is None else kernel:
        from . import triton_head

        return Tiles(*triton_head.tiles(hidden, head, barred)).joined()
    found = []
    for start in range(0, len(head.weight), TILE):
        some = slice(start, start + TILE)
        bias = None if head.bias is None else head.bias[some]
        logits = F.linear(hidden, head.weight[some], bias).float()
        if start <= barred < start + logits.shape[1]:
            logits[:, barred - start] = LOW
        found.append(_tile(logits, start))
    return Tiles(*(torch.stack(column) for column in zip(*found, strict=True))).joined()


def _tile(logits: Float[Tensor, "M T"], start: int) -> tuple[Tensor, ...]:
    """The five numbers of a tile whose first token is `start`."""
    best, token = logits.max(1)
    others = logits.scatter(1, token[:, None], LOW)
    shift = others - best[:, None]
    mass = shift.exp()
    return best, token + start, others.amax(1), mass.sum(1), (mass * shift.clamp(min=-1e4)).sum(1)
