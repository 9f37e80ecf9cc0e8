"""Files that a kill at any moment leaves whole: written at once, or line by line."""

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import PlaitError


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file that is the old one until it is the new one."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(part, path)


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
        yield


def drop_torn_line(path: Path, whole: Callable[[bytes], bool]) -> None:
    """Cut what an interrupted write may have left after the last line that is `whole`."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    start = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
    if end and not whole(data[start:end]):
        end = start
    if end < len(data):
        os.truncate(path, end)


def as_json(record: dict[str, Any]) -> str:
    """One line of strict JSON; what is not a number becomes null."""
    return json.dumps(_strict(record), ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
