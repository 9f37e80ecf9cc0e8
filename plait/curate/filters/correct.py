"""Right paths only."""

from . import Each


def correct() -> Each:
    """Keep the paths that reach the right answer."""
    return Each(lambda path: bool(path.correct))
