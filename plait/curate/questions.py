"""Where questions come from: JSON lines, a data set of the hub, or a task."""

import itertools
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.problem import problems
from ..data.tasks import load
from ..errors import Notice, PlaitError
from ..eval.extract import boxed
from ..eval.gold import same, told
from ..eval.source import Hub, Record, hub_rows, read_lines
from ..measure.corpus import PROMPT
from .sample import Question, is_text


@dataclass(frozen=True)
class Questions:
    """Different questions, how many repeated an earlier one, and of these with another answer."""

    items: list[Question]
    repeated: int
    contradictory: int = 0


def read(
    source: str, limit: int | None = None, seed: int = 0, levels: list[int] | None = None
) -> Questions:
    """The questions of `task:NAME`, `hub:NAME[:CONFIG[:SPLIT]]`, or a file of JSON lines.

    A file's lines have a prompt ("prompt", "question", "problem" or "input") and a right answer
    ("gold", "final_answer" or "answer", of which what follows "####" counts; or else the boxed
    part of "solution"). A task gives problems of its training split. Of a problem that repeats with
    another right answer the first one counts, and a notice says so. Raises PlaitError for a record
    without one of the two, and if there is nothing to ask.
    """
    if levels and not source.startswith("task:"):
        raise PlaitError("levels are of tasks: ask for task:NAME, or leave them out")
    found: dict[str, Question] = {}
    repeated, contradictory = 0, list[str]()
    for question, place in itertools.islice(_all(source, limit, seed, levels), limit):
        repeated += question.id in found
        first = found.setdefault(question.id, question)
        if first.gold != question.gold and not same(first.gold, question.gold):
            contradictory.append(f"{place}: {question.gold!r} and before {first.gold!r}")
    if not found:
        raise PlaitError(f"{source} holds no problems")
    if contradictory:
        count = f"problems that repeat with another right answer: {len(contradictory)}"
        warnings.warn(f"{count} (first {contradictory[0]}); the first answer counts", Notice, 2)
    return Questions(list(found.values()), repeated, len(contradictory))


def _all(
    source: str, limit: int | None, seed: int, levels: list[int] | None
) -> Iterator[tuple[Question, str]]:
    """The questions and where each stands."""
    kind, _, rest = source.partition(":")
    if kind == "task":
        if limit is None:
            raise PlaitError(f"{source} never ends: say how many problems with --limit")
        drawn = problems(load(rest), "train", seed, levels, distinct=True)
        return ((Question(p.prompt, p.answer, p), source) for p in drawn)
    if kind == "hub":
        name, config, split = [*rest.split(":"), "", ""][:3]
        hub = Hub(name, config or None, split or "train")
        return _questions(hub_rows(name, hub, "or give a file of JSON lines"))
    if not Path(source).is_file():
        raise PlaitError(f"there is no file '{source}'; give one, or task:NAME, or hub:NAME")
    return _questions(read_lines(Path(source)))


def _questions(rows: Iterable[Record]) -> Iterator[tuple[Question, str]]:
    for row in rows:
        prompt = next((row.text(name) for name in PROMPT if name in row.values), "").strip()
        if not prompt:
            raise row.fault("there is no prompt; give it as 'prompt'")
        answer = gold(row.values)
        if not answer:
            raise row.fault("there is no right answer; give it as 'answer' or 'gold'")
        if not is_text(prompt + answer):
            raise row.fault("prompt or right answer holds half of a surrogate pair; mend it")
        yield Question(prompt, answer), f"{row.place}, record {row.number}"


def gold(values: dict[str, Any]) -> str:
    """The right answer that a record tells; empty if it tells none."""
    solution = values.get("solution")
    inside = boxed(solution) if isinstance(solution, str) else None
    return told(values) or (inside or "").strip()
