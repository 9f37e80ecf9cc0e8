"""What a reader needs to repeat an evaluation: versions, hashes, the command, the machine."""

import functools
import hashlib
import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..models import hub
from .benchmark import Item

HASHED = ("*.safetensors", "*.gguf", "*.json", "*.jinja")


def fingerprint(name: str) -> str:
    """SHA-256 over the files of a model or adapter: weights, config, tokenizer."""
    place = hub.find(name)
    files = [place] if place.is_file() else sorted(f for k in HASHED for f in place.glob(k))
    return _digest(files, place if place.is_dir() else place.parent)


@functools.cache
def source() -> str:
    """SHA-256 over the code of plait that is running."""
    root = Path(__file__).parents[1]
    return _digest(sorted(root.rglob("*.py")), root)


def data(items: Iterable[Item]) -> str:
    """SHA-256 over what is asked, and what counts as correct."""
    return written((item.task, item.id, item.prompt, item.gold) for item in items)


def written(values: Iterable[object]) -> str:
    """SHA-256 over values as Python writes them."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(repr(value).encode())
    return digest.hexdigest()


def of_run(items: Iterable[Item]) -> dict[str, Any]:
    """The command, versions and machine of this start."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "plait": __version__,
        "code": source(),
        "data": data(items),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }


def _digest(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(root)} {own}\n".encode())
    return digest.hexdigest()
