import numpy as np
import pytest

from plait.measure.arness import global_arness, per_region
from plait.trace import COMMIT, FILL, RETRACT, Trace


def trace(rounds, length, region=None, kinds=None):
    """A trace that commits `rounds` (lists of positions), in the given order inside a round."""
    position = np.array([p for r in rounds for p in r])
    return Trace(
        start=np.full(length, 9),
        region=np.zeros(length, int) if region is None else np.array(region),
        mask_id=9, eos_id=0, seed=0, key=0,
        round=np.array([t for t, r in enumerate(rounds) for _ in r]),
        position=position,
        token=np.ones_like(position),
        score=-np.arange(len(position)) / 100,
        kind=np.zeros_like(position) if kinds is None else np.array(kinds),
        rounds=len(rounds), forwards=len(rounds), query_tokens=0, seconds=0.0,
    )  # fmt: skip


READINGS = ["set", "confidence", "left", "right"]


@pytest.mark.parametrize("reading", READINGS)
def test_one_by_one_orders(reading):
    n = 12
    forward = trace([[i] for i in range(n)], n)
    backward = trace([[i] for i in reversed(range(n))], n)
    for k in (1, 2, 5):
        assert global_arness(forward, k, reading=reading) == 1
        # backwards, only the last k commits find themselves among the k leftmost
        assert global_arness(backward, k, reading=reading) == pytest.approx(k / n)


def test_random_order_has_the_closed_form():
    """E[Global@k] = (1/L) sum_r min(k, r) / r; H_L / L for k = 1."""
    n, rng = 10, np.random.default_rng(0)
    orders = [trace([[i] for i in rng.permutation(n)], n) for _ in range(1500)]
    for k in (1, 3):
        exact = sum(min(k, r) / r for r in range(1, n + 1)) / n
        values = [global_arness(t, k) for t in orders]
        assert np.mean(values) == pytest.approx(exact, abs=4 * np.std(values) / 1500**0.5)


def test_several_per_round_by_hand():
    """Round 0 takes 0 and 2 of 0..3 (2 first by score), round 1 takes 1 and 3."""
    t = trace([[2, 0], [1, 3]], 4)
    # set: {0,2} against {0,1} scores 1 of 2; {1,3} against {1,3} 2 of 2
    assert global_arness(t, reading="set") == 3 / 4
    assert global_arness(t, reading="confidence") == 3 / 4  # 2 misses, 0 hits, 1 hits, 3 hits
    assert global_arness(t, reading="left") == 3 / 4  # 0 hits, 2 misses; 1, 3 hit
    assert global_arness(t, reading="right") == 2 / 4  # 2 misses, 0 hits; 3 misses, 1 hits


def test_lock_step_streams_have_the_floor_and_score_one_inside():
    m, n = 4, 25
    region = np.repeat(np.arange(m), n)
    t = trace([[s * n + i for s in range(m)] for i in range(n)], m * n, region)
    assert per_region(t) == [1] * m
    # stream 1 is always leftmost; the others become so only when it ends
    assert global_arness(t, reading="confidence") == pytest.approx(1 / m, abs=0.04)


def test_fills_are_no_decision_but_close_positions():
    t = trace([[0], [1, 2, 3], [4]], 5, kinds=[COMMIT, COMMIT, FILL, FILL, COMMIT])
    assert global_arness(t) == 1


def test_a_position_taken_back_is_masked_again():
    t = trace([[0], [0], [1], [0]], 2, kinds=[COMMIT, RETRACT, COMMIT, COMMIT])
    assert global_arness(t) == pytest.approx(2 / 3)


def test_nothing_committed_is_nan():
    assert np.isnan(global_arness(trace([[0]], 2, region=[0, 1]), region=1))
