"""A path fits its slot."""

from math import inf

from ...errors import PlaitError
from . import Each
from . import Length as Count


def length(slot: float, length: Count) -> Each:
    """Keep paths that fit a slot of so many positions with an end; no path is ever cut."""
    if not slot > 1 or slot == inf:
        raise PlaitError(f"filter 'length' takes positions of a slot, 2 or more, not {slot:g}")
    return Each(lambda path: length(path.text) < slot)
