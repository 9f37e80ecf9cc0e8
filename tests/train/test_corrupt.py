import torch

from plait.train.corrupt import masks, rates


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rates_cover_the_range_in_every_batch():
    for seed in range(20):
        rate = rates(50, generator(seed), low=0.01)
        assert ((rate > 0.01 - 1e-6) & (rate <= 1)).all()
        part = ((1 - rate) / 0.99 * 50).clamp(max=49.999)
        torch.testing.assert_close(part.frac(), part[:1].frac().expand(50), atol=1e-3, rtol=0)
        assert sorted(part.int().tolist()) == list(range(50))


def test_rates_are_uniform_over_batches():
    drawn = torch.cat([rates(3, generator(seed)) for seed in range(2000)])
    assert abs(drawn.mean() - 0.5) < 0.02
    assert abs((drawn < 0.25).float().mean() - 0.25) < 0.02


def test_masks_have_the_rate_of_their_row_and_spare_given_positions():
    free = torch.rand(4, 20_000, generator=generator()) < 0.6
    rate = torch.tensor([0.05, 0.3, 0.9, 1.0])
    masked = masks(free, rate, generator(1))
    assert not (masked & ~free).any()
    share = masked.sum(1) / free.sum(1)
    torch.testing.assert_close(share, rate, atol=0.015, rtol=0)
    assert masked[3].equal(free[3])
