"""Folders that hold one of our own models, and the folder of the models that ship with plait.

A box is `config.json` (shape and layout), `tokenizer.json` and `model.safetensors` (bfloat16).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import PlaitError
from ...layout import Layout, nap
from ..codec import TokenizerCodec
from ..transformer import Config, Transformer

HERE = Path(__file__).parent
MODEL, CODEC, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"


@dataclass(frozen=True)
class Slots:
    """The NAP layout a model was trained for: `streams` slots of `length`, and a summary."""

    streams: int = 3
    length: int = 48  # positions
    summary: int = 24  # positions

    def layout(self) -> Layout:
        """The layout to decode with (arXiv:2602.23225)."""
        return nap(self.streams, self.length, self.summary)


@dataclass(frozen=True)
class Box:
    """A model of ours with its codec and its layout."""

    model: Transformer
    codec: TokenizerCodec
    slots: Slots


def read(folder: str | Path) -> Box:
    """The box in `folder`; weights become float32."""
    folder = Path(folder)
    for name in (MODEL, CODEC, WEIGHTS):
        if not (folder / name).is_file():
            raise PlaitError(f"'{folder}' holds no model of plait: {name} is missing")
    settings = json.loads((folder / MODEL).read_text())
    if settings.get("model_type") != "plait":
        raise PlaitError(f"'{folder / MODEL}' is not a model of plait (its model_type differs)")
    config = Config(**{f.name: settings[f.name] for f in fields(Config) if f.name in settings})
    model = Transformer(config)
    weights = load_file(folder / WEIGHTS)
    if config.tied:
        weights["head.weight"] = weights["embed.weight"]
    model.load_state_dict({name: w.float() for name, w in weights.items()})
    return Box(model.eval(), TokenizerCodec.read(folder / CODEC), Slots(**settings["layout"]))


def write(
    folder: str | Path,
    config: Config,
    weights: Mapping[str, Tensor],
    codec: TokenizerCodec,
    slots: Slots,
) -> None:
    """Save a box. A file is replaced as a whole, so a kill leaves the old one or the new one."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"model_type": "plait", **asdict(config), "layout": asdict(slots)}
    kept = {
        name: w.detach().to("cpu", torch.bfloat16).contiguous()
        for name, w in weights.items()
        if not (config.tied and name == "head.weight")
    }
    (folder / MODEL).write_text(json.dumps(settings, indent=2) + "\n")
    (folder / CODEC).write_text(codec.definition, encoding="utf-8")
    save_file(kept, folder / (WEIGHTS + ".part"))
    os.replace(folder / (WEIGHTS + ".part"), folder / WEIGHTS)
