import math

import pytest
import torch

from plait.errors import PlaitError
from plait.sample import Categorical, Greedy


def test_greedy_takes_the_first_of_equals():
    logits = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert Greedy()(logits, 0, torch.zeros(2, 3).long()).tolist() == [1, 0]


def test_cuts_by_hand():
    """p = .5 .3 .15 .05: top_p .7 keeps two, top_k 3 keeps three, both: of .53 .32 .16, two."""
    z = torch.tensor([[0.3, 0.05, 0.5, 0.15]]).double().log()
    kept = lambda **cut: torch.isfinite(Categorical(1.0, **cut).cut(z))[0].tolist()  # noqa: E731
    assert kept(top_p=0.7) == [True, False, True, False]
    assert kept(top_p=0.49) == [False, False, True, False]
    assert kept(top_k=3) == [True, False, True, True]
    assert kept(top_k=3, top_p=0.7) == [True, False, True, False]
    assert kept(top_p=1e-9) == [False, False, True, False]
    assert kept(top_k=9) == [True] * 4


def test_draws_follow_the_tempered_distribution():
    logits = torch.tensor([0.2, 1.0, -1.0, 0.0]).expand(30_000, -1)
    where = torch.stack([torch.arange(30_000), torch.zeros(30_000), torch.zeros(30_000)], 1).long()
    draws = Categorical(temperature=0.7)(logits, 5, where)
    p = (logits[0].double() / 0.7).softmax(-1)
    counts = torch.bincount(draws, minlength=4)
    assert ((counts - 30_000 * p) ** 2 / (30_000 * p)).sum() < 16.3  # p > 0.001
    wrong = logits[0].double().softmax(-1)  # the temperature forgotten: must be noticed
    assert ((counts - 30_000 * wrong) ** 2 / (30_000 * wrong)).sum() > 100


@pytest.mark.parametrize(
    "bad", [{"temperature": 0}, {"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": -1}]
)
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(PlaitError):
        Categorical(**bad)


def test_a_tiny_temperature_is_greedy():
    logits = torch.randn(50, 9, generator=torch.Generator().manual_seed(0))
    draws = Categorical(temperature=1e-4)(logits, 0, torch.arange(150).reshape(50, 3))
    assert torch.equal(draws, logits.argmax(-1))
    assert math.isfinite(logits.sum())
