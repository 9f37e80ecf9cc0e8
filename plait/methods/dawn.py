"""DAWN: commit together what does not depend on each other (arXiv:2602.06953)."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Blocks
from ..score import nats
from ..select import rank


@dataclass(frozen=True)
class Independent(Selector):
    """Read dependences off the attention: i depends on j where it attends to j by `edge` or more.

    Columns with a mean above `sink` and the diagonal say nothing. Committed are (1) what is above
    `sure`; (2) what depends on known text and is above `induced`; (3) of what is above `low` and
    not linked to those, a set without links, the most confident first.

    The published code looks for links to positions that are in (1) *and* (2); the text says "or",
    as here. Its greedy loop goes on after the candidates are used up, and then writes position 0.
    Known is the prompt, and written tokens that the model still gives `sure`; the published code
    asks of both that the likeliest token there is sure, whether or not it is the one written.
    """

    sure: float  # probability
    induced: float  # probability
    low: float  # probability
    edge: float  # attention weight, averaged over layers and heads
    sink: float  # mean attention that a position receives

    needs = frozenset({"placed", "attention"})

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise PlaitError(f"{field.name} is {getattr(self, field.name)}; it must be above 0")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the union of the three sets."""
        assert view.placed is not None
        edges, canvas = self.edges(view), view.canvas
        known = canvas.given & canvas.real | (view.placed >= nats(self.sure))
        commit = view.open & (view.chosen >= nats(self.sure))
        leans = (edges & known[:, None]).any(2)
        commit = commit | view.open & leans & (view.chosen >= nats(self.induced))
        linked = edges | edges.transpose(1, 2)
        able = view.open & (view.chosen >= nats(self.low)) & ~commit
        able = able & ~(linked & commit[:, None]).any(2)
        while able.any():
            one = able & (rank(view.chosen, able) == 0)
            commit = commit | one
            able = able & ~one & ~(linked & one[:, None]).any(2)
        return commit, memo

    def edges(self, view: View) -> Bool[Tensor, "B L L"]:
        """[b, i, j]: does position i depend on position j?"""
        assert view.attention is not None
        received = view.attention.sum(1) / view.canvas.length[:, None]
        strong = (view.attention >= self.edge) & (received <= self.sink)[:, None]
        return strong & ~torch.eye(strong.shape[1], dtype=torch.bool, device=strong.device)


def dawn(
    block: int = 32,
    threshold: float = 0.9,
    induced: float = 0.7,
    low: float = 0.7,
    edge: float = 0.07,
    sink: float = 0.01,
) -> Decoder:
    """Commit sure tokens, those that known text implies, and an independent set of the rest.

    Needs: attention.
    """
    return Decoder(Blocks(block), Independent(threshold, induced, low, edge, sink))
