"""Where a model lies: in the box, in a folder, in a GGUF file, or on the Hugging Face hub."""

import re
from pathlib import Path

from ..errors import PlaitError, unknown
from . import box

FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]  # no pickles, no code


def find(name: str, files: list[str] = FILES) -> Path:
    """The folder or GGUF file that `name` means; a hub id is downloaded unless it is cached."""
    path = Path(name)
    if path.is_dir() or (path.suffix == ".gguf" and path.is_file()):
        return path
    if (box.HERE / name / box.MODEL).is_file():
        return box.HERE / name
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) and path.suffix != ".gguf":
        return _download(name, files)
    if path.suffix == ".gguf":
        raise PlaitError(f"there is no file '{name}'")
    if "/" in name or "." in name:
        raise PlaitError(f"there is no model folder '{name}'; give a folder with a config.json")
    raise unknown("model", name, box.names())


def _download(name: str, files: list[str]) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    except ImportError:
        raise PlaitError(
            f"there is no model folder '{name}', and huggingface_hub, which could fetch it, "
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
            f"there is no model folder '{name}', nor such a model on the hub"
        ) from None
    except (HfHubHTTPError, OSError, ValueError):  # the hub's names for being offline vary
        raise PlaitError(
            f"there is no model folder '{name}', the hub cannot be reached, and its cache does not "
            "hold that model; go online once, or give a folder"
        ) from None
