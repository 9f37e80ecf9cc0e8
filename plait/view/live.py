"""Watch a decode: streams that fill in on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live as Screen
from rich.text import Text

from ..decode import Round
from ..layout import Codec, Layout
from .drawing import Drawing
from .picture import Picture, printable

FRAME_TIME = 1 / 20  # seconds; drawing every round would slow short decodes down
STRIDE = 10  # rounds from line to line


class Live:
    """Draws a row while it is decoded, then one that begins: `generate(watch=...)`.

    In batches that is the first row of each. Use it in a `with`; what it drew vanishes at the end
    of it.
    """

    def __init__(
        self, layout: Layout, codec: Codec, prompts: Sequence[str], console: Console
    ) -> None:
        """Draw canvases of `layout`, whose row keys count `prompts`, on `console`."""
        self._layout, self._codec, self._prompts = layout, codec, prompts
        self._console = console
        self._screen = Screen(console=console, auto_refresh=False, transient=True)
        self._picture: Picture | None = None
        self._number = -1  # of the row that is drawn
        self._drawn = 0.0

    def __enter__(self) -> "Live":
        self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.clear()
        self._screen.stop()

    def __call__(self, done: Round, rows: list[int]) -> None:
        """Take in a round; draw it unless the last drawing is too recent."""
        rounds = dict(zip(rows, done.view.round.tolist(), strict=True))
        begun = [number for number, round in rounds.items() if round == 0]
        if rounds.get(self._number, 0) == 0:
            if not begun:
                return
            self._number = begun[0]
        row = rows.index(self._number)
        if self._picture is None or self._number in begun:
            canvas = done.view.canvas
            region, tokens = canvas.region[row].cpu().numpy(), canvas.tokens[row].cpu().numpy()
            self._picture = Picture.blank(region, tokens, frozenset((canvas.eos_id, *canvas.stops)))
        self._picture.add(done, row)
        if time.monotonic() - self._drawn > FRAME_TIME:
            self._drawn = time.monotonic()
            self._screen.update(self._drawing(int(done.canvas.key[row]), len(rows)), refresh=True)

    def clear(self) -> None:
        """Take away what is drawn, before something else is printed."""
        self._screen.update(Text(""), refresh=True)

    def _drawing(self, key: int, rows: int) -> Drawing:
        assert self._picture is not None
        rounds, commits = self._picture.rounds, self._picture.committed
        status = f"round {rounds}, {commits} commits, {commits / rounds:.1f} per round"
        return Drawing(
            self._picture,
            self._layout,
            self._codec,
            heading=printable(self._prompts[key]),
            status=status if rows == 1 else f"{status}; {rows - 1} more prompts beside it",
            height=self._console.height,
        )


def lines(write: Callable[[str], None]) -> Callable[[Round, list[int]], None]:
    """A watch that writes one line every ten rounds."""

    def watch(done: Round, _: list[int]) -> None:
        number = int(done.view.round[0]) + 1
        if number % STRIDE == 0 or len(done.canvas.masked.nonzero()) == 0:
            left, free = int(done.canvas.masked.sum()), int((~done.canvas.given).sum())
            write(f"round {number}: {free - left} of {free} positions written")

    return watch
