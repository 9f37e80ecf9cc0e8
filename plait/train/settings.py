"""Fields of a recipe, changed by texts such as "objective.weight=cart"."""

import ast
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import PlaitError, unknown


def read(settings: list[str] | None) -> dict[str, str]:
    """Texts "field=value" as a map."""
    changes: dict[str, str] = {}
    for setting in settings or []:
        path, equals, text = setting.partition("=")
        if not equals:
            raise PlaitError(f"'{setting}' is not of the form field=value")
        changes[path] = text
    return changes


def change(part: Any, texts: Mapping[str, str]) -> Any:
    """A copy of the dataclass `part` with fields, named like "model.layers", read from texts.

    All change together, since some values only fit each other. A part that lies in a folder, such
    as objective.weight, is set by its name, and then by its fields.
    """
    known = [f.name for f in fields(part)]
    inner: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        name, _, rest = path.partition(".")
        inner.setdefault(name, {})[rest] = text
    new = {}
    for name, changes in inner.items():
        if name not in known:
            raise unknown("setting", name, known)
        old = getattr(part, name)
        if "" in changes and hasattr(type(old), "folder"):
            old = type(old).folder.load(changes.pop(""))
        elif is_dataclass(old) == ("" in changes):
            raise PlaitError(f"setting '{name}' {'has' if '' in changes else 'has no'} fields")
        hint = get_type_hints(type(part))[name]
        new[name] = _value(name, old, changes[""], hint) if "" in changes else change(old, changes)
    return replace(part, **new)


def _value(name: str, old: Any, text: str, hint: Any) -> Any:
    """`text` read as a value of the type of `old`, and one of its choices where `hint` has some."""
    if get_origin(hint) is Literal and text not in get_args(hint):
        raise unknown(name, text, get_args(hint))
    if isinstance(old, str | Path):
        return type(old)(text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(old, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(old):
        raise PlaitError(
            f"setting '{name}' has the type {type(old).__name__}, which '{text}' is not of"
        )
    return value


def plain(part: Any) -> Any:
    """A recipe or a part of it as plain values for JSON; parts of folders with their names."""
    if is_dataclass(part) and not isinstance(part, type):
        values = {f.name: plain(getattr(part, f.name)) for f in fields(part)}
        return (
            {"kind": type(part).__module__.rpartition(".")[2], **values} if named(part) else values
        )
    if isinstance(part, Mapping):
        return {key: plain(value) for key, value in part.items()}
    if isinstance(part, tuple | list):
        return [plain(value) for value in part]
    return str(part) if isinstance(part, Path) else part


def named(part: Any) -> bool:
    """Say whether a part was found by its name in a folder."""
    return hasattr(type(part), "folder")
