"""What an evaluation asks: items with a prompt, and a judge of what comes back."""

import abc
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from .source import Source


@dataclass(frozen=True)
class Item:
    """One question. `task` and `id` name it, whatever file, order or limit it came with."""

    task: str
    id: str
    prompt: str
    gold: str  # one correct answer, to be read by people
    facts: Any = None  # what the judge needs; anything

    @property
    def key(self) -> int:
        """The name of its row for the random numbers: a hash of 48 bits."""
        digest = hashlib.sha256(f"{self.task}/{self.id}".encode()).digest()
        return int.from_bytes(digest[:6], "big")


@dataclass(frozen=True)
class Verdict:
    """What was read out of an answer, and whether it is correct."""

    correct: bool
    extracted: str
    why: str = ""  # of a wrong one, where more can be said


class Benchmark(abc.ABC):
    """A set of items that are answered by generation. Immutable."""

    name: str
    chat: ClassVar[bool] = False  # are its prompts instructions, which need a chat template?
    runs_code: ClassVar[bool] = False  # are answers programs, which are run?
    count: int | None = None  # items asked where the user names no limit; None: all

    @abc.abstractmethod
    def items(self, source: Source) -> Iterator[Item]:
        """Read or draw the items, in a fixed order; PlaitError where a file lacks or is spoilt."""

    @abc.abstractmethod
    def judge(self, item: Item, answer: str) -> Verdict:
        """Judge the text of an answer, by its meaning."""

    def check(self) -> None:  # noqa: B027  (most need nothing)
        """Raise PlaitError if answers cannot be judged on this machine."""
