"""Traces on disk: gzipped JSON lines, a header and then one row of columns per trace."""

import gzip
import json
import os
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PlaitError
from ..trace import Trace

FORMAT, VERSION = "plait-trace", 1
COLUMNS = {
    "start": np.int64,
    "region": np.int64,
    "round": np.int32,
    "position": np.int32,
    "token": np.int32,
    "score": np.float32,
    "kind": np.int8,
}


def write(path: str | Path, traces: Iterable[Trace], conditions: dict[str, Any]) -> None:
    """Save traces and the conditions they were made under.

    The file appears whole or not at all. Scores are written so that they read back exactly.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    header = {"format": FORMAT, "version": VERSION, "conditions": conditions}
    try:
        with gzip.open(part, "wt", encoding="utf-8") as file:
            file.write(json.dumps(header) + "\n")
            file.writelines(json.dumps(_record(trace)) + "\n" for trace in traces)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read(path: str | Path) -> tuple[list[Trace], dict[str, Any]]:
    """Return the traces of a file and their conditions."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            header = json.loads(next(file, "null"))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise PlaitError(f"{path} is not a trace file of plait")
            if header.get("version") != VERSION:
                raise PlaitError(
                    f"{path} has version {header.get('version')} of the trace format, and this "
                    f"plait reads version {VERSION}"
                )
            return [_trace(json.loads(line)) for line in file], header["conditions"]
    except FileNotFoundError:
        raise PlaitError(f"there is no trace file '{path}'") from None
    except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise PlaitError(f"{path} cannot be read as a trace file ({error})") from None


def _record(trace: Trace) -> dict[str, Any]:
    values = {field.name: getattr(trace, field.name) for field in fields(trace)}
    return {k: v.tolist() if k in COLUMNS else v for k, v in values.items()}


def _trace(record: dict[str, Any]) -> Trace:
    columns = {k: np.array(record[k], dtype=dtype) for k, dtype in COLUMNS.items()}
    return Trace(**(record | columns))
