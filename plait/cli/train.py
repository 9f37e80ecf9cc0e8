"""`plait train`: train a model by a recipe, or go on with a run that was stopped."""

import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ..errors import PlaitError, missing
from . import _options as o
from ._progress import Steps
from ._say import INTERRUPTED, say

if TYPE_CHECKING:
    from ..train.recipe import Recipe


def train(
    recipe: Annotated[
        str | None, Argument(help="A name, or FILE.py:FUNCTION. None: list the names.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="FIELD=VALUE", help="rows.file=paths.jsonl; may be repeated."),
    ] = None,
    out: Annotated[Path | None, Option(help="Folder of the model. Default: runs/RECIPE.")] = None,
    minutes: Annotated[float | None, Option(min=0, help="Time limit; 0 = none.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint.")] = False,
    step: Annotated[
        int | None, Option(help="With --resume: from the checkpoint of a step.")
    ] = None,
    exclude: Annotated[
        list[str] | None, Option(help="TASK=FILE with problems never to train on.")
    ] = None,
    logs: Annotated[
        bool, Option("--logs/--no-logs", help="Write for TensorBoard, if it is installed.")
    ] = True,
    show: Annotated[bool, Option("--show", help="Print the recipe as JSON, and stop.")] = False,
    as_json: o.Json = False,
) -> int:
    """Train a model by a recipe, on any number of GPUs."""
    started = time.monotonic()
    _needs_trainer()
    from ..train.recipes import RECIPES, load
    from ..train.settings import plain

    if recipe is None:
        for name, make in RECIPES.items():
            print(f"{name:<17}{(make.__doc__ or '').splitlines()[0]}")
        return 0
    chosen = load(recipe, [*(settings or []), *([] if minutes is None else [f"minutes={minutes}"])])
    if show:
        print(json.dumps(plain(chosen), indent=1))
        return 0
    folder = out or Path("runs") / recipe.rpartition(":")[2]
    return _run(chosen, folder, started, resume, step, exclude or [], logs, as_json)


def _run(
    recipe: "Recipe",
    folder: Path,
    started: float,
    resume: bool,
    step: int | None,
    exclude: list[str],
    logs: bool,
    as_json: bool,
) -> int:
    """Train, and tell what came out."""
    from ..train import run
    from ..train.callbacks import line
    from ..train.canvas_data import excluded

    _hush()  # transformers sets its level when it is imported
    if step is not None and not resume:
        raise PlaitError("--step goes with --resume: it names the checkpoint to go on from")
    first = os.environ.get("RANK", "0") == "0"  # torchrun's; other ranks find the first one's files
    if folder.exists() and not folder.is_dir():
        raise PlaitError(f"'{folder}' is a file; name a folder for the model")
    if folder.exists() and any(folder.iterdir()) and first and not resume:
        raise PlaitError(f"{folder} holds something: give --resume to go on, or another --out")
    before = run.checkpoint(folder, step) if resume else None
    board = folder / "logs" if logs and run.boards() else None
    with Steps(recipe.steps, recipe.minutes > 0) as steps:

        def watch(row: dict[str, float]) -> None:
            steps(row["share"], line(row))

        found = run.train(recipe, folder, excluded(exclude), board, started, watch, before)
    if not first:
        return 0
    if found.stopped:
        say(f"stopped after step {found.steps}; give --resume to go on from there")
        return INTERRUPTED
    _tell(found, as_json)
    return 0


def _tell(found: Any, as_json: bool) -> None:
    last = found.rows[-1] if found.rows else {}
    told = {"model": str(found.folder), "steps": found.steps, "data": found.data, **last}
    if as_json:
        print(json.dumps(told))
        return
    loss = f", loss {last['loss']:.4f} nats" if last else ""
    print(f"{found.folder}: {found.steps} steps{loss}. {found.data}.")


def _needs_trainer() -> None:
    """Raise PlaitError where training is not installed."""
    from importlib.util import find_spec

    _hush()
    for name in ("transformers", "accelerate"):
        if find_spec(name) is None:
            raise missing("training", name, "train")


def _hush() -> None:
    """Keep libraries from telling a user what is no news: parts that training does not use."""
    for chatty in ("torchao", "torch.utils._pytree", "transformers"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
