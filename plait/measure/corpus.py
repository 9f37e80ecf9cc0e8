"""Files of texts to measure: JSON lines with a prompt and a text, or several paths."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlaitError

PROMPT = ("prompt", "question", "problem", "input")
TEXT = ("text", "response", "solution", "completion", "answer", "output")
PATHS = ("paths", "streams", "solutions")
INNER = ("text", "reasoning", "path", "solution")  # of a path that is an object


@dataclass(frozen=True)
class Record:
    """One line of a corpus."""

    line: int  # from 1, as editors count
    prompt: str
    text: str = ""
    paths: list[str] = field(default_factory=list)
    summary: str = ""  # of the paths
    values: Mapping[str, Any] = field(default_factory=dict)  # the line as it stands
    empty: int = 0  # paths that hold nothing, and are not among `paths`

    def whole(self) -> str:
        """The text, or the paths one after another."""
        return self.text or "\n".join([*self.paths, *filter(None, [self.summary])])


def read(path: str | Path) -> list[Record]:
    """The records of a file of JSON lines, gzipped or not. PlaitError names file and line.

    A line has a prompt ("prompt", "question", "problem" or "input"; none is an empty one), and a
    text ("text", "response", "solution", "completion", "answer" or "output"), or a list of paths
    ("paths", "streams" or "solutions") whose items are texts, or objects that hold one, and
    perhaps the "summary" of the paths.
    """
    records = [_record(Path(path), number, row) for number, row in _rows(Path(path))]
    if not records:
        raise PlaitError(f"{path} holds no records: give one JSON object a line")
    return records


def prompts(path: str | Path) -> list[Record]:
    """The problems of a test set: JSON lines of which only the prompt counts, as in `read`."""
    found = []
    for number, row in _rows(Path(path)):
        place = f"{path}, line {number}"
        values = _object(row, place)
        prompt = _first(values, PROMPT, place)
        if not prompt.strip():
            raise PlaitError(f"{place}: there is no prompt; give it as {', '.join(PROMPT)}")
        found.append(Record(number, prompt, values=values))
    if not found:
        raise PlaitError(f"{path} holds no problems: there is nothing to look for")
    return found


def correct(record: Record) -> list[bool] | None:
    """Which paths are right, by the list "correct" or by the paths themselves; None if untold."""
    items, told = _items(record.values), record.values.get("correct")
    if not isinstance(told, list):
        told = [item.get("correct") for item in items if isinstance(item, dict)]
    if len(told) == len(items):
        told = [flag for flag, item in zip(told, items, strict=True) if _path(item, "")]
    good = len(told) == len(record.paths) and all(isinstance(flag, bool) for flag in told)
    return told if good else None


def _rows(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise PlaitError(f"there is no file '{path}'") from None
    except (OSError, EOFError) as error:
        raise PlaitError(f"{path} cannot be read ({error})") from None
    rows = enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    return ((number, row) for number, row in rows if row.strip())


def _record(path: Path, number: int, row: bytes) -> Record:
    place = f"{path}, line {number}"
    values = _object(row, place)
    prompt, text = _first(values, PROMPT, place), _first(values, TEXT, place)
    texts = [_path(item, place) for item in _items(values)]
    if not (text or any(texts)):
        raise PlaitError(
            f"{place}: there is no text to measure; give it as {', '.join(TEXT[:4])} or "
            f"as a list of {', '.join(PATHS)}"
        )
    if not texts:
        return Record(number, prompt, text, values=values)
    summary = _first(values, ("summary",), place)
    paths = [text for text in texts if text]
    return Record(number, prompt, "", paths, summary, values, len(texts) - len(paths))


def _items(values: Mapping[str, Any]) -> list[Any]:
    """The paths of a record as they stand."""
    return next((values[name] for name in PATHS if isinstance(values.get(name), list)), [])


def _object(row: bytes, place: str) -> dict[str, Any]:
    try:
        values = json.loads(row.decode("utf-8"))
    except ValueError as error:
        raise PlaitError(f"{place}: not valid JSON ({error})") from None
    if not isinstance(values, dict):
        raise PlaitError(f"{place}: a record is a JSON object")
    return values


def _first(values: Mapping[str, Any], names: tuple[str, ...], place: str) -> str:
    for name in names:
        if name in values:
            value = values[name]
            if not isinstance(value, str):
                raise PlaitError(f"{place}: '{name}' is not a text")
            return value
    return ""


def _path(item: Any, place: str) -> str:
    if isinstance(item, dict):
        item = next((item[name] for name in INNER if name in item), None)
    if not isinstance(item, str):
        raise PlaitError(f"{place}: a path is a text, or an object with one as 'text'")
    return item
