"""Where the items of a benchmark come from: a folder of files, or the Hugging Face hub."""

import contextlib
import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PlaitError, missing


@dataclass(frozen=True)
class Record:
    """One record of a file, and where it stands: what a message to the user names."""

    place: str
    number: int  # from 1
    values: dict[str, Any]

    def text(self, name: str) -> str:
        """The text of a field; PlaitError if it has none."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self.fault(f"there is no text '{name}'")
        return value

    def texts(self, name: str) -> list[str]:
        """The list of texts of a field; PlaitError if it is none."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.fault(f"'{name}' is no list of texts")
        return value

    def number_of(self, name: str) -> int:
        """The whole number of a field; PlaitError if it has none."""
        value = self.values.get(name)
        if not isinstance(value, int):
            raise self.fault(f"there is no whole number '{name}'")
        return value

    def fault(self, what: str) -> PlaitError:
        """Say that this record is malformed."""
        return PlaitError(f"{self.place}, record {self.number}: {what}")


@dataclass(frozen=True)
class Hub:
    """A data set of the hub: its id, configuration and split."""

    name: str
    config: str | None = None
    split: str = "test"


@dataclass(frozen=True)
class Source:
    """A folder with data files (`--data-dir`), or the hub where there is none."""

    folder: Path | None = None

    def path(self, task: str, file: str) -> Path:
        """The file of a task in the folder, gzipped or not; PlaitError says where to put it."""
        if self.folder is None:
            raise PlaitError(
                f"{task} is read from a file: put {file} into a folder and give the folder as "
                "--data-dir"
            )
        for name in (file, file.removesuffix(".gz"), f"{file}.gz"):
            if (self.folder / name).is_file():
                return self.folder / name
        raise PlaitError(f"{task} needs the file {self.folder / file}, which is not there")

    def records(self, task: str, file: str, hub: Hub) -> Iterator[Record]:
        """The records of a task: JSON lines of the folder, or rows of the hub's data set."""
        if self.folder is not None:
            return read_lines(self.path(task, file))
        instead = f"or put {file} into a folder and give the folder as --data-dir"
        return hub_rows(task, hub, instead)


def hub_rows(task: str, hub: Hub, instead: str) -> Iterator[Record]:
    """The rows of a data set; PlaitError says why there are none, and what to do `instead`."""
    try:
        from datasets import load_dataset
    except ImportError:
        raise PlaitError(f"{missing(task, 'datasets', 'eval')}, {instead}") from None
    try:
        with _quiet("huggingface_hub"):  # which tells of each try that fails
            rows = load_dataset(hub.name, hub.config, split=hub.split)
    except Exception as error:  # datasets, the hub and the network raise of all kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PlaitError(
            f"{task} cannot be read from the hub as {hub.name} ({reason}): go online once, "
            f"{instead}"
        ) from None
    return (Record(hub.name, i, dict(row)) for i, row in enumerate(rows, 1))


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def read_lines(path: Path) -> Iterator[Record]:
    """The records of a file of JSON lines, gzipped or not; PlaitError names a spoilt one."""
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                values = json.loads(line)
                if not isinstance(values, dict):
                    raise PlaitError(f"{path}, record {number}: it is no JSON object")
                yield Record(str(path), number, values)
    except (OSError, EOFError) as error:
        raise PlaitError(f"{path} cannot be read ({error})") from None
    except ValueError as error:  # of JSON and of UTF-8
        raise PlaitError(f"{path}, record {max(number, 1)}: not valid JSON ({error})") from None
