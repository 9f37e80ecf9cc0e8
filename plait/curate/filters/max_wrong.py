"""A record has not too many wrong paths."""

from . import Together, share


def max_wrong(most: float) -> Together:
    """Keep records of whose paths at most this share, from 0 to 1, is wrong."""
    share("max_wrong", most)
    return Together(lambda paths: sum(not p.correct for p in paths) <= most * len(paths) + 1e-9)
