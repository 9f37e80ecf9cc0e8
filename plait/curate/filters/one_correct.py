"""A record has a right path."""

from . import Together


def one_correct() -> Together:
    """Keep records in which at least one path reaches the right answer."""
    return Together(lambda paths: any(path.correct for path in paths))
