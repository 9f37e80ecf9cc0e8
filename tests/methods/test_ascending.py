"""Facts of ascending steps (ASS) and of holding ends back (EOSER)."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from hand import view
from tiny import EOS, Tiny

from plait import methods
from plait.decode import Decoder, decode
from plait.length import Full
from plait.methods.ascending import Doubling
from plait.parts import Plan
from plait.score import EndsLater
from plait.select import TopK


@pytest.mark.parametrize(
    ("length", "blocks", "counts"),
    [
        (16, 1, [1, 2, 4, 9]),
        (24, 1, [1, 2, 4, 17]),
        (15, 1, [1, 2, 12]),
        (64, 1, [1, 2, 4, 8, 16, 33]),
        (64, 3, [1, 2, 4, 8, 16, 33]),
        (1, 1, [1]),
    ],
)
def test_rounds_double_and_the_last_takes_the_rest(length, blocks, counts):
    model = Tiny()
    model.head.bias.data[EOS] = -1e6
    decoder = methods.load("ascending", blocks=blocks)
    _, traces = decode(model, decoder, canvas(one_slot(length)))
    for trace in traces:
        assert np.bincount(trace.round).tolist() == counts
        if blocks == 3:  # blocks of 15, 16 and 33, as published
            place = trace.position - np.flatnonzero(trace.region >= 0)[0]
            assert place[trace.round < 4].max() == 14
            assert set(place[trace.round == 4]) == set(range(15, 31))


def test_without_holding_back_it_is_plain():
    one, _ = decode(Tiny(), methods.load("ascending", least=1.0), canvas())
    other, _ = decode(Tiny(), Decoder(Doubling(), TopK()), canvas())
    assert torch.equal(one.tokens, other.tokens)


def test_ends_lose_to_others_until_late():
    """An end of .9 against a word of .5; after this round 1, 6 or 8 of 8 positions are written."""
    draw = torch.tensor([[3, EOS, *[3] * 7]])
    for quota, open, share, first in ((1, 8, 1 / 8, 1), (2, 4, 6 / 8, 0), (8, 8, 1.0, 0)):
        seen = view([0.9, 0.5, *[0.1] * 6], open=[i < open for i in range(8)], draw=draw)
        seen = replace(seen, plan=Plan(seen.open, seen.plan.pool, torch.tensor([[quota]])))
        score = EndsLater(0.1)(seen)
        factor = 0.1 + 0.9 * share
        assert float(score[0, 1]) == pytest.approx(math.log(0.9 * factor), rel=1e-5)
        assert int(score[0, 1:].argmax()) == first


def test_ends_come_later_in_the_text():
    eager = Tiny()
    eager.head.bias.data[EOS] += 2.5
    when = {}
    for least in (1.0, 0.001):
        decoder = methods.load("ascending", least=least)
        decoder = Decoder(decoder.schedule, decoder.selector, length=Full())
        _, traces = decode(eager, decoder, canvas(one_slot(64)))
        when[least] = np.mean([t.round[t.token == EOS].mean() for t in traces])
    assert when[0.001] > when[1.0]
