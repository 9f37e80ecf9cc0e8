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


class Steps:
    """A bar for a run that tells by itself how much of it is over, and its lines above the bar."""

    def __init__(self, total: int, timed: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeft

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        what = "training" if timed else f"training, {total} steps"
        columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeLeft(), "left")
        shown = self._console.is_terminal
        self._progress = Progress(*columns, console=self._console, disable=not shown)
        self._task = self._progress.add_task("", total=1.0)

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, share: float, line: str) -> None:
        """Show that this share of the run is over."""
        self._console.print(line, markup=False)
        self._progress.update(self._task, completed=share)


def span(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
