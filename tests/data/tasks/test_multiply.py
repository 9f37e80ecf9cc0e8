"""Products: every way to split them is true."""

from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.multiply import halve, multiply, round_up

TASK = multiply()


@pytest.mark.parametrize("level", TASK.levels)
def test_paths_are_true(level):
    rng = Random(level)
    for _ in range(60):
        problem = TASK.sample(rng, level)
        a, b = problem.facts
        assert len(str(max(a, b))) == level
        assert int(problem.answer) == a * b
        for path in TASK.paths(problem, rng, 7):
            assert path.correct
            sides = path.text.split("=")
            assert len(sides) >= 2
            assert {eval(side) for side in sides} == {a * b}
            assert sides[-1] == problem.answer


def test_the_kinds_by_hand():
    problem = Problem("multiply", "", "4517277", "937*4821", 4, (4821, 937))
    assert {path.kind: path.text for path in TASK.paths(problem, Random(0), 7)} == {
        "by_digits_of_b": "4338900+144630+33747=4517277",
        "by_digits_of_a": "3748000+749600+18740+937=4517277",
        "by_halves_of_b": "4821*(930+7)=4483530+33747=4517277",
        "by_rounding_b": "4821*(1000-63)=4821000-303723=4517277",
        "by_halves_of_a": "937*(4800+21)=4497600+19677=4517277",
        "by_rounding_a": "937*(5000-179)=4685000-167723=4517277",
        "by_grid": "4464000+33600+19530+147=4517277",
    }


def test_splits_of_one_factor():
    assert [halve(n) for n in (1, 7, 37, 40, 9378, 9300)] == [
        None,
        (4, 3),
        (30, 7),
        None,
        (9300, 78),
        None,
    ]
    assert [round_up(n) for n in (7, 10, 937, 1000, 9378)] == [
        (10, -3),
        None,
        (1000, -63),
        None,
        (10000, -622),
    ]


def test_products_of_two_long_factors_are_frequent():
    rng = Random(0)
    both = sum(min(TASK.sample(rng, 4).facts) >= 1000 for _ in range(400))
    assert both > 180


def test_both_orders_are_one_problem():
    rng = Random(0)
    facts = {}
    for _ in range(800):
        problem = TASK.sample(rng, 1)
        facts.setdefault(problem.key, set()).add(problem.facts)
    assert facts["3*7"] == {(3, 7), (7, 3)}


def test_a_separator_is_not_accepted():
    problem = Problem("multiply", "", "4517277", "937*4821", 4, (4821, 937))
    assert not TASK.verify(problem, "4,517,277")
    assert not TASK.verify(problem, "4517 277")
