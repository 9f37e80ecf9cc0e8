import itertools

import numpy as np
import pytest
from traces import lock_step, one_by_one, trace

from plait.errors import PlaitError
from plait.measure.arness import floor, global_arness, local_arness, per_region
from plait.trace import COMMIT, FILL, RETRACT

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


EDGES, RUNS = ["prompt", "drop", "zero"], ["set", "ordered"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("edge", EDGES)
def test_local_of_straight_orders(edge, run):
    n = 7
    for k in (1, 2, 3):
        forward = local_arness(one_by_one(range(n)), k, run=run, edge=edge)
        assert forward == ((n - k) / n if edge == "zero" else 1)
        assert local_arness(one_by_one(range(n)[::-1]), k, run=run, edge=edge) == 0


def test_all_orders_have_the_closed_forms():
    """Means over all 120 orders of 5: exact, by enumeration."""
    n = 5
    orders = [one_by_one(order) for order in itertools.permutations(range(n))]
    for k in (1, 2, 4):
        exact = sum(min(k, r) / r for r in range(1, n + 1)) / n
        assert np.mean([global_arness(t, k) for t in orders]) == pytest.approx(exact)
    local = {edge: np.mean([local_arness(t, edge=edge) for t in orders]) for edge in EDGES}
    assert local["zero"] == pytest.approx((n - 1) / n**2)
    assert local["drop"] == pytest.approx(1 / n)
    assert local["prompt"] == pytest.approx(1 / n)


def test_local_by_hand():
    """1, 0, 2, 3: before 2 stand {0, 1} as a set, but not in order; before 3 stand 0 and 2."""
    t = one_by_one([1, 0, 2, 3])
    assert local_arness(t, 1) == 1 / 4  # 3 after 2
    assert local_arness(t, 2, run="set", edge="zero") == 1 / 4  # 2 after {1, 0}
    assert local_arness(t, 2, run="ordered", edge="zero") == 0
    assert local_arness(t, 2, run="set", edge="drop") == 1 / 2  # 2 and 3 are counted
    assert local_arness(one_by_one([0, 1, 3, 2]), 2, edge="prompt") == 1 / 2  # 0 and 1
    assert np.isnan(local_arness(one_by_one([0]), 2, edge="drop"))


def test_local_readings_by_hand():
    """Round 0 takes 1 then 0 by score, round 1 takes 2 and 3."""
    t = trace([[1, 0], [2, 3]], 4)
    assert local_arness(t, reading="left") == 1
    assert local_arness(t, reading="confidence") == 1 / 4
    assert local_arness(t, reading="right") == 0
    with pytest.raises(PlaitError, match="reading 'left', 'right' or 'confidence'"):
        local_arness(t, reading="set")
    for metric in (global_arness, local_arness):
        with pytest.raises(PlaitError, match="k is 0"):
            metric(t, 0, reading="left")


def test_without_scores_nothing_is_said_of_their_order():
    several, single = trace([[1, 0], [2, 3]], 4), one_by_one([1, 0, 2])
    for t in (several, single):
        t.score[:] = np.nan
    for metric in (global_arness, local_arness):
        assert np.isnan(metric(several, reading="confidence"))
        assert metric(single, reading="confidence") == metric(single, reading="left")
    assert global_arness(several) == global_arness(several, reading="left") == 1


def test_a_header_between_streams_does_not_break_a_run():
    region = [-1, 0, 0, -2, 1, 1, -2]
    t = trace([[1], [2], [4], [5]], 7, region)
    assert local_arness(t) == local_arness(t, 2) == 1


def test_what_an_end_closes_does_not_break_a_run():
    """Stream 0 ends after one token; left to right goes on in stream 1."""
    t = trace([[0], [1, 2], [3]], 4, [0, 0, 0, 1], [COMMIT, FILL, FILL, COMMIT])
    assert local_arness(t) == global_arness(t) == 1


def test_the_floor_is_one_over_the_streams():
    assert floor(lock_step(4, 5)) == 1 / 4
    assert floor(one_by_one(range(3))) == 1
    long = lock_step(4, 50)
    assert global_arness(long, reading="confidence") == pytest.approx(1 / 4, abs=0.02)
