"""Laws, circuits and programs by name: every public function of their files is a name."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import PlaitError, unknown
from . import builders, constructions, library, netlist
from .circuits import Circuit
from .laws import FiniteLaw
from .programs import Program

SHELVES: dict[str, tuple[ModuleType, type]] = {
    "law": (library, FiniteLaw),
    "circuit": (builders, Circuit),
    "program": (constructions, Program),
}


def names(kind: str) -> list[str]:
    """The names on a shelf: those of functions that return what it holds, written with "-"."""
    module, result = SHELVES[kind]
    functions = inspect.getmembers(module, inspect.isfunction)
    return sorted(
        name.replace("_", "-")
        for name, f in functions
        if f.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(f).return_annotation is result
        and "n" in inspect.signature(f).parameters
        and "name" not in inspect.signature(f).parameters
    )


def function(kind: str, name: str) -> Callable[..., Any]:
    """The function behind a name; "-" and "_" are the same."""
    shown = name.replace("_", "-")
    if shown not in names(kind):
        raise unknown(kind, name, names(kind))
    found: Callable[..., Any] = getattr(SHELVES[kind][0], shown.replace("-", "_"))
    return found


def build(kind: str, name: str, **settings: Any) -> Any:
    """What a name stands for; settings that are None keep their defaults."""
    build = function(kind, name)
    known = inspect.signature(build).parameters
    given = {key: value for key, value in settings.items() if value is not None}
    for key in given:
        if key not in known:
            raise unknown(f"option of {kind} '{name}'", key, known)
    return build(**given)


def size(kind: str, name: str, n: int | None) -> int:
    """The size that is meant: `n`, or the default of the name."""
    default: int = inspect.signature(function(kind, name)).parameters["n"].default
    return default if n is None else n


def is_program(name: str) -> bool:
    """Whether `run` should run a named program; PlaitError if `name` is nothing it can run."""
    shown, programs = name.replace("_", "-"), names("program")
    runnable = [*programs, *names("circuit")]
    if shown not in runnable and not _is_path(name):
        raise unknown("circuit or program", name, runnable)
    return shown in programs


def _is_path(name: str) -> bool:
    return bool(Path(name).suffix) or Path(name).is_file()


def circuit(name: str, n: int | None, inputs: str | None) -> Circuit:
    """The circuit of a name, or of a text file where `name` is a path."""
    if _is_path(name):
        if n is not None:
            raise PlaitError(f"--n sets the size of a named circuit; '{name}' is a file")
        found = netlist.read(Path(name).read_text(encoding="utf-8"))
    else:
        found = build("circuit", name, n=n)
    return found.fix(inputs) if inputs is not None else found
