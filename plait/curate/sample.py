"""What curation handles: a question with its right answer, and the paths drawn for it."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from ..data.problem import Problem
from ..measure.audit import normal


@dataclass(frozen=True)
class Question:
    """A problem with its right answer; `problem` is set if a task made it."""

    prompt: str
    gold: str
    problem: Problem | None = None

    @property
    def id(self) -> str:
        """A hash of its words, case and spacing aside."""
        return digest(normal(self.prompt))


@dataclass(frozen=True)
class Drawn:
    """One path as a teacher gave it; `said` is its answer where that does not stand in the text."""

    text: str
    seed: int
    said: str = ""
    correct: bool | None = None  # None: still to be judged
    ended: bool = True  # False: the teacher ran out of room before its end


@dataclass(frozen=True)
class Sample:
    """A question with all of its judged paths: a line of samples.jsonl."""

    id: str
    prompt: str
    gold: str
    paths: tuple[Drawn, ...]

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def of(values: dict[str, Any]) -> "Sample":
        """From plain values."""
        paths = tuple(Drawn(**path) for path in values["paths"])
        return Sample(values["id"], values["prompt"], values["gold"], paths)


def is_text(text: str) -> bool:
    """Is it Unicode? JSON can also spell half of a surrogate pair, which no file can hold."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def digest(text: str) -> str:
    """The first 64 bits of a text's SHA-256, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def seed_of(seed: int, question: Question, path: int, bits: int = 31) -> int:
    """The seed of one path; every server takes 31 bits."""
    return int(digest(f"{seed}/{question.id}/{path}"), 16) >> (64 - bits)
