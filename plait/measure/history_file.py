"""Files that hold other programs' histories: JSON, JSON lines, NumPy arrays, torch tensors."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PlaitError
from ..trace import Trace
from .histories import from_canvases, from_steps

CANVASES = ("histories", "history", "canvases")
STEPS = ("steps", "step_map")
FORMS = ("canvases", "steps")


def read(path: Path, form: str, settings: Mapping[str, Any]) -> list[Trace]:
    """The traces of a file, one per row of its batch. PlaitError names the file and the record.

    "canvases": arrays [steps, positions] or [steps, rows, positions], or records with one as
    "histories", "history" or "canvases". "steps": records with "tokens" and "steps" (or
    "step_map"), and perhaps "prompt". A record may also hold "mask_id", "eos_id",
    "prompt_length" and "regions", which otherwise come from `settings`. Formats by the name's
    ending: .json, .jsonl, .npy, .pt.
    """
    if form not in FORMS:
        raise PlaitError(f"no form '{form}' to import: use {' or '.join(FORMS)}")
    traces = []
    for place, value in _values(path):
        record = value if isinstance(value, dict) else {CANVASES[0]: value}
        try:
            traces += _of(record, form, settings)
        except PlaitError as error:
            raise PlaitError(f"{place}: {error}") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise PlaitError(f"{place}: this is no history of {form} ({error})") from None
    if not traces:
        raise PlaitError(f"{path} holds no records: there is nothing to import")
    return traces


def _of(record: Mapping[str, Any], form: str, settings: Mapping[str, Any]) -> list[Trace]:
    names = ("mask_id", "eos_id", "prompt_length", "regions")
    told = {k: record.get(k, settings.get(k)) for k in names}
    told = {k: v for k, v in told.items() if v is not None}
    if form == "steps":
        told.pop("prompt_length", None)
        steps = next((record[name] for name in STEPS if name in record), None)
        if steps is None or "tokens" not in record:
            raise PlaitError("a step map needs 'tokens' and 'steps'")
        return [from_steps(record["tokens"], steps, prompt=record.get("prompt", ()), **told)]
    if "mask_id" not in told:
        raise PlaitError("canvases need the id of the mask token: give --mask-id")
    canvases = next((record[name] for name in CANVASES if name in record), None)
    if canvases is None:
        raise PlaitError(f"there are no canvases: give them as '{CANVASES[0]}'")
    table = np.asarray(canvases)
    if table.dtype.kind not in "iu" or table.ndim not in (2, 3):
        raise PlaitError(
            "canvases are whole numbers, [steps, positions] or [steps, rows, positions]; these "
            f"are {table.dtype} of {table.ndim} dimensions"
        )
    rows = table[:, None] if table.ndim == 2 else table
    return [from_canvases(rows[:, row].tolist(), **told) for row in range(rows.shape[1])]


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """What the records of a file hold, with their places."""
    if not path.is_file():
        raise PlaitError(f"there is no file '{path}'")
    try:
        if path.suffix == ".npy":
            yield str(path), np.load(path, allow_pickle=False)
        elif path.suffix == ".pt":
            import torch

            value = torch.load(path, map_location="cpu", weights_only=True)
            several = isinstance(value, list | tuple)
            yield str(path), torch.stack(list(value)).numpy() if several else value.numpy()
        elif path.suffix == ".json":
            yield str(path), json.loads(path.read_text(encoding="utf-8"))
        else:
            lines = enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1)
            yield from ((f"{path}, line {n}", json.loads(x)) for n, x in lines if x.strip())
    except (OSError, EOFError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PlaitError(f"{path} cannot be read as a history ({said})") from None
    except Exception as error:  # torch's refusal of pickles is of the module pickle
        raise PlaitError(f"{path} cannot be read as a history ({type(error).__name__})") from None
