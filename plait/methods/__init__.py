"""One file per published decoding method; the folder is the registry."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PlaitError, unknown

if TYPE_CHECKING:
    from ..decode import Decoder


def names() -> list[str]:
    """Return the names of all methods."""
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


def function(name: str) -> Any:
    """Return the function that builds the method `name`: `plait.methods.<name>.<name>`."""
    if name not in names():
        raise unknown("method", name, names())
    return getattr(import_module(f"{__name__}.{name}"), name)


def load(name: str, **settings: Any) -> "Decoder":
    """Return the decoder of a method: `load("llada", block=16)`.

    Raises PlaitError for a method or a setting that does not exist.
    """
    build = function(name)
    known = inspect.signature(build).parameters
    for setting in settings:
        if setting not in known:
            raise unknown(f"option of method '{name}'", setting, known)
    for setting, option in known.items():
        if option.default is option.empty and setting not in settings:
            raise PlaitError(
                f"method '{name}' needs a model as its option '{setting}'; "
                f"build it in Python with plait.methods.load('{name}', {setting}=...)"
            )
    try:
        return build(**settings)
    except TypeError as error:
        raise PlaitError(f"method '{name}': {error}") from error
