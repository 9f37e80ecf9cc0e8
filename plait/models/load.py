"""Load a model: by the name of one in the box, or from a folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..decode import Denoiser
from ..errors import PlaitError, unknown
from ..layout import Codec, Layout, nap, plain
from . import box
from .codec import TokenizerCodec
from .denoiser import NetDenoiser
from .transformer import Config, Transformer

Record = TypeVar("Record")


@dataclass(frozen=True)
class Model:
    """A denoiser with its tokenizer and what it was trained for."""

    name: str
    denoiser: Denoiser
    codec: Codec
    context: int  # positions
    device: torch.device
    slots: box.Slots
    tasks: tuple[str, ...] = ()  # the only problems it knows; empty = not limited

    def layout(
        self,
        streams: int | None = None,
        length: int | None = None,
        summary: int | None = None,
        cross: Literal["full", "blocked"] = "full",
    ) -> Layout:
        """The layout this model was trained on, changed where an argument is given.

        `streams=0` is one plain slot of `length` positions. Raises PlaitError for more streams
        than the model has seen: it does not know their headers.
        """
        given = {"streams": streams, "length": length, "summary": summary}
        slots = replace(self.slots, **{k: v for k, v in given.items() if v is not None})
        if slots.streams == 0:
            return plain(slots.length)
        if slots.streams > slots.most:
            raise PlaitError(
                f"{self.name} was trained on at most {slots.most} streams; "
                f"{slots.streams} are too many"
            )
        return nap(slots.streams, slots.length, slots.summary, cross=cross)


def load(name: str = "plait-tiny", device: str | None = None, dtype: str = "float32") -> Model:
    """Return the model `name`: one in the box, or a folder that a plait recipe has written.

    `device` defaults to a GPU where there is one. Raises PlaitError if the folder lacks a file,
    or its weights lack a tensor or have another shape than its config says.
    """
    folder = Path(name) if Path(name).is_dir() else box.HERE / name
    if not folder.is_dir():
        if "/" in name or "." in name:
            raise PlaitError(f"there is no model folder '{name}'; give a folder with a config.json")
        raise unknown("model", name, box.names())
    place, precision = _device(device), _dtype(dtype)
    config = _settings(folder / box.MODEL)
    net = _net(folder, config, place, precision)
    return Model(
        name=folder.resolve().name,
        denoiser=NetDenoiser(net),
        codec=TokenizerCodec.read(folder / box.CODEC),
        context=net.config.context,
        device=place,
        slots=_record(box.Slots, config.get("layout", {}), folder / box.MODEL),
        tasks=tuple(config.get("tasks", ())),
    )


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise PlaitError(f"device '{name}' cannot be used here: {reason}") from None
    return device


def _dtype(name: str) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise unknown("dtype", name, known)
    return known[name]


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlaitError(f"{path} is missing; a model folder needs it") from None
    except ValueError as error:
        raise PlaitError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(settings, dict):
        raise PlaitError(f"{path} does not hold an object with the model's settings")
    if settings.get("model_type") != "plait":
        found = settings.get("model_type")
        raise PlaitError(f"{path}: model_type is {found!r}, and this version loads 'plait' only")
    return settings


def _record(kind: Callable[..., Record], values: Any, path: Path) -> Record:
    """A frozen record of settings, each a number as its field says."""
    wanted = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping):
        raise PlaitError(f"{path}: {values!r} should be an object with {', '.join(wanted)}")
    for name, value in values.items():
        number = isinstance(value, int | float) and (wanted.get(name) is float or value >= 0)
        if name not in wanted or not number or (wanted[name] is int and value != int(value)):
            raise PlaitError(f"{path}: {name} = {value!r} is not a setting that can be used")
    try:
        return kind(**values)
    except TypeError as error:
        raise PlaitError(f"{path}: {str(error).split(') ')[-1]}") from None


class _Uninitialised(TorchFunctionMode):
    """Leave new weights as they are: they are about to be replaced, and drawing them is slow."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def _net(
    folder: Path, config: dict[str, Any], device: torch.device, dtype: torch.dtype
) -> Transformer:
    known = {f.name for f in fields(Config)}
    shape = _record(Config, {k: v for k, v in config.items() if k in known}, folder / box.MODEL)
    with torch.device("meta"), _Uninitialised():
        net = Transformer(shape)
    path = folder / box.WEIGHTS
    weights = _weights(path)
    wanted = dict(net.state_dict())
    if shape.tied:
        wanted.pop("head.weight")
    for name, tensor in wanted.items():
        if name not in weights:
            raise PlaitError(f"{path}: the tensor '{name}' is missing")
        if weights[name].shape != tensor.shape:
            raise PlaitError(
                f"{path}: '{name}' has shape {tuple(weights[name].shape)}, "
                f"but config.json asks for {tuple(tensor.shape)}"
            )
    net.load_state_dict(
        {n: weights[n].to(device, dtype) for n in wanted}, strict=False, assign=True
    )
    if shape.tied:
        net.head.weight = net.embed.weight
    return net.eval().requires_grad_(False)


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise PlaitError(f"{path} is missing; a model folder needs it") from None
    except SafetensorError as error:
        raise PlaitError(f"{path} cannot be read ({error}); download or train it again") from None
