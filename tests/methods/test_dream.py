"""Facts of the Dream sampler."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from exact import draws, knotted, p_value
from hand import free, view
from tiny import EOS, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import Decoder, decode, init, step
from plait.errors import PlaitError
from plait.length import Full
from plait.sample import Categorical
from plait.schedule import TimeGrid
from plait.score import entropy, margin
from plait.select import Reveal, TopK
from plait.theory.denoiser import LawDenoiser


def endless() -> Tiny:
    model = Tiny()
    model.head.bias.data[EOS] = -1e6
    return model


def test_the_counts_of_a_grid_of_four_times():
    """t = 1, .75025, .5005, .25075: floor(10 x .249), floor(8 x .333), floor(6 x .499), rest."""
    decoder = methods.load("dream", budget=Budget(rounds=4))
    _, traces = decode(endless(), decoder, canvas(one_slot(10)))
    assert all(np.bincount(t.round).tolist() == [2, 2, 2, 4] for t in traces)


def test_the_published_batch_mean_gives_all_rows_one_count():
    start = canvas(one_slot(12))
    few = start.given | (torch.arange(start.tokens.shape[1]) < 8)
    start = start.write(few & (start.key == 1)[:, None], torch.full_like(start.tokens, 3))
    for shared in (False, True):
        grid = TimeGrid(Budget(rounds=3), shared=shared)
        plan, _ = grid(start, torch.zeros(4).long(), grid.init(start))
        left = start.masked.sum(1).double()
        m = left.mean().expand(4) if shared else left
        assert plan.quota[:, 0].tolist() == (m * (1 - 1e-3) / 3).floor().long().tolist()
    assert len(set(left.tolist())) == 2


def test_maskgit_plus_is_confidence_order():
    one, _ = decode(Tiny(), methods.load("dream", order="maskgit_plus"), canvas())
    other, _ = decode(Tiny(), methods.load("confidence"), canvas())
    assert torch.equal(one.tokens, other.tokens)


def test_margin_and_entropy_order_by_hand():
    """Position 0 is the most probable, 1 has the widest margin, 2 the least entropy."""
    second = torch.tensor([0.39, 0.05, 0.01]).log().tolist()
    seen = view([0.6, 0.55, 0.3], second=second, entropy=[0.7, 0.9, 0.6])
    assert free(TopK()(seen, None)[0]) == [0]
    assert free(TopK(by=margin)(seen, None)[0]) == [1]
    assert free(TopK(by=entropy)(seen, None)[0]) == [2]


def test_margins_near_one_keep_their_order():
    second = [-18.0, -19.0, -18.5]  # 1 - p1 = p2: all margins are 1 in float32
    seen = view([1.0, 1.0, 1.0], second=second)
    chosen = -torch.tensor([[torch.inf, *second]]).exp()
    seen = replace(seen, chosen=chosen)
    assert free(TopK(by=margin)(seen, None)[0]) == [1]


@pytest.mark.parametrize("order", ["maskgit_plus", "margin", "entropy"])
def test_order_temperature_goes_from_the_order_to_none(order):
    start = canvas(one_slot(6), ["1"])
    cold = methods.load("dream", order=order, order_temperature=1e-9)
    plain = methods.load("dream", order=order)
    one, [trace] = decode(Tiny(), cold, start)
    other, [same] = decode(Tiny(), plain, start)
    assert torch.equal(one.tokens, other.tokens)
    assert (trace.position == same.position).all()
    hot, many = methods.load("dream", order=order, order_temperature=1e6), 600
    start = canvas(one_slot(6), ["1"] * many)
    done, _ = step(Tiny(), hot, start, init(hot, start))
    counts = done.commit.sum(0)[1:].numpy()
    assert (abs(counts - many / 6) < 5 * (many / 6) ** 0.5).all()


def test_origin_reveals_each_mask_by_itself():
    """Two steps, four masks: all in one round with probability 2 / 2^4."""
    decoder = methods.load("dream", order="origin", budget=Budget(rounds=2), eps=0.0)
    model = LawDenoiser(knotted(4, 2))
    start = model.canvas(range(4000))
    done, _ = step(model, decoder, start, init(decoder, start))
    whole = int((~done.canvas.masked.any(1)).sum())
    assert abs(whole - 500) < 5 * (500 * 7 / 8) ** 0.5


def test_origin_with_many_steps_reproduces_the_law_and_with_few_does_not():
    law = knotted()
    for steps, exact in ((10**6, True), (2, False)):
        grid = TimeGrid(Budget(rounds=steps))
        decoder = Decoder(grid, Reveal(grid), Categorical(1.0), length=Full())
        p = p_value(draws(decoder, law, 20_000), law)
        assert p > 0.001 if exact else p < 1e-6


@pytest.mark.parametrize("bad", [{"eps": 1.0}, {"order_temperature": -1.0}, {"order": "chaos"}])
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(PlaitError):
        methods.load("dream", **{"order": "margin", **bad})
