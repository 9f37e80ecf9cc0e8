"""Rotary frequencies for contexts longer than trained on."""

import math

import pytest
import torch

from plait.models.rope import Scaling, Turn, frequencies, ntk_base


@pytest.mark.parametrize(("target", "factor"), [(8192, 4), (16384, 14), (24576, 31), (32768, 55)])
def test_longlladas_factors(target, factor):
    """The repository's factors for LLaDA are the formula's, rounded up (arXiv:2506.14429)."""
    assert math.ceil(ntk_base(500_000.0, 128, 4096, target) / 500_000.0) == factor


def test_ntk_keeps_the_fastest_pair_and_slows_the_others():
    plain, slow = (
        frequencies(64, 10_000.0, scaling, torch.device("cpu"))
        for scaling in (None, Scaling("ntk", 4.0, 2048))
    )
    assert slow[0] == plain[0]
    assert (slow[1:] < plain[1:]).all()


def test_a_part_of_the_features_turns():
    x = torch.randn(1, 2, 5, 8, generator=torch.Generator().manual_seed(0))
    turned = Turn.at(torch.arange(5)[None], 4, 10_000.0)(x)
    assert torch.equal(turned[..., 4:], x[..., 4:])
    assert not torch.allclose(turned[:, :, 1:, :4], x[:, :, 1:, :4])
