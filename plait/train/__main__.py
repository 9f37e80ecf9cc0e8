"""Command line of training: `python -m plait.train plait_tiny --minutes 9.5 --out DIR`."""

import time

STARTED = time.monotonic()  # before the slow imports, which count towards --minutes

from pathlib import Path  # noqa: E402
from typing import Annotated  # noqa: E402

import typer  # noqa: E402

from ..errors import PlaitError  # noqa: E402
from .callbacks import line  # noqa: E402
from .canvas_data import excluded  # noqa: E402
from .recipes import load  # noqa: E402
from .run import train  # noqa: E402


def main(
    recipe: Annotated[str, typer.Argument(help="name of a function in plait/train/recipes.py")],
    out: Annotated[Path, typer.Option(help="folder for the trained model")],
    minutes: Annotated[float, typer.Option(help="time limit, imports included; 0 = none")] = 0,
    exclude: Annotated[
        list[str] | None, typer.Option(help="TASK=FILE with problems never to train on")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="a field of the recipe: model.layers=9")
    ] = None,
    logs: Annotated[Path | None, typer.Option(help="folder for TensorBoard")] = None,
) -> None:
    """Train a model by a recipe and save it as a folder that plait can load."""
    try:
        settings = [*(set_ or []), *([f"minutes={minutes}"] if minutes else [])]
        chosen, keys = load(recipe, settings), excluded(exclude or [])
        train(chosen, out, keys, logs, STARTED, lambda row: print(line(row), flush=True))
    except PlaitError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


typer.run(main)
