"""A path fits its slot."""

from . import Each
from . import Length as Count


def length(slot: float, length: Count) -> Each:
    """Keep paths that fit a slot of so many positions with an end; no path is ever cut."""
    return Each(lambda path: length(path.text) < slot)
