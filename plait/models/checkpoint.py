"""A checkpoint on disk: its settings, its tensors, and how they become a transformer."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import PlaitError
from . import families
from .config import Config
from .family import Family, Part, Settings, usable
from .transformer import Transformer

WEIGHTS, CONFIG = "model.safetensors", "config.json"
NEVER = ("inv_freq", "position_ids", "sampling_eps")  # ends of names of what is no weight


@runtime_checkable
class Tensors(Protocol):
    """Named tensors that are read one at a time."""

    @property
    def where(self) -> Path:
        """The folder or file."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of all tensors."""
        ...

    def read(self, name: str, device: torch.device) -> Tensor:
        """One tensor, on `device` if it can be read to there at once."""
        ...


class Shards:
    """The tensors of a folder's safetensors files, mapped, not copied."""

    def __init__(self, folder: Path, file: str = WEIGHTS) -> None:
        self.where = folder
        self._homes: dict[str, tuple[Path, str]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for path in _files(folder, file):
            try:
                with safe_open(path, "pt") as held:
                    for own in held.keys():  # noqa: SIM118  (it is no dict)
                        # BERT's and ESM's norms have kept the names they had in TensorFlow.
                        name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", own))
                        self._homes[name] = (path, own)
                        self.shapes[name] = tuple(held.get_slice(own).get_shape())
            except SafetensorError as error:
                raise PlaitError(
                    f"{path} cannot be read ({error}); download or train it again"
                ) from None
        self._open: dict[tuple[Path, str], Any] = {}

    def read(self, name: str, device: torch.device) -> Tensor:
        """One tensor, straight onto `device`."""
        path, own = self._homes[name]
        key = (path, str(device))
        if key not in self._open:
            self._open[key] = safe_open(path, "pt", device=str(device))
        tensor: Tensor = self._open[key].get_tensor(own)
        return tensor


@dataclass(frozen=True)
class Checkpoint:
    """What was found at a place, before any weight is read."""

    settings: Settings
    name: str  # of the family
    family: Family
    config: Config
    tensors: Tensors

    @property
    def folder(self) -> Path:
        """Where tokenizer and config lie."""
        return self.settings.path.parent


def open_folder(folder: Path) -> Checkpoint:
    """Read a folder's config.json and the headers of its weights."""
    settings = read_settings(folder / CONFIG)
    name, family = families.of(settings)
    return Checkpoint(settings, name, family, shape(settings, family), Shards(folder))


def shape(settings: Settings, family: Family) -> Config:
    """The family's shape, with what `plait convert` has changed under the key "plait"."""
    config, changes = family.config(settings), settings.get("plait", {})
    return replace(config, **usable(Config, changes, settings.path))


def read_settings(path: Path) -> Settings:
    """The object of a config.json."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlaitError(f"{path} is missing; a model folder needs it") from None
    except ValueError as error:
        raise PlaitError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise PlaitError(f"{path} does not hold an object with the model's settings")
    return Settings(values, path)


def part(family: Family, ours: str) -> Part:
    """The tensors of the checkpoint that make our weight `ours`, and how."""
    numbers = re.findall(r"(?<=\.)\d+(?=\.)", ours)
    pattern = re.sub(r"(?<=\.)\d+(?=\.)", "{}", ours)
    stem, _, ending = pattern.rpartition(".")
    found, ending = family.names.get(pattern), "." + ending
    if found is not None:
        ending = ""
    elif family.names:
        found = family.names[stem]
    else:
        found, ending = pattern, ""
    if isinstance(found, str):
        return Part((found.format(*numbers) + ending,), _whole)
    return Part(tuple(name.format(*numbers) + ending for name in found.names), found.cut)


def theirs(family: Family, ours: str) -> str:
    """The one tensor of the checkpoint that our weight is as it stands; else PlaitError."""
    made = part(family, ours)
    if made.cut is not _whole:
        raise PlaitError(
            f"'{ours}' is cut out of '{made.names[0]}', so that it cannot be written back: "
            "models of this family can be run but not trained"
        )
    return made.names[0]


def build(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    finish: Callable[[nn.Module], None] | None = None,
) -> Transformer:
    """The transformer with the checkpoint's weights. Each is read, converted and placed once.

    `finish` is called with each block as soon as its weights are there, and may make it smaller.
    """
    with torch.device("meta"), _Uninitialised():
        net = Transformer(checkpoint.config)
    wanted = dict(net.state_dict())
    if checkpoint.config.tied:
        wanted.pop("head.weight")
    parts = {ours: part(checkpoint.family, ours) for ours in wanted}
    _check(checkpoint, wanted, parts)
    for number, names in groupby(parts, key=_block):
        placed = {n: _placed(checkpoint, parts[n], wanted[n], device, dtype) for n in names}
        net.load_state_dict(placed, strict=False, assign=True)
        if number >= 0 and finish is not None:
            finish(net.blocks[number])
    if checkpoint.config.tied:
        net.head.weight = net.embed.weight
    return net.eval().requires_grad_(False)


def _block(ours: str) -> int:
    """The number of the block that a weight belongs to, or -1."""
    return int(ours.split(".")[1]) if ours.startswith("blocks.") else -1


def _placed(
    checkpoint: Checkpoint, made: Part, wanted: Tensor, device: torch.device, dtype: torch.dtype
) -> Tensor:
    read = [checkpoint.tensors.read(name, device) for name in made.names]
    tensor = _grown(made.cut(checkpoint.config, *read), wanted.shape).to(device, dtype)
    if tensor.shape != wanted.shape:
        raise _mismatch(checkpoint, made.names[0], tensor.shape, wanted.shape)
    if tensor.untyped_storage().nbytes() > tensor.nbytes and made.cut is not _whole:
        tensor = tensor.clone()  # a view would keep the fused weight in memory
    return tensor


def _whole(_: Config, tensor: Tensor) -> Tensor:
    return tensor


def _check(checkpoint: Checkpoint, wanted: Mapping[str, Tensor], parts: Mapping[str, Part]) -> None:
    """Compare names and shapes with the headers, before anything large is read."""
    where, shapes = checkpoint.tensors.where, checkpoint.tensors.shapes
    for ours, made in parts.items():
        for name in made.names:
            if name not in shapes:
                raise PlaitError(f"{where}: the tensor '{name}' is missing")
        found, asked = shapes[made.names[0]], tuple(wanted[ours].shape)
        if made.cut is _whole and found not in (asked, _without_mask(checkpoint, ours, asked)):
            raise _mismatch(checkpoint, made.names[0], found, asked)
    used = {name for made in parts.values() for name in made.names}
    spare = checkpoint.family.spare
    left = [
        n for n in shapes if n not in used and not n.endswith(NEVER) and not n.startswith(spare)
    ]
    tied = part(checkpoint.family, "head.weight").names if checkpoint.config.tied else ()
    left = sorted(set(left) - set(tied))
    if left:
        raise PlaitError(
            f"{where}: config.json leaves {len(left)} tensors without use, '{left[0]}' among them"
        )


def _without_mask(checkpoint: Checkpoint, ours: str, asked: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without a row for the mask, which some checkpoints do not have."""
    may = checkpoint.family.tokens.mask_last or checkpoint.config.attention == "causal"
    return (asked[0] - 1, *asked[1:]) if may and ours.startswith(("embed.", "head.")) else asked


def _grown(tensor: Tensor, asked: tuple[int, ...]) -> Tensor:
    missing = asked[0] - len(tensor)
    if missing != 1:
        return tensor
    return torch.cat((tensor, tensor.new_zeros(1, *tensor.shape[1:])))


def _mismatch(checkpoint: Checkpoint, name: str, found: Any, asked: Any) -> PlaitError:
    return PlaitError(
        f"{checkpoint.tensors.where}: '{name}' has shape {tuple(found)}, "
        f"but config.json asks for {tuple(asked)}"
    )


def _files(folder: Path, file: str) -> list[Path]:
    """The safetensors files of a folder, all of which are there."""
    index = folder / f"{file}.index.json"
    if (folder / file).is_file():
        return [folder / file]
    if index.is_file():
        try:
            listed = set(json.loads(index.read_text())["weight_map"].values())
        except (ValueError, KeyError):
            raise PlaitError(f"{index} is no index of weights") from None
        missing = sorted(name for name in listed if not (folder / name).is_file())
        if missing:
            raise PlaitError(
                f"{folder}: {len(missing)} of {len(listed)} shards are missing, "
                f"{missing[0]} among them; download them again"
            )
        return sorted(folder / name for name in listed)
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        raise PlaitError(f"{folder} holds pickled weights only; save them as safetensors first")
    raise PlaitError(f"{folder / file} is missing; a model folder needs it")


class _Uninitialised(TorchFunctionMode):
    """Leave new weights as they are: they are about to be replaced, and drawing them is slow."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))
