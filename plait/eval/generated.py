"""Benchmarks of plait's own tasks: problems that training never sees, with their verifiers."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..data.problem import Task, problems
from .benchmark import Benchmark, Item, Verdict
from .source import Source

SEED = 2026  # of the problems
LEVELS = {"multiply": (2, 3, 4)}  # where not all: one digit times one is known by heart


@dataclass(frozen=True)
class Generated(Benchmark):
    """The test split of a task, drawn from one seed, so that a limit only cuts it off.

    With a file, the problems of the file instead.
    """

    task: Task
    name: str
    file: str = ""  # in the folder of data

    @property
    def count(self) -> int | None:  # type: ignore[override]
        """A stream without end has to stop somewhere."""
        return None if self.file else 500

    def items(self, source: Source) -> Iterator[Item]:
        """Draw problems without end, or read the file."""
        if self.file:
            found = self.task.read(source.path(self.name, self.file))
        else:
            level = LEVELS.get(self.task.name)
            found = problems(self.task, "test", SEED, level=level, distinct=True)
        return (Item(self.name, p.key, p.prompt, p.answer, p) for p in found)

    def judge(self, item: Item, answer: str) -> Verdict:
        """Ask the task's verifier."""
        return Verdict(self.task.verify(item.facts, answer), answer.strip())
