"""Products: every way to split them is true."""

import re
from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.multiply import multiply

TASK = multiply()


LINE = re.compile(r"(\d)[=+]((?: \d\d)+)")


def check(text, kind, a, b):
    """Every column of a path is right, and it ends with the product."""
    working, product = text.rsplit(" ", 1)
    assert int(product) == a * b
    one, lines = working.split("*")
    other = {a: b, b: a}[int(one)]
    found = LINE.findall(lines)
    sign = "+" if kind.startswith("carried") else "="
    assert lines == " ".join(f"{digit}{sign}{columns}" for digit, columns in found)
    digits, totals = [], []
    for digit, columns in found:
        carry = totals[-1] // 10 if kind.startswith("carried") and totals else 0
        values = [int(column) for column in columns.split()]
        below = [0, *(value // 10 for value in values)]
        for place, value in enumerate(values):
            own = int(one[-1 - place]) * int(digit) + int(f"{carry:04}"[-1 - place])
            assert value == own + below[place]
        assert len(values) == len(one)
        digits.append(digit)
        totals.append(sum(value % 10 * 10**place for place, value in enumerate(values)))
        totals[-1] += values[-1] // 10 * 10 ** len(one)
        assert totals[-1] == int(one) * int(digit) + carry
    assert "".join(digits) in (str(other), str(other)[::-1])
    if kind.startswith("carried"):
        assert int(f"{totals[-1]}{''.join(str(t % 10) for t in totals[-2::-1])}") == a * b


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
            check(path.text, path.kind, a, b)


def test_the_kinds_by_hand():
    problem = Problem("multiply", "", "4517277", "937*4821", 4, (4821, 937))
    assert {path.kind: path.text for path in TASK.paths(problem, Random(0), 6)} == {
        "carried_over_b": "4821*7+ 07 14 57 33 3+ 07 13 28 17 9+ 12 27 81 45 4517277",
        "by_digits_of_b": "4821*7= 07 14 57 33 3= 03 06 24 14 9= 09 18 73 43 4517277",
        "down_the_digits_of_b": "4821*9= 09 18 73 43 3= 03 06 24 14 7= 07 14 57 33 4517277",
        "carried_over_a": "937*1+ 07 03 09 2+ 17 16 19 8+ 62 39 76 4+ 37 21 45 4517277",
        "by_digits_of_a": "937*1= 07 03 09 2= 14 07 18 8= 56 29 74 4= 28 14 37 4517277",
        "down_the_digits_of_a": "937*4= 28 14 37 8= 56 29 74 2= 14 07 18 1= 07 03 09 4517277",
    }


def test_few_paths_carry():
    """They are the ones whose every column needs few others."""
    rng = Random(3)
    for count in range(1, 9):
        kinds = [p.kind for p in TASK.paths(TASK.sample(rng, 4), rng, count)]
        carried = sum(kind.startswith("carried") for kind in kinds)
        assert carried == min(count, 2) + max(0, count - 6)
        assert sum(kind.startswith("down") for kind in kinds) == min(max(0, count - 4), 2)


def test_three_paths_are_always_the_same_three_ways():
    """So that a stream whose way is fixed has one beginning."""
    rng = Random(4)
    for _ in range(20):
        kinds = {path.kind for path in TASK.paths(TASK.sample(rng, 4), rng, 3)}
        assert kinds == {"carried_over_a", "carried_over_b", "by_digits_of_b"}


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
