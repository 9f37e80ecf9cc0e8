"""Word problems: the story, the total and each form of working must agree."""

import re
from itertools import pairwise
from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.chain import chain, net_first, ways

STEPS = (("+", 5), ("+", 3), ("*", 2), ("-", 4), ("/", 2))


def simulate(start, steps):
    values = [start]
    for sign, n in steps:
        new = eval(f"{values[-1]}{sign}{n}")
        assert new == int(new) > 0
        values.append(int(new))
    return values


def check(path, start, steps):
    """Every sum in the path is true, and it ends with the last total."""
    values = simulate(start, steps)
    chunks = path.text.split()
    assert chunks[-1] == str(values[-1])
    for chunk in chunks:
        if "=" in chunk:
            left, right = chunk.split("=")
            assert eval(left) == int(right)
    if path.kind == "only_totals":
        assert [int(chunk) for chunk in chunks] == values
        return
    plain = [chunk for chunk in chunks if "=" not in chunk]
    for chunk, after in pairwise(plain):
        assert not chunk.isdigit()
        assert eval(chunk) == int(re.match(r"\d+", after)[0])


@pytest.mark.parametrize("level", chain().levels)
def test_paths_are_true(level):
    rng = Random(level)
    for _ in range(25):
        problem = chain().sample(rng, level)
        start, steps = problem.facts
        assert simulate(start, steps)[-1] == int(problem.answer)
        assert len(steps) == level
        for path in chain().paths(problem, rng, 5):
            assert path.correct
            check(path, start, steps)


def test_the_checker_sees_a_wrong_sum():
    problem = Problem("chain", "", "18", "", 5, (12, STEPS))
    for path in chain().paths(problem, Random(0), 5):
        check(path, 12, STEPS)
        wrong = type(path)(re.sub(r"(\d)(?= |$)", "7", path.text), True, path.kind)
        with pytest.raises(AssertionError):
            check(wrong, 12, STEPS)


def test_the_five_kinds_by_hand():
    steps = (("-", 5), ("+", 3), ("*", 2), ("-", 4), ("/", 2))
    assert {path.kind: path.text for path in ways(12, steps)} == {
        "one_by_one": "12-5 7+3 10*2 20-4 16/2 8",
        "gains_first": "12+3 15-5 10*2 20-4 16/2 8",
        "net_first": "-5+3=-2 12-2 10*2 20-4 16/2 8",
        "only_totals": "12 7 10 20 16 8",
    }


def test_losses_first_only_where_enough_is_left():
    kinds = lambda start: {p.kind for p in ways(start, (("+", 3), ("-", 5), ("*", 2)))}  # noqa: E731
    assert "losses_first" in kinds(6)
    assert "losses_first" not in kinds(5)


def test_a_net_change_of_nothing_leaves_no_step():
    assert net_first(9, (("+", 4), ("-", 4), ("*", 2))) == "4-4=0 9*2 18"


def test_the_story_has_the_numbers_in_order():
    rng = Random(0)
    for _ in range(30):
        problem = chain().sample(rng, 6)
        start, steps = problem.facts
        told = [start, *(n for sign, n in steps if sign in "+-")]
        assert [int(n) for n in re.findall(r"\d+", problem.prompt)] == told


def test_a_story_written_by_hand_is_recognised():
    text = "Mia has 12 pens. She buys 5 more. How many pens does Mia have now?"
    assert chain().recognises(text)
    assert not chain().recognises(text.replace("She buys 5 more.", "It rains."))
    assert not chain().recognises(text.replace(" She buys 5 more.", ""))
