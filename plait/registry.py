"""A folder of files that each hold a function of their own name: the list of what can be made."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import PlaitError, unknown


@dataclass(frozen=True)
class Folder:
    """The functions `<package>.<name>.<name>` of a package, which make things of one kind."""

    kind: str
    package: str
    path: str  # of its __init__.py

    def names(self) -> list[str]:
        """Return the names of all of them."""
        return sorted(p.stem for p in Path(self.path).parent.glob("[a-z]*.py"))

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function that makes `name`; PlaitError if there is none."""
        if name not in self.names():
            raise unknown(self.kind, name, self.names())
        made: Callable[..., Any] = getattr(import_module(f"{self.package}.{name}"), name)
        return made

    def source(self, name: str) -> str:
        """Return the text of the file of `name`; PlaitError if there is none."""
        if name not in self.names():
            raise unknown(self.kind, name, self.names())
        return Path(self.path).with_name(f"{name}.py").read_text(encoding="utf-8")

    def load(self, name: str, **settings: Any) -> Any:
        """Return what the function `name` makes of some settings.

        Raises PlaitError for a name or a setting that does not exist.
        """
        build = self.function(name)
        known = inspect.signature(build).parameters
        for setting in settings:
            if setting not in known:
                raise unknown(f"option of {self.kind} '{name}'", setting, known)
        for setting, option in known.items():
            if option.default is option.empty and setting not in settings:
                raise PlaitError(
                    f"{self.kind} '{name}' needs a model beside: name one with --aux, or in Python "
                    f"with aux= or as its option '{setting}'"
                )
        try:
            return build(**settings)
        except TypeError as error:
            raise PlaitError(f"{self.kind} '{name}': {error}") from error
