"""Exactness of the first-hitting sampler, and of random order, on an enumerable law."""

from dataclasses import replace

import pytest
from exact import draws, knotted, p_value

from plait import methods
from plait.budget import Budget
from plait.sample import Categorical

COUNT = 20_000
LAW = knotted()


@pytest.mark.parametrize("seed", [0, 1])
def test_one_event_at_a_time_reproduces_the_law(seed):
    assert p_value(draws(methods.load("first_hitting"), LAW, COUNT, seed), LAW) > 0.001


def test_random_order_at_temperature_one_reproduces_the_law():
    decoder = replace(methods.load("random"), sampler=Categorical(1.0))
    assert p_value(draws(decoder, LAW, COUNT, seed=2), LAW) > 0.001


@pytest.mark.parametrize(
    ("name", "settings", "sampler"),
    [
        ("first_hitting", {"budget": Budget(tokens_per_round=2)}, None),  # parallel draws
        ("first_hitting", {"temperature": 0.9}, None),
        ("confidence", {}, Categorical(1.0)),  # the order looks at the draw
    ],
)
def test_biased_samplers_fail_the_same_test(name, settings, sampler):
    decoder = methods.load(name, **settings)
    decoder = replace(decoder, sampler=sampler or decoder.sampler)
    assert p_value(draws(decoder, LAW, COUNT), LAW) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_longer_words_and_more_of_them(seed):
    law = knotted(n=5, symbols=3)
    assert p_value(draws(methods.load("first_hitting"), law, 100_000, seed), law) > 0.001
