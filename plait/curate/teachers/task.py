"""A task's own solver."""

from collections.abc import Sequence
from random import Random

from ...data.tasks import load
from ...errors import PlaitError
from ..sample import Drawn, Question, seed_of
from . import Gathered, Teacher


def task() -> Teacher:
    """Write the paths of the task that made the problem; different where it knows so many."""
    return solve


def solve(questions: Sequence[Question], count: int, seed: int) -> Gathered:
    """Yield the paths of each question; one seed makes all paths of a question."""
    for number, question in enumerate(questions):
        if question.problem is None:
            raise PlaitError("teacher 'task' solves problems of a task: ask for task:NAME")
        own = seed_of(seed, question, 0)
        paths = load(question.problem.task).paths(question.problem, Random(own), count)
        yield number, [Drawn(path.text, own, correct=path.correct) for path in paths]
