import itertools
import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError

from plait.errors import PlaitError
from plait.train import laws
from plait.train.corrupt import Corruption, independent, rates, united
from plait.train.law import Ground
from plait.train.schedule import Schedule


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ground(free: torch.Tensor, block: int = 0) -> Ground:
    place = torch.arange(free.shape[1]).expand(free.shape)
    return Ground(free, torch.where(free, 0, -1), place // block if block else 0 * place)


def test_rates_cover_the_range_in_every_batch():
    for seed in range(20):
        rate = rates(50, generator(seed), low=0.01)
        assert ((rate > 0.01 - 1e-6) & (rate <= 1)).all()
        part = ((1 - rate) / 0.99 * 50).clamp(max=49.999)
        torch.testing.assert_close(part.frac(), part[:1].frac().expand(50), atol=1e-3, rtol=0)
        assert sorted(part.int().tolist()) == list(range(50))


@pytest.mark.parametrize("draw", [rates, independent])
def test_rates_are_uniform_over_batches(draw):
    drawn = torch.cat([draw(3, generator(seed)) for seed in range(2000)])
    assert abs(drawn.mean() - 0.5) < 0.02
    assert abs((drawn < 0.25).float().mean() - 0.25) < 0.02
    clipped = torch.cat([draw(3, generator(seed), 0.3, 0.8) for seed in range(200)])
    assert 0.3 < clipped.min() < 0.35
    assert 0.75 < clipped.max() <= 0.8


def test_stratified_levels_vary_less():
    def spread(draw) -> float:
        return float(torch.stack([draw(16, generator(s)).mean() for s in range(300)]).std())

    assert spread(rates) < 0.3 * spread(independent)


@pytest.mark.parametrize("name", laws.names())
def test_every_law_masks_free_positions_by_its_generator_alone(name):
    free = torch.rand(6, 40, generator=generator()) < 0.7
    free[0] = False  # a row of which nothing is trained
    for block in (0, 8):
        some = ground(free, block)
        level = torch.rand(6, 1, generator=generator(1)).clamp(min=0.05)
        masked, rate = laws.load(name)(some, level, generator(2))
        again, _ = laws.load(name)(some, level, generator(2))
        other, _ = laws.load(name)(some, level, generator(3))
        assert not (masked & ~free).any()
        assert masked.equal(again)
        assert not masked.equal(other)
        assert ((rate > 0) & (rate <= 1)).all()
        more, _ = laws.load(name)(some, torch.ones(6, 1), generator(2))
        assert more.sum() > masked.sum()


def test_bernoulli_has_the_rate_of_the_row():
    free = torch.rand(4, 20_000, generator=generator()) < 0.6
    level = torch.tensor([[0.05], [0.3], [0.9], [1.0]])
    masked, rate = laws.load("bernoulli")(ground(free), level, generator(1))
    share = masked.sum(1) / free.sum(1)
    torch.testing.assert_close(share, level[:, 0], atol=0.015, rtol=0)
    assert masked[3].equal(free[3])
    assert rate is level


def test_exact_k_is_exact_in_each_unit_and_says_which_share_it_masked():
    free = torch.tensor([[False, True, True, True, True, True, True, False]])
    level = torch.tensor([[0.5]])
    masked, rate = laws.load("exact_k")(ground(free, 4), level, generator())
    assert masked[0, :4].sum() == 2  # ceil(0.5 * 3)
    assert masked[0, 4:].sum() == 2
    torch.testing.assert_close(rate[0, 1:7], torch.tensor([2 / 3] * 6))
    torch.testing.assert_close(rate[masked].reciprocal().sum(), torch.tensor(6.0))


def test_exact_k_draws_every_set_alike_and_every_count():
    free = torch.ones(6000, 4, dtype=torch.bool)
    masked, rate = laws.load("exact_k")(ground(free), torch.full((6000, 1), 0.4), generator())
    assert (rate == 0.5).all()
    found = Counter(map(tuple, masked.int().tolist()))
    assert set(found) == {m for m in itertools.product((0, 1), repeat=4) if sum(m) == 2}
    assert max(found.values()) - min(found.values()) < 200  # 1000 each, sd 29
    counts = Corruption(laws.load("exact_k"), low=0.0)(
        free, torch.zeros(6000, 4).long(), generator()
    )
    assert set(counts.masked.sum(1).tolist()) == {1, 2, 3, 4}
    assert torch.bincount(counts.masked.sum(1))[1:].tolist() == [1500] * 4  # stratified levels


def rpim_ground() -> Ground:
    """Prompt, header, a stream of 3, header, a summary of 2."""
    region = torch.tensor([[-1, -2, 0, 0, 0, -2, 1, 1]])
    return Ground(region >= 0, region, torch.zeros_like(region))


@pytest.mark.parametrize(
    ("settings", "t", "chances"),
    [
        ({}, 0.5, [0, 0, 0.45, 0.45, 0.45, 0, 1, 1]),  # r = 0.9 t; progress 0.5 < 0.8
        ({}, 0.1, [0, 0, 0.09, 0.09, 0.09, 0, 0.09, 0.18]),  # progress 0.9: tilt 1 + z
        ({"stream_tilt": 1.0}, 0.5, [0, 0, 0.45, 0.675, 0.9, 0, 1, 1]),
        ({"highest": 1.0, "opens": 0.0}, 0.8, [0, 0, 0.8, 0.8, 0.8, 0, 0.8, 1]),  # clipped at 1
    ],
)
def test_rpim_by_hand(settings, t, chances):
    law, some = laws.load("rpim", **settings), rpim_ground()
    found = law.chance(some, torch.tensor([[t]])) * some.free
    torch.testing.assert_close(found, torch.tensor([chances], dtype=torch.float32))


def test_rpim_masks_by_its_chances_and_weighs_by_t():
    law, some = laws.load("rpim"), rpim_ground()
    many = Ground(*(f.expand(20_000, -1) for f in (some.free, some.region, some.unit)))
    level = torch.full((20_000, 1), 0.1)
    masked, rate = law(many, level, generator())
    expected = torch.tensor([0, 0, 0.09, 0.09, 0.09, 0, 0.09, 0.18])
    torch.testing.assert_close(masked.float().mean(0), expected, atol=0.01, rtol=0)
    assert rate is level
    alone = Ground(torch.ones(1, 3, dtype=torch.bool), *[torch.zeros(1, 3).long()] * 2)
    torch.testing.assert_close(law.chance(alone, torch.tensor([[0.5]])), torch.full((1, 3), 0.45))


def test_positional_prefers_the_right_as_the_unit_fills_up():
    free = torch.ones(20_000, 2, dtype=torch.bool)
    half = torch.full((20_000, 1), 0.5)
    masked, _ = laws.load("positional", last=0.01)(ground(free), half, generator())
    assert (masked.sum(1) == 1).all()  # k = 0.5 * 2
    weight = math.exp(-math.log(0.01) / 2 * 0.5)  # b (1 - t) of the second position
    assert float(masked[:, 1].float().mean()) == pytest.approx(weight / (1 + weight), abs=0.01)
    full, _ = laws.load("positional")(ground(free), torch.ones(20_000, 1), generator())
    assert full.all()
    rounded, _ = laws.load("positional")(ground(free), half / 2, generator())
    assert float(rounded.sum(1).float().mean()) == pytest.approx(0.5, abs=0.02)


def test_levels_per_block_are_one_for_each_block_and_cover_the_range():
    free = torch.ones(8, 32, dtype=torch.bool)
    corruption = Corruption(per="block")
    rate = corruption(free, torch.zeros(8, 32).long(), generator(), block=8).rate
    blocks = rate.view(8, 4, 8)
    assert (blocks == blocks[:, :, :1]).all()
    strata = ((1 - blocks[:, :, 0].flatten()) * 32).clamp(max=31.99).int()
    assert len(set(strata.tolist())) >= 31  # one in each of the 32 parts, rounding aside
    assert blocks[:, :, 0].std(1).mean() > 0.2  # a row's blocks are no neighbours
    with pytest.raises(PlaitError, match=r"view\.block"):
        corruption(free, torch.zeros(8, 32).long(), generator())


def test_twins_cover_every_free_position_once():
    free = torch.rand(5, 30, generator=generator()) < 0.5
    noised = Corruption(twins=True)(free, torch.where(free, 0, -1), generator(1))
    first, second = noised.masked.chunk(2)
    assert (first ^ second).equal(free)
    assert not (first & second).any()
    a, b = noised.rate.chunk(2)
    torch.testing.assert_close(a + b, torch.ones(5, 1), atol=2e-3, rtol=0)


def test_ends_as_one_by_hand():
    masked = torch.tensor([[1, 0, 1, 0, 0, 1, 0, 1]]).bool()
    tail = torch.tensor([[0, 0, 1, 1, 1, 0, 1, 1]]).bool()
    region = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])  # the first slot's tail touches the second
    expected = torch.tensor([[1, 0, 1, 1, 0, 1, 0, 0]]).bool()
    assert united(masked, tail, region).equal(expected)
    free = torch.ones(400, 8, dtype=torch.bool)
    where = (tail.expand(400, -1), region.expand(400, -1))
    one = Corruption(ends="one")(free, where[1], generator(), ended=where[0]).masked
    assert (one[:, 2] == one[:, 3]).all()
    each = Corruption()(free, where[1], generator(), ended=where[0]).masked
    assert not (each[:, 2] == each[:, 3]).all()


@pytest.mark.parametrize("schedule", [Schedule(), Schedule("cosine"), Schedule("power", 3.0)])
def test_weights_of_schedules_are_the_slopes_of_their_logarithms(schedule):
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64, requires_grad=True)
    rate = schedule.rate(t)
    (slope,) = torch.autograd.grad(rate.sum(), t)
    torch.testing.assert_close(schedule.weight(rate), slope / rate)
    ends = schedule.rate(torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(ends, torch.tensor([0.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize(
    "settings",
    [{"levels": "antithetic"}, {"per": "token"}, {"ends": "two"}, {"low": 0.9, "high": 0.1}],
)
def test_settings_are_checked(settings):
    with pytest.raises((PlaitError, TypeCheckError)):
        Corruption(**settings)


def test_a_fixed_level():
    fixed = replace(Corruption(), low=0.5, high=0.5)
    rate = fixed(torch.ones(4, 3, dtype=torch.bool), torch.zeros(4, 3).long(), generator()).rate
    assert (rate == 0.5).all()
