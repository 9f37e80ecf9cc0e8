import numpy as np
import torch

from plait import keyed


def splitmix64(state: int) -> int:
    """The published finaliser, in Python's own integers."""
    mask = (1 << 64) - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_mix_is_splitmix64():
    for x in (0, 1, 12345, 2**62 + 7, -1, -(2**63)):
        got = int(keyed.mix(torch.tensor(x)))
        assert got & ((1 << 64) - 1) == splitmix64(x & ((1 << 64) - 1))


def test_uniform_is_uniform_and_open():
    u = keyed.uniform(3, torch.arange(200_000)).numpy()
    assert u.min() > 0
    assert u.max() < 1
    counts = np.histogram(u, 100, (0, 1))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() < 160  # chi-square, 99 degrees: p > 1e-4


def test_neighbouring_counters_are_uncorrelated():
    u = keyed.uniform(0, torch.arange(400)[:, None], torch.arange(400)).numpy()
    for a, b in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1]), (u, u.T)):
        off = ~np.eye(400, dtype=bool) if a.shape == (400, 400) else np.ones(a.shape, bool)
        assert abs(np.corrcoef(a[off], b[off])[0, 1]) < 0.015


def test_gumbel_max_draws_from_the_softmax():
    p = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    noise = keyed.gumbel(1, torch.arange(40_000)[:, None], torch.arange(4))
    counts = torch.bincount((p.log() + noise).argmax(1), minlength=4)
    assert ((counts - 40_000 * p) ** 2 / (40_000 * p)).sum() < 16.3  # 3 degrees: p > 0.001
