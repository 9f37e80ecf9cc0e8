"""Answer a file of prompts: resumable, nothing lost or doubled.

A row is named by its line number in the input, which is also its key for the random numbers, so
that its text depends neither on the batch nor on where an earlier run stopped.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PlaitError
from ..files import as_json
from . import _resume
from ._progress import watched
from ._say import INTERRUPTED, say
from ._session import Session

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Line:
    """One line of the input: a prompt, or what is wrong with it."""

    number: int  # from 1, as editors count
    prompt: str
    fault: str = ""


def answer_file(session: Session, source: Path, target: Path) -> int:
    """Answer every prompt of `source` that `target` lacks; return the exit code."""
    lines = [_checked(session, line) for line in read_prompts(source)]
    if not lines:
        raise PlaitError(f"{source} holds no prompts")
    with _resume.locked(target):
        done = _resume.answered(target, session.conditions())
        _same_prompts(lines, done, source, target)
        good = [line for line in lines if not line.fault]
        todo = [line for line in good if line.number not in done]
        bad = [line for line in lines if line.fault]
        for line in bad:
            say(f"{source}, line {line.number}: {line.fault}; skipped")
        session.warn([line.prompt for line in todo])
        say(f"{len(todo)} prompts to answer, {len(good) - len(todo)} answered before")
        try:
            _answer(session, todo, target)
        except KeyboardInterrupt:
            written = len(_resume.read_answers(target))
            say(
                f"stopped; {written} of {len(good)} answers are in {target}; "
                "run the same command again to continue"
            )
            return INTERRUPTED
    say(f"{len(good)} answers are in {target}")
    if bad:
        say(f"{len(bad)} of {len(lines)} lines of {source} could not be answered, see above")
    return 1 if bad else 0


def read_prompts(source: Path) -> list[Line]:
    """Return the lines of a file of prompts, blank ones left out."""
    try:
        data = source.read_bytes()
    except OSError as error:
        raise PlaitError(f"cannot read the input {source}: {error.strerror}") from None
    rows = enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    return [_line(number, row) for number, row in rows if row.strip()]


def _line(number: int, row: bytes) -> Line:
    try:
        record = json.loads(row.decode("utf-8"))
    except ValueError as error:
        return Line(number, "", f"not valid JSON ({error})")
    prompt = record.get("prompt") if isinstance(record, dict) else None
    if not isinstance(prompt, str):
        return Line(number, "", 'it needs the form {"prompt": "..."}')
    return Line(number, prompt)


def _checked(session: Session, line: Line) -> Line:
    if line.fault:
        return line
    try:
        session.check(line.prompt)
    except PlaitError as error:
        return replace(line, fault=str(error))
    return line


def _same_prompts(lines: list[Line], done: dict[int, str], source: Path, target: Path) -> None:
    prompts = {line.number: line.prompt for line in lines}
    for number, prompt in done.items():
        if prompts.get(number) != prompt:
            raise PlaitError(
                f"{target} answers another prompt than line {number} of {source} holds now; "
                "choose another --output"
            )


def _answer(session: Session, todo: list[Line], target: Path) -> None:
    """Append one answer after another, each whole and at once on disk."""
    answers = session.answers([line.prompt for line in todo], [line.number for line in todo])
    with target.open("ab") as file:
        for line, answer in zip(todo, watched(answers, len(todo)), strict=True):
            record = {"line": line.number, **answer.record()}
            file.write(as_json(record).encode() + b"\n")
            file.flush()
