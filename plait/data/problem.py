"""What a task is: problems with checkable answers and several ways to reach them."""

import abc
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal

from plait.errors import PlaitError

Split = Literal["train", "test"]

TEST_PERCENT = 6  # of all problems
PATIENCE = 10_000  # draws in a row that may be refused before a stream gives up
PIECE = re.compile(r" ?\d| ?[A-Za-z]+| ?[^\sA-Za-z\d]+|\s")


@dataclass(frozen=True)
class Problem:
    """One problem as a person would type it, with a correct answer."""

    task: str
    prompt: str
    answer: str  # one correct answer; `Task.verify` accepts every correct one
    key: str  # the same for all wordings of the same problem
    level: int  # difficulty, in the unit of the task
    facts: tuple[Any, ...]  # the content without words; each task says what it holds


@dataclass(frozen=True)
class Path:
    """One way of working towards the answer."""

    text: str
    correct: bool  # does it reach a correct answer?
    kind: str  # name of the strategy


class Task(abc.ABC):
    """A family of problems. Immutable: all chance comes through `rng`."""

    name: ClassVar[str]
    levels: range  # the levels it can make

    @abc.abstractmethod
    def sample(self, rng: Random, level: int) -> Problem:
        """Draw a problem of either split; see `problems` for one split only."""

    @abc.abstractmethod
    def paths(self, problem: Problem, rng: Random, count: int) -> list[Path]:
        """Draw exactly `count` paths in random order, at least one of them correct.

        No text repeats, unless the problem has fewer than `count` paths.
        """

    @abc.abstractmethod
    def verify(self, problem: Problem, answer: str) -> bool:
        """Say whether `answer` is correct, be it worded like `problem.answer` or not."""

    @abc.abstractmethod
    def recognises(self, prompt: str) -> bool:
        """Say whether `prompt` is worded like a problem of this task."""

    @abc.abstractmethod
    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Read the problems of an external test file; PlaitError where it is malformed."""


def split(key: str) -> Split:
    """Tell the split of the problem with this key, by its hash: about 6 % are test."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return "test" if number % 100 < TEST_PERCENT else "train"


def problems(
    task: Task,
    split: str,
    seed: int,
    level: int | Sequence[int] | None = None,
    exclude: frozenset[str] = frozenset(),
    distinct: bool = False,
) -> Iterator[Problem]:
    """Yield problems of one split for ever, at levels drawn from `level` (None: all).

    Keys in `exclude` never appear; with `distinct` no key appears twice. Raises
    PlaitError when 10,000 draws in a row bring nothing new.
    """
    if split not in ("train", "test"):
        raise PlaitError(f"no split '{split}': use 'train' or 'test'")
    levels = [level] if isinstance(level, int) else list(task.levels if level is None else level)
    if not levels or not set(levels) <= set(task.levels):
        first, last = task.levels[0], task.levels[-1]
        raise PlaitError(f"{task.name} has levels {first} to {last}, not {levels}")
    return stream(task, split, Random(f"{task.name}/{split}/{seed}"), levels, exclude, distinct)


def stream(
    task: Task, part: str, rng: Random, levels: list[int], exclude: frozenset[str], distinct: bool
) -> Iterator[Problem]:
    """Yield what `problems` promises, from settings already checked."""
    seen: set[str] = set()
    refused = 0
    while refused < PATIENCE:
        problem = task.sample(rng, rng.choice(levels))
        key = problem.key
        if split(key) != part or key in exclude or key in seen:
            refused += 1
            continue
        refused = 0
        if distinct:
            seen.add(key)
        yield problem
    raise PlaitError(
        f"{task.name} ran out of new {part} problems at level {', '.join(map(str, levels))}: "
        "ask for fewer or for other levels"
    )


def setting(name: str, value: int, low: int, high: int) -> int:
    """Return `value` if it lies in low..high, else raise PlaitError."""
    if not low <= value <= high:
        raise PlaitError(f"{name} must be from {low} to {high}, not {value}")
    return value


def length(text: str) -> int:
    """Estimate how many tokens a text has: a digit, a word or a sign is one each."""
    return len(PIECE.findall(text))


def choose(candidates: Iterable[Path], rng: Random, count: int) -> list[Path]:
    """Draw `count` paths with different texts; they repeat only when there are too few."""
    different = list({path.text: path for path in candidates}.values())
    rng.shuffle(different)
    return [different[i % len(different)] for i in range(count)]


def same_number(answer: str, number: int | str) -> bool:
    """Say whether `answer` is `number` in digits, surrounding space aside."""
    return re.fullmatch(r"[0-9]{1,30}", answer.strip()) is not None and int(answer) == int(number)


def wording(templates: Iterable[str], **fields: str) -> str:
    """Make one pattern that matches any template with its {fields} as patterns."""

    def pattern(template: str) -> str:
        parts = re.split(r"\{(\w+)\}", template)
        return "".join(fields[p] if i % 2 else re.escape(p) for i, p in enumerate(parts))

    return f"(?:{'|'.join(map(pattern, templates))})"


def records(
    path: str | pathlib.Path, parse: Callable[[str], Problem], header: str = ""
) -> Iterator[Problem]:
    """Parse a file line by line; a ValueError of `parse` becomes a PlaitError with its place."""
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlaitError(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if number > 1 or not header:
                yield parse(line)
            elif line.strip() != header:
                raise ValueError(f"the first line must be '{header}'")
        except ValueError as error:
            raise PlaitError(f"{path}, line {number}: {error}") from error


def no_file(name: str, path: str | pathlib.Path) -> PlaitError:
    """Say that a task has no external test file."""
    return PlaitError(f"{name} has no external file, so it cannot read {path}")
