"""What each decoding method says of itself, read from its source without importing torch."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from .. import methods
from ..registry import Folder

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
FRAME = ("Budget", "Decoder", "PlaitError")  # what methods make that is no part
BESIDE = re.compile(r"\b(Causal|Drafter)\b")  # types of options that are another model


@dataclass(frozen=True)
class Setting:
    """One option of a method: its type and default as a user would type them."""

    name: str
    type: str
    default: str


@dataclass(frozen=True)
class Entry:
    """A method: its file's docstring, its function's docstring and its signature."""

    name: str
    origin: str  # docstring of the file
    what: str  # docstring of the function, without the two that follow
    needs: str  # of the model or the canvas, beyond logits; "" = nothing
    exact: str  # when it draws from the model's law, or loses nothing; "" = approximate
    parts: list[str]  # what it is made of, besides the plain parts
    arxiv: str  # id of the paper it follows; "" if none is named
    budget: bool  # does it take --tokens-per-round and --rounds?
    aux: bool  # does it take --aux?
    settings: list[Setting]

    @property
    def line(self) -> str:
        """The first line of what it does."""
        return self.what.splitlines()[0]


def entries(folder: Folder = methods.FOLDER) -> list[Entry]:
    """Return all methods by name, or what else is in a folder of functions."""
    return [entry(name, folder) for name in folder.names()]


def entry(name: str, folder: Folder = methods.FOLDER) -> Entry:
    """Return what the method `name` says of itself."""
    module = ast.parse(folder.source(name))
    (function,) = (f for f in module.body if isinstance(f, ast.FunctionDef) and f.name == name)
    origin = ast.get_docstring(module) or ""
    what, needs, exact = _told(ast.get_docstring(function) or origin or name)
    found = ARXIV.search(origin) or ARXIV.search(what)
    aliases = {n.targets[0].id: n.value for n in module.body if _names_a_type(n)}
    settings = _settings(function.args, aliases)
    return Entry(
        name=name,
        origin=origin,
        what=what,
        needs=needs,
        exact=exact,
        parts=_parts(function),
        arxiv=found[1] if found else "",
        budget=any(s.name == "budget" for s in settings),
        aux=any(BESIDE.search(s.type) for s in settings),
        settings=[s for s in settings if s.name != "budget" and not BESIDE.search(s.type)],
    )


def _told(text: str) -> tuple[str, str, str]:
    """A docstring without its lines "Needs: ..." and "Exact: ...", and what these say."""
    said = {"Needs": "", "Exact": ""}
    kept = []
    for line in text.splitlines():
        name, colon, rest = line.partition(": ")
        if colon and name in said:
            said[name] = rest.rstrip(".")
        else:
            kept.append(line)
    return "\n".join(kept).strip(), said["Needs"], said["Exact"]


def _parts(function: ast.FunctionDef) -> list[str]:
    """The classes that the function makes objects of, in the order of the text."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    named = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    made = [name for name in named if name[0].isupper() and name not in FRAME]
    return list(dict.fromkeys(made))


def _names_a_type(node: ast.stmt) -> TypeGuard[Any]:
    """Is it a line as `Rule = Literal[...]`?"""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)


def _settings(arguments: ast.arguments, aliases: Mapping[str, ast.expr]) -> list[Setting]:
    named = [*arguments.args, *arguments.kwonlyargs]
    missing = len(arguments.args) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults, *arguments.kw_defaults]
    return [
        Setting(argument.arg, _spelt(_meant(argument.annotation, aliases)), _spelt(default))
        for argument, default in zip(named, defaults, strict=True)
    ]


def _meant(node: ast.expr | None, aliases: Mapping[str, ast.expr]) -> ast.expr | None:
    return aliases.get(node.id, node) if isinstance(node, ast.Name) else node


def _spelt(node: ast.expr | None) -> str:
    """A type or a default as a user would type it: Literal['a', 'b'] is a | b, 'a' is a."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        return " | ".join(_spelt(choice) for choice in node.slice.elts)
    return ast.unparse(node)
