"""Results that grow cell by cell, or line by line: a stopped run goes on where it was."""

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import plait
from plait.errors import PlaitError
from plait.files import read_whole, record, refuse_other, write_whole
from plait.measure.interval import Share
from plait.models import box


def begun(path: Path, conditions: Mapping[str, Any], option: str = "--out") -> dict[str, Any]:
    """The result in a file, or one without cells; the run ends if its conditions were others."""
    if not path.exists():
        return {"conditions": dict(conditions), "cells": {}}
    result: dict[str, Any] = json.loads(path.read_text())
    unchanged(path, result["conditions"], conditions, option)
    return result


def unchanged(path: Path, old: Mapping[str, Any], new: Mapping[str, Any], option: str) -> None:
    """End the run if a file was made under other conditions; `option` names another file."""
    try:
        refuse_other(path, old, new, f"choose another {option}")
    except PlaitError as error:
        sys.exit(str(error))


def digest(model: str) -> str:
    """The beginning of the SHA-256 of a model's weights; "?" where they are not one file."""
    folder = Path(model) if Path(model).is_dir() else box.HERE / model
    if not (folder / box.WEIGHTS).exists():
        return "?"
    with (folder / box.WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def keep(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result."""
    write_whole(path, json.dumps(result, indent=1) + "\n")


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file that grows line by line; a torn last one is cut off."""
    return read_whole(path, record, "result") if path.exists() else []


def device(model: plait.Model) -> str:
    """What a model runs on."""
    gpu = torch.cuda.get_device_name() if model.device.type == "cuda" else platform.processor()
    return f"{model.device.type} {gpu}".strip()


def told(groups: Sequence[tuple[Mapping[str, Any], Sequence[str]]]) -> str:
    """Under what conditions the rows of a table were made: those of the first group, and then, by
    the names of the rows, what was different for others."""
    (first, _), *others = groups
    lines = ["Conditions: " + ", ".join(f"{key} {value}" for key, value in first.items()) + "."]
    for facts, names in others:
        other = [f"{key} {value}" for key, value in facts.items() if first.get(key) != value]
        if other:
            lines.append(f"Of {', '.join(f'`{name}`' for name in names)}: {', '.join(other)}.")
    return "\n\n".join(lines)


def scored(rights: Sequence[bool]) -> dict[str, Any]:
    """The accuracy of a cell, in [0, 1], with its 95 % Wilson interval."""
    share = Share(sum(rights), len(rights))
    return {
        "right": share.right,
        "n": share.n,
        "accuracy": round(share.value, 4),
        "interval95": [round(bound, 4) for bound in share.interval()],
    }


def split(decoder: str) -> tuple[str, str, str]:
    """Method, tokens per round and settings of a decoder such as nap:3:inside=ar; "" = none."""
    method, budget, settings = (decoder + "::").split(":")[:3]
    return method, budget, settings


def flags(rights: Iterable[bool]) -> str:
    """One sign for each answer, 1 = right."""
    return "".join("01"[right] for right in rights)


def signs(flagged: str) -> np.ndarray:
    """[answers]: 1 where `flags` had one that is right."""
    return np.array([int(sign) for sign in flagged])


def accuracy(cell: Mapping[str, Any]) -> str:
    """What was scored in %, for example `97.2 (95.4-98.3)`."""
    low, high = cell["interval95"]
    return f"{100 * cell['accuracy']:.1f} ({100 * low:.1f}-{100 * high:.1f})"
