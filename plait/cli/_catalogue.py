"""What each decoding method says of itself, read from its source without importing torch."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from .. import methods
from ..errors import unknown

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


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
    what: str  # docstring of the function
    arxiv: str  # id of the paper it follows; "" if none is named
    budget: bool  # does it take --tokens-per-round and --rounds?
    settings: list[Setting]

    @property
    def line(self) -> str:
        """The first line of what it does."""
        return self.what.splitlines()[0]


def entries() -> list[Entry]:
    """Return all methods by name."""
    return [entry(name) for name in methods.names()]


def entry(name: str) -> Entry:
    """Return what the method `name` says of itself."""
    if name not in methods.names():
        raise unknown("method", name, methods.names())
    source = Path(methods.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    module = ast.parse(source)
    (function,) = (f for f in module.body if isinstance(f, ast.FunctionDef) and f.name == name)
    origin = ast.get_docstring(module) or ""
    what = ast.get_docstring(function) or origin or name
    found = ARXIV.search(origin) or ARXIV.search(what)
    settings = _settings(function.args)
    return Entry(
        name=name,
        origin=origin,
        what=what,
        arxiv=found[1] if found else "",
        budget=any(s.name == "budget" for s in settings),
        settings=[s for s in settings if s.name != "budget"],
    )


def _settings(arguments: ast.arguments) -> list[Setting]:
    named = [*arguments.args, *arguments.kwonlyargs]
    missing = len(arguments.args) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults, *arguments.kw_defaults]
    return [
        Setting(argument.arg, _spelt(argument.annotation), _spelt(default))
        for argument, default in zip(named, defaults, strict=True)
    ]


def _spelt(node: ast.expr | None) -> str:
    """A type or a default as a user would type it: Literal['a', 'b'] is a | b, 'a' is a."""
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        return " | ".join(_spelt(choice) for choice in node.slice.elts)
    return ast.unparse(node)
