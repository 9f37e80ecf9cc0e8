"""How far a long run is: a bar on a terminal, and elsewhere a line now and then."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ._say import say

QUIET = 30.0  # seconds between signs of life where there is no terminal

T = TypeVar("T")


def watched(done: Iterable[T], total: int, what: str = "answering") -> Iterator[T]:
    """Pass `total` things on as they are done, and tell on stderr how far they are."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeLeft(), "left")
    start = told = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for count, one in enumerate(done, 1):
            yield one
            progress.advance(task)
            now = time.monotonic()
            if not console.is_terminal and now - told > QUIET:
                told = now
                say(f"{count} of {total}, {span((now - start) / count * (total - count))} left")


def span(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
