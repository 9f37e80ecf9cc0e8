"""What no sampler can beat. One file per bound; the folder is the registry.

The file `name.py` holds the function `name(n)`: the bound's table up to size n, as plain records.
"""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import unknown


def names() -> list[str]:
    """The names of all bounds."""
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


def table(name: str, n: int | None = None) -> list[dict[str, Any]]:
    """The rows of one bound, by default up to the size that its function names."""
    if name not in names():
        spelt = (known.replace("_", "-") for known in names())  # as `plait theory bounds` does
        raise unknown("bound", name.replace("_", "-"), spelt)
    build = getattr(import_module(f"{__name__}.{name}"), name)
    rows: list[dict[str, Any]] = build() if n is None else build(n)
    return rows


def line(name: str) -> str:
    """What the bound says, in one line."""
    build = getattr(import_module(f"{__name__}.{name}"), name)
    return (inspect.getdoc(build) or name).splitlines()[0]
