"""Where questions come from: JSON lines, a data set of the hub, or a task."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.problem import problems
from ..data.tasks import load
from ..errors import PlaitError
from ..eval.extract import boxed
from ..eval.source import Hub, Record, hub_rows, read_lines
from ..measure.audit import KEYS
from ..measure.corpus import PROMPT
from .sample import Question


@dataclass(frozen=True)
class Questions:
    """Different questions, and how many repeated an earlier one."""

    items: list[Question]
    repeated: int


def read(
    source: str, limit: int | None = None, seed: int = 0, levels: list[int] | None = None
) -> Questions:
    """The questions of `task:NAME`, `hub:NAME[:CONFIG[:SPLIT]]`, or a file of JSON lines.

    A file's lines have a prompt ("prompt", "question", "problem" or "input") and a right answer
    ("gold", "final_answer" or "answer", of which what follows "####" counts; or else the boxed
    part of "solution"). A task gives problems of its training split. Raises PlaitError for a
    record without one of the two, and if there is nothing to ask.
    """
    if levels and not source.startswith("task:"):
        raise PlaitError("levels are of tasks: ask for task:NAME, or leave them out")
    found: dict[str, Question] = {}
    repeated = 0
    for question in itertools.islice(_all(source, limit, seed, levels), limit):
        repeated += question.id in found
        found.setdefault(question.id, question)
    if not found:
        raise PlaitError(f"{source} holds no problems")
    return Questions(list(found.values()), repeated)


def _all(source: str, limit: int | None, seed: int, levels: list[int] | None) -> Iterator[Question]:
    kind, _, rest = source.partition(":")
    if kind == "task":
        if limit is None:
            raise PlaitError(f"{source} never ends: say how many problems with --limit")
        drawn = problems(load(rest), "train", seed, levels, distinct=True)
        return (Question(p.prompt, p.answer, p) for p in drawn)
    if kind == "hub":
        name, config, split = [*rest.split(":"), "", ""][:3]
        hub = Hub(name, config or None, split or "train")
        return _questions(hub_rows(name, hub, "or give a file of JSON lines"))
    if not Path(source).is_file():
        raise PlaitError(f"there is no file '{source}'; give one, or task:NAME, or hub:NAME")
    return _questions(read_lines(Path(source)))


def _questions(rows: Iterable[Record]) -> Iterator[Question]:
    for row in rows:
        prompt = next((row.text(name) for name in PROMPT if name in row.values), "").strip()
        if not prompt:
            raise row.fault("there is no prompt; give it as 'prompt'")
        answer = gold(row.values)
        if not answer:
            raise row.fault("there is no right answer; give it as 'answer' or 'gold'")
        yield Question(prompt, answer)


def gold(values: dict[str, Any]) -> str:
    """The right answer that a record tells; empty if it tells none."""
    for key in KEYS:
        value = values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.rpartition("####")[2].strip()
    solution = values.get("solution")
    return (boxed(solution) or "").strip() if isinstance(solution, str) else ""
