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


def worth(form, x):
    return eval(re.sub(r"(\d)x", r"\1*x", form), {"x": x})


def check(path, start, steps):
    values = simulate(start, steps)
    chunks = path.text.split()
    assert chunks[-1] == str(values[-1])
    x = start
    for chunk in chunks:
        if chunk.startswith("x="):
            x = int(chunk[2:])
            assert x in values
        elif "x" in chunk and path.kind == "forwards":
            assert worth(chunk, x) in values
        elif "x" in chunk:
            assert any(worth(chunk, value) == values[-1] for value in values)
        elif "=" in chunk:
            left, right = chunk.split("=")
            assert eval(left) == int(right)
    plain = [chunk for chunk in chunks if "=" not in chunk.removeprefix("x=")]
    plain = [chunk.removeprefix("x=") for chunk in plain if "x" not in chunk.removeprefix("x=")]
    for chunk, after in pairwise(plain):
        if not chunk.isdigit():
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
    assert {path.kind: path.text for path in ways(12, STEPS)} == {
        "one_by_one": "12+5 17+3 20*2 40-4 36/2 18",
        "gains_first": "12+5+3 20*2 40-4 36/2 18",
        "net_first": "5+3=8 12+8 20*2 40-4 36/2 18",
        "forwards": "x+8 2x+16 2x+12 x+6 12+6 18",
        "backwards": "x/2 (x-4)/2 x-2 x+6 12+6 18",
    }


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
