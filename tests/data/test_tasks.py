"""The contract of `Task`, checked on every file of the tasks folder."""

import re
from itertools import islice
from random import Random

import pytest

from plait.data.problem import problems, split
from plait.data.tasks import load, names
from plait.errors import PlaitError

PIECE = re.compile(r" ?\d| ?[A-Za-z]+| ?[^\sA-Za-z\d]+|\s")
LONGEST_PATH, LONGEST_PROMPT = 55, 110
CASES = [(name, level) for name in names() for level in load(name).levels]


def draw(name, level, count=12, seed=0):
    rng, task = Random(seed), load(name)
    return task, [task.sample(rng, level) for _ in range(count)]


def test_the_folder_is_the_list():
    assert {"chain", "countdown", "multiply", "sudoku4"} <= set(names())
    assert all(load(name).name == name for name in names())


def test_unknown_names_are_refused():
    with pytest.raises(PlaitError, match="did you mean 'chain'"):
        load("chian")
    with pytest.raises(PlaitError, match="did you mean 'deepest'"):
        load("chain", deepst=4)
    with pytest.raises(PlaitError, match="from 2 to 8"):
        load("chain", deepest=40)


@pytest.mark.parametrize(("name", "level"), CASES)
def test_same_seed_same_problems_and_paths(name, level):
    task, first = draw(name, level, 5)
    assert first == draw(name, level, 5)[1]
    assert first != draw(name, level, 5, seed=1)[1]
    for problem in first:
        assert task.paths(problem, Random(3), 3) == task.paths(problem, Random(3), 3)


@pytest.mark.parametrize(("name", "level"), CASES)
def test_answers(name, level):
    task, sample = draw(name, level)
    for problem in sample:
        assert (problem.task, problem.level) == (name, level)
        assert task.verify(problem, problem.answer)
        assert task.verify(problem, f"  {problem.answer}\n")
        wrong = [problem.answer[:-1], f"{problem.answer}1", f"-{problem.answer}", "", "no"]
        last = re.search(r"\d(?=\D*$)", problem.answer)
        wrong.append(
            problem.answer[: last.start()]
            + str((int(last[0]) + 1) % 10)
            + problem.answer[last.end() :]
        )
        for answer in wrong:
            assert not task.verify(problem, answer), (problem, answer)


@pytest.mark.parametrize(("name", "level"), CASES)
def test_paths(name, level):
    task, sample = draw(name, level)
    rng = Random(1)
    for problem in sample:
        for count in (1, 3, 9):
            paths = task.paths(problem, rng, count)
            assert len(paths) == count
            assert any(path.correct for path in paths)
        assert len({path.text for path in task.paths(problem, rng, 2)}) == 2 or level == 1


@pytest.mark.parametrize(("name", "level"), CASES)
def test_lengths(name, level):
    task, sample = draw(name, level, 25)
    rng = Random(1)
    for problem in sample:
        assert len(PIECE.findall(problem.prompt)) <= LONGEST_PROMPT
        for path in task.paths(problem, rng, 8):
            assert 0 < len(PIECE.findall(path.text)) <= LONGEST_PATH, path


@pytest.mark.parametrize(("name", "level"), [c for c in CASES if c[0] != "countdown" and c[1] > 2])
def test_three_kinds_of_correct_path(name, level):
    task, sample = draw(name, level, 25)
    for problem in sample:
        if name == "multiply" and min(problem.facts) < 10:
            continue
        paths = task.paths(problem, Random(1), 9)
        assert len({path.kind for path in paths if path.correct}) >= 3, problem


@pytest.mark.parametrize(("name", "level"), CASES)
def test_prompts_are_recognised_by_their_own_task_only(name, level):
    for problem in draw(name, level)[1]:
        assert [n for n in names() if load(n).recognises(problem.prompt)] == [name]


@pytest.mark.parametrize("prompt", ["", "Hello!", "What is a sudoku?", "Make 5 apples from 3."])
def test_other_prompts_are_not_recognised(prompt):
    assert not any(load(name).recognises(prompt) for name in names())


@pytest.mark.parametrize("name", names())
def test_wordings_vary(name):
    sample = draw(name, load(name).levels[1], 60)[1]
    assert len({re.sub(r"\d+", "0", problem.prompt) for problem in sample}) >= 8


@pytest.mark.parametrize("name", names())
def test_streams_keep_to_their_split(name):
    task = load(name)
    level = task.levels[1]
    test = list(islice(problems(task, "test", 0, level, distinct=True), 8))
    keys = frozenset(problem.key for problem in test)
    assert len(keys) == 8
    assert {split(key) for key in keys} == {"test"}
    train = list(islice(problems(task, "train", 0), 30))
    assert {split(problem.key) for problem in train} == {"train"}
    others = islice(problems(task, "test", 0, level, exclude=keys), 8)
    assert keys.isdisjoint(problem.key for problem in others)
    again = islice(problems(task, "test", 0, level, distinct=True), 8)
    assert test == list(again)


@pytest.mark.parametrize("name", ["chain", "multiply"])
def test_tasks_without_a_file_say_so(name):
    with pytest.raises(PlaitError, match=f"{name} has no external file"):
        load(name).read("any.csv")
