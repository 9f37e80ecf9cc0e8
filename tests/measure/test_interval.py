import pytest

from plait.measure.interval import Share


def test_wilson_by_hand():
    """Textbook values: 15 of 20 and the ends, where the interval must not be empty."""
    low, high = Share(15, 20).interval()
    assert (low, high) == (pytest.approx(0.5313, abs=1e-4), pytest.approx(0.8881, abs=1e-4))
    assert Share(0, 10).interval() == (pytest.approx(0, abs=1e-12), pytest.approx(0.2775, abs=1e-4))
    assert Share(10, 10).interval()[0] == pytest.approx(0.7225, abs=1e-4)


def test_shares_add_up():
    assert Share(1, 2) + Share(3, 4) == Share(4, 6)
