"""Block diffusion of several streams: what is trained is what is asked for while they decode."""

import itertools

import pytest
import torch
from tiny import Digits

from plait.layout import nap
from plait.models.config import Config
from plait.models.transformer import Transformer
from plait.train.batches import canvas
from plait.train.objective import Objective
from plait.train.trainer import Denoise
from plait.train.view import View

BLOCK, MASK = 4, 16
SHAPE = {"vocab": 17, "width": 16, "layers": 2, "heads": 2, "kv_heads": 1, "hidden": 32}


@pytest.mark.parametrize("shift", [False, True])
def test_streams_that_are_at_blocks_of_their_own(shift):
    """Blocks go across the slots' edges, streams do not see each other, the summary sees all."""
    torch.manual_seed(0)
    shape = SHAPE | {"head_dim": 8, "tied": False, "attention": "block", "block": BLOCK}
    net = Transformer(Config(**shape, shift=shift))
    for weight in net.parameters():  # sharp, so that who sees whom matters
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim == 2 else None
    layout = nap(2, 9, 3, "e{j}", "ef", cross="blocked")
    row = layout.row(Digits(), "12345", ["1234567", "765432", "99"])
    start = canvas([row], Digits(), blocked=True)
    clean, region, visible = start.tokens, start.region[0], start.visible()
    place = torch.arange(len(region))
    noisy = clean.masked_fill((region >= 0) & (torch.rand(clean.shape) < 0.6), MASK)
    denoise = Denoise(net, Objective(), View("clean", block=BLOCK))
    trained = net.read(denoise._states(noisy, clean, visible))[0]

    def asked(at: dict[int, int]) -> None:
        """Each slot of `at` is at a block, what is before it written, what is after it open."""
        written = clean.clone()
        for slot, block in at.items():
            mine, number = region == slot, place // BLOCK
            written[0, mine & (number > block)] = MASK
            here = mine & (number == block)
            written[0, here] = noisy[0, here]
        told = net(written, place[None], visible)[0]
        for slot, block in at.items():
            here = (region == slot) & (place // BLOCK == block)
            torch.testing.assert_close(told[here], trained[here], atol=1e-5, rtol=1e-5)

    blocks = [sorted(set((place[region == slot] // BLOCK).tolist())) for slot in range(3)]
    for one, two in itertools.product(*blocks[:2]):
        asked({0: one, 1: two, 2: -1})
    for block in blocks[2]:
        asked({2: block})
