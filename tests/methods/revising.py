"""What tests of methods that revise share."""

from dataclasses import replace

import torch
from cases import one_slot
from tiny import VOCAB, Digits

from plait import methods
from plait.length import Full
from plait.parts import Plan, View


class Steady:
    """A model whose logits depend on the position only."""

    vocab = VOCAB

    def __init__(self, sharp: float = 3.0, seed: int = 0) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.table = sharp * torch.randn(128, VOCAB, generator=rng)

    def __call__(self, canvas, where):
        return self.table[canvas.pos][where]


def full(name, **settings):
    """A method that closes nothing at ends."""
    return replace(methods.load(name, **settings), length=Full())


def view_of(tokens, draw, chosen, placed):
    start = one_slot(len(tokens)).build(Digits(), ["1"])
    held = replace(start, tokens=torch.tensor([[1, *tokens]]))
    plan = Plan(held.masked, torch.zeros_like(held.region), torch.ones(1, 1).long())
    log = lambda p: torch.tensor([[0.5, *p]]).log()  # noqa: E731
    return View(
        held,
        plan,
        held.masked,
        0,
        torch.zeros(1).long(),
        torch.tensor([[1, *draw]]),
        log(chosen),
        log(placed),
    )
