"""No filter at all: wrong paths stay, as in arXiv:2602.23225."""

from . import Each


def keep_all() -> Each:
    """Keep every path, right or wrong (arXiv:2602.23225 describes no filter)."""
    return Each(lambda _: True)
