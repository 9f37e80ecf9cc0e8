"""Draw a picture: one panel per segment, each token on the colour of its round."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..layout import Codec, Layout
from .colours import VIRIDIS
from .picture import END, MASK, MASKED, Picture, Piece

SHADES = [Style(color="#ffffff" if i < 5 else "#000000", bgcolor=c) for i, c in enumerate(VIRIDIS)]
WIDE, NARROWEST = 100, 26  # columns: of a terminal, and of a stream, to stand side by side
FRAME = 4  # columns of a panel that are border and padding
HEADING = 3  # lines of a heading, where lines are scarce
EDGES = 2  # lines of a panel that are border


@dataclass(frozen=True)
class Drawing:
    """A picture as something that rich can print, as wide as the terminal."""

    picture: Picture
    layout: Layout
    codec: Codec
    heading: str
    status: str
    height: int | None = None  # lines it may take; None = as many as it needs

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Heading, streams side by side if there is room, the answer below, then the status."""
        *streams, _ = self.layout.segments
        width, last = options.max_width, len(streams)
        beside = bool(streams) and width >= WIDE and width // len(streams) >= NARROWEST
        stories = 2 if beside else last + 1
        heading = list(Text(self.heading, style="bold").wrap(console, width))
        status = Text(self.status, style="dim").wrap(console, width)
        room = None
        if self.height:
            heading = heading[:HEADING]
            room = (self.height - 1 - len(heading) - len(status)) // stories - EDGES
        each = width // last if beside else width
        yield from heading
        texts = [self._lines(k, each - FRAME, room) for k in range(last)]
        if beside:
            grid = Table.grid(expand=True)
            tallest = max(len(lines) for lines in texts)
            for _ in streams:
                grid.add_column(ratio=1)
            grid.add_row(*(self._panel(k, lines, tallest) for k, lines in enumerate(texts)))
            yield grid
        else:
            yield from (self._panel(k, lines) for k, lines in enumerate(texts))
        yield self._panel(last, self._lines(last, width - FRAME, room), legend=legend(console))
        yield from status

    def _panel(
        self, region: int, lines: list[Text], height: int = 1, legend: Text | None = None
    ) -> RenderableType:
        name = Text(self.layout.segments[region].name, style="bold")
        tall = max(height, len(lines), 1) + EDGES
        body = Text("\n").join(lines)
        return Panel(
            body,
            title=name,
            title_align="left",
            subtitle=legend,
            subtitle_align="right",
            border_style="dim",
            height=tall,
        )

    def _lines(self, region: int, width: int, room: int | None) -> list[Text]:
        pieces = self.picture.pieces(region, self.codec)
        return newest(fold(pieces, self.picture.rounds, width), room)


def legend(console: Console) -> Text:
    """What the signs mean, and the colours if there are any."""
    text = Text(f"{MASK} open  {END} end")
    if console.no_color or console.color_system is None:
        return text
    text.append("  oldest ")
    for colour in SHADES:
        text.append(" ", style=colour)
    return text.append(" newest")


def shade(born: int, rounds: int) -> Style:
    """The colour of a token of round `born`, after `rounds` rounds: the newest is lightest."""
    if born == MASKED:
        return Style(dim=True)
    return SHADES[min(len(SHADES) - 1, born * len(SHADES) // max(rounds, 1))]


def fold(pieces: list[Piece], rounds: int, width: int) -> list[Text]:
    """Lines of at most `width` columns; they break between tokens, so little moves when one comes.

    A single token that is wider than a line is cut.
    """
    lines, used = [Text(no_wrap=True)], 0
    for text, born in pieces:
        if used + cell_len(text) > width:
            lines, used = [*lines, Text(no_wrap=True)], 0
        lines[-1].append(text, style=shade(born, rounds))
        used += cell_len(text)
    for line in lines:
        line.truncate(max(width, 1), overflow="ellipsis")
    return lines


def newest(lines: list[Text], room: int | None) -> list[Text]:
    """As many lines as there is room for, those with writing first."""
    if room is None or len(lines) <= max(room, 1):
        return lines
    room = max(room, 1)
    written = [i for i, line in enumerate(lines) if line.plain.strip(MASK)]
    end = max(room, written[-1] + 1 if written else 0)
    return lines[end - room : end]
