"""Load a model: by the name of one in the box, or from a folder."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..decode import Denoiser
from ..errors import PlaitError, unknown
from ..layout import Codec, Layout, nap, plain
from .codec import TokenizerCodec
from .denoiser import NetDenoiser
from .transformer import Config, Transformer

BOX = Path(__file__).parent / "box"


@dataclass(frozen=True)
class Model:
    """A denoiser with its tokenizer and what it was trained for."""

    name: str
    denoiser: Denoiser
    codec: Codec
    context: int  # positions
    device: torch.device
    canvas: dict[str, int] = field(default_factory=dict)  # default streams, length, summary
    tasks: tuple[str, ...] = ()  # the only problems it knows; empty = not limited

    def layout(
        self,
        streams: int | None = None,
        length: int | None = None,
        summary: int | None = None,
        cross: str = "full",
    ) -> Layout:
        """The layout this model was trained on, changed where an argument is given.

        `streams=0` is one plain slot of `length` positions.
        """
        given = {"streams": streams, "length": length, "summary": summary}
        chosen = self.canvas | {k: v for k, v in given.items() if v is not None}
        if chosen.get("streams") == 0:
            return plain(chosen.get("length", 128))
        return nap(**chosen, cross=cross)  # type: ignore[arg-type]


def in_the_box() -> list[str]:
    """Return the names of the models that ship with plait."""
    return sorted(p.parent.name for p in BOX.glob("*/config.json"))


def load(name: str = "plait-tiny", device: str | None = None, dtype: str = "float32") -> Model:
    """Return the model `name`: one in the box, or a folder that a plait recipe has written.

    `device` defaults to a GPU where there is one. Raises PlaitError if the folder lacks a file,
    or its weights lack a tensor or have another shape than its config says.
    """
    folder = Path(name) if Path(name).is_dir() else BOX / name
    if not folder.is_dir():
        if "/" in name or "." in name:
            raise PlaitError(f"there is no model folder '{name}'; give a folder with a config.json")
        raise unknown("model", name, in_the_box())
    config = _json(folder / "config.json")
    if config.get("model_type") != "plait":
        raise PlaitError(
            f"{folder / 'config.json'}: model_type is {config.get('model_type')!r}, "
            "and this version loads 'plait' only"
        )
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    net = _net(folder, config, place, _dtype(dtype))
    return Model(
        name=folder.name,
        denoiser=NetDenoiser(net),
        codec=TokenizerCodec.read(folder / "tokenizer.json"),
        context=net.config.context,
        device=place,
        canvas=config.get("layout", {}),
        tasks=tuple(config.get("tasks", ())),
    )


def _dtype(name: str) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise unknown("dtype", name, known)
    return known[name]


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlaitError(f"{path} is missing; a model folder needs it") from None
    except ValueError as error:
        raise PlaitError(f"{path} is not valid JSON: {error}") from None


def _net(
    folder: Path, config: dict[str, Any], device: torch.device, dtype: torch.dtype
) -> Transformer:
    known = {f.name for f in fields(Config)}
    try:
        shape = Config(**{k: v for k, v in config.items() if k in known})
    except TypeError as error:
        raise PlaitError(f"{folder / 'config.json'}: {error}") from None
    with torch.device("meta"):
        net = Transformer(shape)
    weights = _weights(folder / "model.safetensors")
    wanted = dict(net.state_dict())
    if shape.tied:
        wanted.pop("head.weight", None)
    for name, tensor in wanted.items():
        if name not in weights:
            raise PlaitError(f"{folder / 'model.safetensors'}: the tensor '{name}' is missing")
        if weights[name].shape != tensor.shape:
            raise PlaitError(
                f"{folder / 'model.safetensors'}: '{name}' has shape {tuple(weights[name].shape)}, "
                f"but config.json asks for {tuple(tensor.shape)}"
            )
    net.load_state_dict(
        {n: weights[n].to(device, dtype) for n in wanted}, strict=False, assign=True
    )
    if shape.tied:
        net.head.weight = net.embed.weight
    return net.eval().requires_grad_(False)


def _weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise PlaitError(f"{path} is missing; a model folder needs it") from None
    except SafetensorError as error:
        raise PlaitError(f"{path} cannot be read ({error}); download or train it again") from None
