"""Facts of the pipeline of blocks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from hand import free, view
from tiny import Tiny

from plait import methods
from plait.decode import Decoder, decode
from plait.methods.multi_block import Pipeline, Settled
from plait.parts import Plan
from plait.schedule import Blocks
from plait.score import entropy
from plait.select import TopK


@pytest.mark.parametrize("most", [0.0, 0.3])
def test_opening_only_after_full_blocks_is_block_by_block(most):
    start = canvas(one_slot(30))
    one, traces = decode(
        Tiny(), methods.load("multi_block", block=8, entropy=most, ready=1.0), start
    )
    other, same = decode(Tiny(), Decoder(Blocks(8), Settled(most)), start)
    assert torch.equal(one.tokens, other.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in same]


def test_the_limit_is_one_token_per_round_by_entropy():
    decoder = methods.load("multi_block", block=8, entropy=0.0, ready=1.0)
    one, _ = decode(Tiny(), decoder, canvas())
    other, _ = decode(Tiny(), Decoder(Blocks(8), TopK(by=entropy)), canvas())
    assert torch.equal(one.tokens, other.tokens)


def test_a_block_opens_when_the_last_open_one_has_begun():
    part, start = Pipeline(size=4, ready=0.5), canvas(one_slot(12), ["1"])
    memo, open = part.init(start), []
    for written in ([], [0], [0, 2], [0, 2], [0, 2, 5, 7]):
        now = start
        for i in written:
            now = now.write(now.pos == i + 1, torch.full_like(now.tokens, 3))
        plan, memo = part(now, torch.zeros(1).long(), memo)
        open.append(free(plan.open))
        assert free(plan.open & (plan.pool == 0))[0] == min(set(range(12)) - set(written))
    assert open[0] == [0, 1, 2, 3]
    assert open[1] == [1, 2, 3]
    assert open[2] == open[3] == [1, 3, 4, 5, 6, 7]
    assert open[4] == [1, 3, 4, 6, 8, 9, 10, 11]


def test_the_leftmost_block_always_moves():
    """All low entropies lie in the second block: the lowest there, and one in the first."""
    pool = torch.tensor([[0, 0, 0, 0, 1, 1, 1]])
    seen = view([0.5] * 6, entropy=[2.0, 1.5, 1.8, 0.6, 0.3, 0.9])
    for most, expected in ((0.1, [1, 4]), (0.7, [1, 3, 4]), (1.6, [1, 3, 4, 5])):
        plan = Plan(seen.open, pool, torch.tensor([[1, 0]]))
        asked = replace(seen, plan=plan)
        assert free(Settled(most)(asked, None)[0]) == expected


def test_blocks_are_written_at_the_same_time():
    _, traces = decode(Tiny(), methods.load("multi_block", block=6), canvas(one_slot(30)))
    together = []
    for trace in traces:
        block = (trace.position - np.flatnonzero(trace.region >= 0)[0]) // 6
        together += [len(set(block[trace.round == r])) for r in range(trace.rounds)]
    assert max(together) >= 2
