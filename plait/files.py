"""Files that a kill at any moment leaves whole: written at once, or line by line."""

import contextlib
import errno
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import PlaitError

SETTINGS = "settings.json"  # in a folder of results


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file that is the old one until it is the new one; write to a device or a pipe."""
    with replacing(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` once all is written, or else is removed.

    A device or a pipe cannot be replaced, and is written to itself.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    part = path.with_name(path.name + ".part")
    try:
        with naming(path):
            yield part
        os.replace(part, path)
    finally:  # a full disk needs no half of a file
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in the error of a full disk, which comes without one."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep a second plait from writing to `target`, which is made if it is not there."""
    with target.open("ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: two runs at once are not noticed there
            pass
        except BlockingIOError:
            raise PlaitError(f"another run is writing {target} right now") from None
        with naming(target):
            yield


def read_whole(
    path: Path, whole: Callable[[bytes], dict[str, Any] | None], what: str
) -> list[dict[str, Any]]:
    """The records of a file that grows line by line, after a kill too.

    What an interrupted write left after the last whole line is cut off. PlaitError names any other
    line that is not `whole`, as being no `what`.
    """
    _drop_torn_line(path, whole)
    records = []
    with path.open("rb") as file:
        for place, row in enumerate(file, 1):
            values = whole(row)
            if values is None:
                raise PlaitError(
                    f"{path}, line {place}: this is no {what} of plait; remove the line to have it "
                    "answered again"
                )
            records.append(values)
    return records


def record(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line; None if it is anything else."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _drop_torn_line(path: Path, whole: Callable[[bytes], dict[str, Any] | None]) -> None:
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    start = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
    if end and whole(data[start:end]) is None:
        end = start
    if end < len(data):
        os.truncate(path, end)


def refuse_other(place: Path, old: Mapping[str, Any], new: Mapping[str, Any], instead: str) -> None:
    """Raise PlaitError if a file was made with other settings; `instead` says what else to do."""
    for key, was, now in _differing(old, json.loads(json.dumps(new))):
        raise PlaitError(
            f"{place} was made with {key}={was} and this run has {key}={now}; use the same "
            f"settings to continue it, or {instead}"
        )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the settings that differ: name, old and new value; a.b is the setting b inside a."""
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from ((f"{key}.{name}", *values) for name, *values in _differing(was, now))
        elif was != now:
            yield key, was, now


@contextlib.contextmanager
def folder_of(folder: Path, grown: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """A folder, new or old, whose file `grown` grows line by line: for this process alone.

    `settings` are kept beside it; PlaitError if those by which an earlier run made something
    differ, or if the folder holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise PlaitError(f"'{folder}' is a file; name a folder for the results")
    if folder.is_dir() and not (folder / grown).exists() and any(folder.iterdir()):
        raise PlaitError(f"'{folder}' holds other files than results; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / grown):
        _settle(folder, grown, settings)
        yield


def _settle(folder: Path, grown: str, settings: Mapping[str, Any]) -> None:
    side = folder / SETTINGS
    if not (folder / grown).stat().st_size:  # nothing was made by other settings
        write_whole(side, json.dumps(settings, indent=2) + "\n")
        return
    if not side.exists():
        raise PlaitError(f"{folder} has {grown} and no {SETTINGS}; choose another")
    try:
        old = json.loads(side.read_text(encoding="utf-8"))
    except ValueError:
        raise PlaitError(f"{side} cannot be read; choose another folder") from None
    refuse_other(folder, old, settings, "another folder")


def as_json(record: dict[str, Any]) -> str:
    """One line of strict JSON; what is not a number becomes null."""
    line = json.dumps(_strict(record), ensure_ascii=False, allow_nan=False)
    # Half of a surrogate pair has no UTF-8; Python's escape of it is JSON's.
    return line.encode("utf-8", "backslashreplace").decode()


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
