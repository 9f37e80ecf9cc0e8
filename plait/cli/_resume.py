"""The file of answers on disk: continue an old one, refuse one made with other settings."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import files
from ..errors import PlaitError
from ..files import read_whole, record, refuse_other, write_whole


def check_place(target: Path, source: Path) -> None:
    """Raise PlaitError if answers to `source` cannot be written to `target`."""
    if not target.parent.is_dir():
        raise PlaitError(f"there is no folder '{target.parent}' for the output")
    if target.is_dir():
        raise PlaitError(f"the output '{target}' is a folder; name a file")
    if target.exists() and target.samefile(source):
        raise PlaitError(f"--input and --output are the same file, '{source}'")


def answered(target: Path, conditions: dict[str, Any]) -> dict[int, str]:
    """Return the prompts that `target` answers, by line number of the input.

    The conditions of its first run stand beside it; PlaitError if they differ from these. A device
    or a pipe keeps neither.
    """
    if target.exists() and not target.is_file():
        return {}
    side = beside(target)
    if not target.exists() or not target.stat().st_size:
        write_whole(side, json.dumps(conditions, indent=2) + "\n")
        return {}
    old = _read_conditions(target, side)
    refuse_other(target, old, conditions, "another --output")
    return read_answers(target)


def beside(target: Path) -> Path:
    """The file that holds the conditions of `target`."""
    return target.with_name(target.name + ".settings.json")


def read_answers(target: Path) -> dict[int, str]:
    """Drop a torn last line of `target`; return the prompts that the others answer."""
    return {answer["line"]: answer["prompt"] for answer in read_whole(target, _record, "answer")}


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep a second plait from writing to `target`; leave no file behind if it stays empty."""
    new = not target.exists()
    with files.locked(target):
        try:
            yield
        finally:
            if new and not target.stat().st_size:
                target.unlink()
                beside(target).unlink(missing_ok=True)


def _record(row: bytes) -> dict[str, Any] | None:
    values = record(row)
    return values if values is not None and {"line", "prompt"} <= values.keys() else None


def _read_conditions(target: Path, side: Path) -> dict[str, Any]:
    try:
        found = json.loads(side.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlaitError(
            f"{target} exists and {side.name} does not, so plait cannot tell how it was made; "
            "choose another --output"
        ) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PlaitError(f"{side} cannot be read; choose another --output")
    return found
