"""Views written down by hand, to ask one part one question."""

import torch
from cases import canvas, one_slot

from plait.parts import Plan, View


def view(chance, open=None, **extra) -> View:
    """One row of free positions with these probabilities of their candidates; all open.

    Other fields of View come as lists, one number for each free position. Position 0 is a given
    token, so free position i is position i + 1.
    """
    start = canvas(one_slot(len(chance)), ["1"])
    here = torch.tensor([[False, *([True] * len(chance) if open is None else map(bool, open))]])

    def row(values, empty):
        return torch.tensor([[empty, *values]], dtype=torch.float32)

    wrapped = {"entropy": torch.inf, "second": -torch.inf, "placed": -torch.inf}
    fields = {k: row(v, wrapped[k]) if k in wrapped else v for k, v in extra.items()}
    draw = fields.pop("draw", torch.full_like(start.tokens, 3))
    plan = Plan(here, torch.zeros_like(start.region), torch.ones(1, 1).long())
    chosen = row(torch.tensor(chance).log().tolist(), -torch.inf).masked_fill(~here, -torch.inf)
    start = start.write(~here & ~start.given, torch.full_like(start.tokens, 3))
    round = torch.zeros(1).long()
    return View(start, fields.pop("plan", plan), here, 0, round, draw, chosen, **fields)


def free(mask: torch.Tensor) -> list[int]:
    """The free positions of the row that are in a mask."""
    return (mask[0].nonzero()[:, 0] - 1).tolist()
