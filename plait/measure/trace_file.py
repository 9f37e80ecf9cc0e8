"""Traces on disk: gzipped JSON lines, a header and then one row of columns per trace."""

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PlaitError
from ..files import replacing
from ..trace import KINDS, Label, Trace

FORMAT, VERSION = "plait-trace", 2
BROKEN = (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error)
COLUMNS = {
    "start": np.int64,
    "region": np.int64,
    "round": np.int32,
    "position": np.int32,
    "token": np.int32,
    "score": np.float32,
    "kind": np.int8,
}


def write(path: str | Path, traces: Iterable[Trace], conditions: Mapping[str, Any]) -> None:
    """Save traces and the conditions they were made under; `traces` may come one by one.

    The file appears whole or not at all. Scores are written so that they read back exactly.
    """
    with replacing(Path(path)) as part, gzip.open(part, "wt", encoding="utf-8") as file:
        file.write(_header(conditions))
        file.writelines(_row(trace) for trace in traces)


def opening(conditions: Mapping[str, Any]) -> bytes:
    """The beginning of a trace file that grows: add a `member` for each trace."""
    return gzip.compress(_header(conditions).encode(), mtime=0)


def member(trace: Trace) -> bytes:
    """One trace, gzipped by itself: what was written before it stays whole whatever happens."""
    return gzip.compress(_row(trace).encode(), mtime=0)


def read(path: str | Path) -> tuple[list[Trace], dict[str, Any]]:
    """Return the traces of a file and their conditions.

    PlaitError names the file and the row that cannot be read.
    """
    rows: list[Trace] = []
    place = f"{path}"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            header = json.loads(next(file, "null"))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise PlaitError(f"{path} is not a trace file of plait")
            if header.get("version") not in (1, VERSION):
                raise PlaitError(
                    f"{path} has version {header.get('version')} of the trace format, and this "
                    f"plait reads versions up to {VERSION}"
                )
            conditions: dict[str, Any] = header["conditions"]
            place = f"{path}, row 1"
            for line in file:
                rows.append(_trace(json.loads(line)))
                place = f"{path}, row {len(rows) + 1}"
            return rows, conditions
    except FileNotFoundError:
        raise PlaitError(f"there is no trace file '{path}'") from None
    except gzip.BadGzipFile:
        raise PlaitError(f"{path} is not a trace file of plait: it is not gzipped") from None
    except IsADirectoryError:
        raise PlaitError(f"'{path}' is a folder; name a trace file") from None
    except (
        EOFError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        zlib.error,
    ) as error:
        raise PlaitError(f"{place}: cannot be read as a trace ({_said(error)})") from None


def _said(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the file ends too early"
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _header(conditions: Mapping[str, Any]) -> str:
    header = {"format": FORMAT, "version": VERSION, "conditions": conditions}
    return json.dumps(header) + "\n"


def _row(trace: Trace) -> str:
    return json.dumps(_record(trace)) + "\n"


def _record(trace: Trace) -> dict[str, Any]:
    values = {field.name: getattr(trace, field.name) for field in fields(trace)}
    values |= {name: values[name].tolist() for name in COLUMNS if name != "score"}
    values["score"] = [_shortest(score) for score in trace.score]
    values["spent"] = [[int(f), int(q), s] for f, q, s in trace.spent.tolist()]
    values["label"] = None if trace.label is None else _label(trace.label)
    return values


def _shortest(score: np.float32) -> float | None:
    """The shortest decimal that reads back as this float32; None for no score."""
    return None if np.isnan(score) else float(str(score))


def _label(label: Label) -> dict[str, Any]:
    return {
        "prompt": label.prompt,
        "segments": list(label.segments),
        "pieces": [[token, text] for token, text in sorted(label.pieces.items())],
    }


def _trace(record: dict[str, Any]) -> Trace:
    columns: dict[str, Any] = {k: np.array(record[k], dtype=d) for k, d in COLUMNS.items()}
    columns["spent"] = np.array(record.get("spent", []), dtype=float).reshape(-1, 3)
    label = record.get("label")
    if label is not None:
        pieces = {int(token): str(text) for token, text in label["pieces"]}
        label = Label(label["prompt"], tuple(label["segments"]), pieces)
    stops = tuple(map(int, record.get("stops", ())))
    trace = Trace(**(record | columns | {"label": label, "stops": stops}))
    _check(trace)
    return trace


def _check(trace: Trace) -> None:
    """Raise ValueError for columns that no decode can have written."""
    events = {getattr(trace, k).shape for k in ("round", "position", "token", "score", "kind")}
    if len(events) > 1 or trace.start.shape != trace.region.shape:
        raise ValueError("its columns have different lengths")
    for name, values, end in (
        ("region", trace.region + 2, len(trace.start) + 2),  # from -2: see Canvas
        ("round", trace.round, trace.rounds),
        ("position", trace.position, len(trace.start)),
        ("kind", trace.kind, len(KINDS)),
    ):
        if len(values) and not (values.min() >= 0 and values.max() < end):
            raise ValueError(f"a {name} lies outside of what there is")
    if len(trace.round) and bool((np.diff(trace.round) < 0).any()):
        raise ValueError("its events are not in the order of their rounds")
    if len(trace.spent) not in (0, trace.rounds):
        raise ValueError("'spent' does not have one entry per round")
