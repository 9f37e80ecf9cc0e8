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
    """The rows of one bound, by default up to the size that its function names.

    A name may be spelt with dashes too, as `plait theory bounds` does.
    """
    stem = name.replace("-", "_")
    if stem not in names():
        raise unknown("bound", name, (known.replace("_", "-") for known in names()))
    build = getattr(import_module(f"{__name__}.{stem}"), stem)
    rows: list[dict[str, Any]] = build() if n is None else build(n)
    return rows


def line(name: str) -> str:
    """What the bound says, in one line."""
    build = getattr(import_module(f"{__name__}.{name}"), name)
    return (inspect.getdoc(build) or name).splitlines()[0]
