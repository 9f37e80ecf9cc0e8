import math

import pytest

from plait.measure.interval import Difference, Share


def test_wilson_by_hand():
    """Textbook values: 15 of 20 and the ends, where the interval must not be empty."""
    low, high = Share(15, 20).interval()
    assert (low, high) == (pytest.approx(0.5313, abs=1e-4), pytest.approx(0.8881, abs=1e-4))
    assert Share(0, 10).interval() == (pytest.approx(0, abs=1e-12), pytest.approx(0.2775, abs=1e-4))
    assert Share(10, 10).interval()[0] == pytest.approx(0.7225, abs=1e-4)


def test_shares_add_up():
    assert Share(1, 2) + Share(3, 4) == Share(4, 6)


def test_differences_are_paired():
    here, there = [True, True, False, True, False], [True, False, True, False, False]
    difference = Difference.of(here, there)
    assert difference == Difference(gained=2, lost=1, n=5)
    assert difference.value == pytest.approx(0.2)
    low, high = difference.interval()
    other_low, other_high = Difference.of(there, here).interval()
    assert (low, high) == (pytest.approx(-other_high), pytest.approx(-other_low))
    assert Difference(0, 0, 100).interval()[1] > 0  # no change seen is not no change


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize(("more", "less"), [(0.1, 0.1), (0.2, 0.05), (0.02, 0.01), (0.4, 0.1)])
def test_the_paired_interval_covers(n, more, less):
    """Exact coverage over all outcomes of n pairs: close to the 95 % that it promises."""
    covered = 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            same = n - gained - lost
            ways = math.comb(n, gained) * math.comb(n - gained, lost)
            chance = ways * more**gained * less**lost * (1 - more - less) ** same
            low, high = Difference(gained, lost, n).interval()
            covered += chance * (low <= more - less <= high)
    assert covered > 0.94
