"""Show answers as they come: as JSON, as plain lines, or filling in on a terminal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..files import as_json
from ._say import say
from ._session import Session

if TYPE_CHECKING:
    from rich.console import Console

    from ..generate import Answer


def as_records(session: Session, prompts: Sequence[str]) -> "Iterator[Answer]":
    """Print one JSON object per answer and nothing else."""
    for answer in session.answers(prompts):
        print(as_json(answer.record()), flush=True)
        yield answer


def as_text(
    session: Session, prompts: Sequence[str], live: bool | None = None
) -> "Iterator[Answer]":
    """Draw the answers on a terminal and print plain lines elsewhere.

    `live` = None watches the decode on a terminal only.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if console.is_terminal:
        return _pictures(session, prompts, console, live is not False)
    return _lines(session, prompts, live is True)


def _lines(session: Session, prompts: Sequence[str], live: bool) -> "Iterator[Answer]":
    from ..view.answer import plain
    from ..view.live import lines

    for answer in session.answers(prompts, watch=lines(say) if live else None):
        print(plain(answer), end="\n\n", flush=True)
        yield answer


def _pictures(
    session: Session, prompts: Sequence[str], console: "Console", live: bool
) -> "Iterator[Answer]":
    from ..view.answer import numbers
    from ..view.drawing import Drawing
    from ..view.live import Live
    from ..view.picture import picture_of, printable

    codec = session.model.codec
    with Live(session.layout, codec, prompts, console) as view:
        for answer in session.answers(prompts, watch=view if live else None):
            view.clear()
            picture, heading = picture_of(answer.trace), printable(answer.prompt)
            console.print(Drawing(picture, session.layout, codec, heading, numbers(answer)), "")
            yield answer
