"""Where a model lies: in the box, in a folder, in a GGUF file, or on the Hugging Face hub."""

import re
from pathlib import Path
from typing import Literal

from ..errors import PlaitError, unknown
from . import box

FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]  # no pickles, no code
Kind = Literal["model", "adapter"]


def find(name: str, files: list[str] = FILES, kind: Kind = "model") -> Path:
    """The folder or GGUF file that `name` means; a hub id is downloaded unless it is cached."""
    path = Path(name)
    if path.is_dir() or (path.suffix == ".gguf" and path.is_file()):
        return path
    if (box.HERE / name / box.MODEL).is_file():
        return box.HERE / name
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) and path.suffix != ".gguf":
        return _download(name, files, kind)
    if path.suffix == ".gguf":
        raise PlaitError(f"there is no file '{name}'")
    if kind == "adapter" or "/" in name or "." in name:
        config = "config.json" if kind == "model" else "adapter_config.json"
        raise PlaitError(f"there is no {kind} folder '{name}'; give a folder with {config}")
    raise PlaitError(f"{unknown('model', name, box.names())}, and there is no such folder")


def _download(name: str, files: list[str], kind: Kind) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    except ImportError:
        raise PlaitError(
            f"there is no {kind} folder '{name}', and huggingface_hub, which could fetch it, "
            "is not installed"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=files, etag_timeout=10))
    except GatedRepoError:
        raise PlaitError(
            f"'{name}' is gated: accept its terms on the hub and log in with 'hf auth login'"
        ) from None
    except RepositoryNotFoundError:
        raise PlaitError(
            f"there is no {kind} folder '{name}', nor such a {kind} on the hub"
        ) from None
    except (HfHubHTTPError, OSError, ValueError):  # the hub's names for being offline vary
        raise PlaitError(
            f"there is no {kind} folder '{name}', the hub cannot be reached, and its cache does "
            f"not hold that {kind}; go online once, or give a folder"
        ) from None
