"""Countdown: exact verification, true tries, one reference answer."""

import re
from collections import Counter
from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.countdown import countdown, expression, solutions
from plait.errors import PlaitError

TASK = countdown()
PROBLEM = Problem("countdown", "", "93 - (100 - 30)", "", 3, ((30, 100, 93), 23))


@pytest.mark.parametrize(
    "answer", ["93 - (100 - 30)", "93-100+30", "30 + 93 - 100", " (30 - (100 - 93)) "]
)
def test_right_answers(answer):
    assert TASK.verify(PROBLEM, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "23",
        "93 - (100 - 30) + 30 - 30",
        "93 - 70",
        "100 - 93 + 30",
        "93 - (100 - 30",
        "93 - (100 - 30) = 23",
        "-(100 - 30 - 93)",
        "93 - 1e2 + 30",
        "93 - 100 + 0x1e",
        "93 - 1_00 + 30",
        "30 ** 100 ** 93",
        "30 // 100 // 93",
        "30 / (93 - 93) * 100",
        "93(100)(30)",
        "()",
        "(" * 90 + "1",
        "__import__('os')",
        "",
    ],
)
def test_wrong_answers(answer):
    assert not TASK.verify(PROBLEM, answer)


def test_fractions_on_the_way_are_exact():
    problem = Problem("countdown", "", "", "", 3, ((1, 3, 6), 2))
    assert TASK.verify(problem, "1 / 3 * 6")
    assert TASK.verify(problem, "6 / (3 / 1)")
    assert not TASK.verify(problem, "6 / (1 / 3)")


def test_the_reference_depends_on_the_problem_only():
    orders = [(30, 100, 93), (93, 30, 100), (100, 93, 30)]
    made = [TASK.state(numbers, 23, "{numbers}{target}") for numbers in orders]
    assert {problem.answer for problem in made} == {"30 - (100 - 93)"}
    assert {problem.key for problem in made} == {"30,93,100=23"}
    assert TASK.state((2, 3, 5), 10, "{numbers}{target}").answer == "3 + 2 + 5"


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (((5, "+", 3, 8), (9, "-", 8, 1)), "9 - (5 + 3)"),
        (((5, "-", 3, 2), (9, "+", 2, 11)), "9 + 5 - 3"),
        (((5, "-", 3, 2), (9, "*", 2, 18)), "9 * (5 - 3)"),
        (((6, "/", 3, 2), (9, "*", 2, 18)), "9 * 6 / 3"),
        (((6, "/", 3, 2), (8, "/", 2, 4)), "8 / (6 / 3)"),
        (((5, "+", 3, 8), (8, "/", 2, 4)), "(5 + 3) / 2"),
        (((4, "+", 3, 7), (9, "-", 2, 7), (7, "*", 7, 49)), "(9 - 2) * (4 + 3)"),
    ],
)
def test_no_needless_parentheses(steps, text):
    assert expression(steps) == text
    assert eval(text) == steps[-1][-1]


def test_solutions_by_hand():
    assert set(solutions((1, 2, 3), 9)) == {((2, "+", 1, 3), (3, "*", 3, 9))}
    assert len(solutions((2, 2, 2), 6)) == 2  # 2+2+2 and 2*2+2
    assert solutions((1, 1, 1), 90) == ()


def test_every_solution_makes_a_right_expression():
    rng = Random(0)
    for level in TASK.levels:
        for _ in range(20):
            problem = TASK.sample(rng, level)
            numbers, target = problem.facts
            for steps in solutions(tuple(sorted(numbers)), target):
                assert TASK.verify(problem, expression(steps)), steps


@pytest.mark.parametrize("level", TASK.levels)
def test_tries_are_true(level):
    rng, correct = Random(0), Counter()
    for _ in range(60):
        problem = TASK.sample(rng, level)
        numbers, target = problem.facts
        paths = TASK.paths(problem, rng, 3)
        assert len({path.text for path in paths}) == 3
        for path in paths:
            left = Counter(numbers)
            *steps, verdict = path.text.split()
            for step in steps:
                a, sign, b, value = re.fullmatch(r"(\d+)([-+*/])(\d+)=(\d+)", step).groups()
                assert eval(f"{a}{sign}{b}") == int(value) > 0
                left.subtract([int(a), int(b)])
                assert min(left.values()) >= 0
                left[int(value)] += 1
            assert sum(left.values()) == 1
            assert path.correct == (int(value) == target) == (verdict == "yes")
            correct[path.correct] += 1
    assert 0.4 < correct[True] / correct.total() < 0.9


def test_settings():
    small = countdown(numbers=3, largest=20)
    assert list(small.levels) == [3]
    rng = Random(0)
    facts = [small.sample(rng, 3).facts for _ in range(50)]
    assert all(1 <= n <= 20 for numbers, target in facts for n in (*numbers, target))


def test_read(tmp_path):
    file = tmp_path / "some.jsonl"
    file.write_text('{"input": "3,4,5", "output": "12"}\n\n{"input": "7,7,2", "output": "7"}\n')
    first, second = TASK.read(file)
    assert first.prompt == "Use 3, 4 and 5 to make 12."
    assert (first.answer, first.key, first.level) == ("4 + 3 + 5", "3,4,5=12", 3)
    assert second.answer == "7 * 2 - 7"


@pytest.mark.parametrize(
    "line",
    [
        "3,4,5",
        "[]",
        '{"input": "3,4,5"}',
        '{"input": "3,x,5", "output": "2"}',
        '{"input": "3,4,5", "output": null}',
        '{"input": "3", "output": "3"}',
        '{"input": "0,4,5", "output": "9"}',
        '{"input": "1,1,1", "output": "90"}',
    ],
)
def test_malformed_lines(tmp_path, line):
    file = tmp_path / "some.jsonl"
    file.write_text('{"input": "3,4,5", "output": "12"}\n' + line + "\n")
    with pytest.raises(PlaitError, match=r"some\.jsonl, line 2"):
        list(TASK.read(file))


def test_a_missing_file(tmp_path):
    with pytest.raises(PlaitError, match="cannot read"):
        list(TASK.read(tmp_path / "none.jsonl"))
