"""Files of weights, and what a failure leaves of them: nothing by halves, nothing in the way."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import PlaitError
from ..files import replacing


def write(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a safetensors file that is the old one until it is the new one."""
    with replacing(path) as part:
        part.touch()
        mode = part.stat().st_mode  # safetensors keeps its files from all other users
        with named(path):
            save_file(dict(weights), part, metadata={"format": "pt"})
        part.chmod(mode)


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Say in one sentence that weights cannot be written to `path`, as on a full disk.

    safetensors and torch have errors of their own for that, which do not name the file.
    """
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        why = str(error)
        if "while serializing" in why:  # safetensors
            why = why.rpartition("error: ")[2]
        elif "inline_container" in why and "Reader" not in why:  # torch, which gives no reason
            why = "the disk may be full"
        else:
            raise
        raise PlaitError(
            f"{path} cannot be written ({why}): make room, or choose another folder"
        ) from None


@contextlib.contextmanager
def undone(folder: Path, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Leave a folder that is new or empty as it is now if the work fails.

    So the same command can be given again. `unless` says that there is something worth keeping.
    """
    new = not folder.exists()
    empty = new or (folder.is_dir() and not any(folder.iterdir()))
    try:
        yield
    except BaseException:
        if empty and folder.is_dir() and not unless():
            for item in folder.iterdir():
                remove(item)
            if new:
                folder.rmdir()
        raise


def remove(item: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it."""
    if item.is_dir() and not item.is_symlink():
        shutil.rmtree(item)
    else:
        item.unlink()
