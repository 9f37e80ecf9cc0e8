"""The filters: one file each, and the folder is the list of them.

`name=value` gives the one number of a filter: `load("max_wrong=0.5")`.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import PlaitError
from ...registry import Folder
from ..sample import Drawn

Length = Callable[[str], int]  # tokens of a text
_FOLDER = Folder("filter", __name__, __file__)


@dataclass(frozen=True)
class Each:
    """A filter that looks at one path at a time."""

    keeps: Callable[[Drawn], bool]


@dataclass(frozen=True)
class Together:
    """A filter that looks at the paths of one record."""

    keeps: Callable[[Sequence[Drawn]], bool]


Filter = Each | Together


def names() -> list[str]:
    """List the filters by name."""
    return _FOLDER.names()


def load(text: str, length: Length) -> Filter:
    """Make a filter of `name` or `name=value`; PlaitError for what is none.

    `length` counts tokens, for the filters that ask for it.
    """
    name, given, value = text.partition("=")
    known = inspect.signature(_FOLDER.function(name)).parameters
    settings: dict[str, object] = {"length": length} if "length" in known else {}
    numbers = [key for key in known if key != "length"]
    if given and not numbers:
        raise PlaitError(f"filter '{name}' takes no number; leave out ={value}")
    if given:
        try:
            settings[numbers[0]] = float(value)
        except ValueError:
            raise PlaitError(f"filter '{name}': '{value}' is no number") from None
    elif numbers and known[numbers[0]].default is inspect.Parameter.empty:
        raise PlaitError(f"filter '{name}' needs its {numbers[0]}: write {name}=NUMBER")
    made: Filter = _FOLDER.load(name, **settings)
    return made


def share(name: str, value: float) -> float:
    """The value if it lies in 0..1; PlaitError if not."""
    if not 0 <= value <= 1:
        raise PlaitError(f"filter '{name}' takes a share from 0 to 1, not {value:g}")
    return value
