"""Products: every way to split them is true."""

import re
from itertools import pairwise
from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.multiply import multiply

TASK = multiply()


def check(text, a, b):
    """Every equation of a path is true, and it ends with the product."""
    first, *rest = text.split()
    assert re.search(r"\d+$", text)[0] == str(a * b)
    if "+" in first:
        sums = first.split("=")
        assert all(eval(left) == int(right.split("+")[0]) for left, right in pairwise(sums))
        return
    one = int(first.split("*")[0])
    other = {a: b, b: a}[one]
    chunks = [first, *rest[:-1]] if rest else [first]
    digits = []
    for chunk in chunks:
        digit, product = chunk.split("*")[1].split("=")
        assert one * int(digit) == int(product)
        digits.append(digit)
    assert "".join(digits) in (str(other), str(other)[::-1])


@pytest.mark.parametrize("level", TASK.levels)
def test_paths_are_true(level):
    rng = Random(level)
    for _ in range(60):
        problem = TASK.sample(rng, level)
        a, b = problem.facts
        assert len(str(max(a, b))) == level
        assert int(problem.answer) == a * b
        for path in TASK.paths(problem, rng, 6):
            assert path.correct
            check(path.text, a, b)


def test_the_kinds_by_hand():
    problem = Problem("multiply", "", "4517277", "937*4821", 4, (4821, 937))
    assert {path.kind: path.text for path in TASK.paths(problem, Random(0), 5)} == {
        "by_digits_of_b": "4821*7=33747 *3=14463 *9=43389 4517277",
        "by_digits_of_b_down": "4821*9=43389 *3=14463 *7=33747 4517277",
        "running_over_b": "33747+144630=178377+4338900=4517277",
        "by_digits_of_a": "937*1=937 *2=1874 *8=7496 *4=3748 4517277",
        "by_digits_of_a_down": "937*4=3748 *8=7496 *2=1874 *1=937 4517277",
    }


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
