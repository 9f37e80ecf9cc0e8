"""Folders that hold one of our own models, and the folder of the models that ship with plait.

A box is `config.json` (shape, slots, tasks), `tokenizer.json` and `model.safetensors` (bfloat16).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ...files import write_whole
from ...layout import Layout, nap, plain
from .. import saving
from ..codec import TokenizerCodec
from ..transformer import Config

HERE = Path(__file__).parent
MODEL, CODEC, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"


@dataclass(frozen=True)
class Slots:
    """The NAP layout a model was trained for: `streams` slots of `length`, and a summary."""

    streams: int = 3
    length: int = 56  # positions
    summary: int = 20  # positions
    most: int = 6  # streams that it has seen at once
    cross: Literal["full", "blocked"] = "full"  # did streams see each other?

    @property
    def layout(self) -> Layout:
        """The canvas with these slots; without streams it is one of `length` positions."""
        if not self.streams:
            return plain(self.length)
        return nap(self.streams, self.length, self.summary, cross=self.cross)


def names() -> list[str]:
    """Return the names of the models that ship with plait."""
    return sorted(p.parent.name for p in HERE.glob(f"*/{MODEL}"))


def write(
    folder: str | Path,
    config: Config,
    weights: Mapping[str, Tensor],
    codec: TokenizerCodec,
    slots: Slots,
    tasks: Sequence[str] = (),
) -> None:
    """Save a box. A file is replaced as a whole, so a kill leaves the old one or the new one.

    `tasks` are the only problems that the model knows; none = it is not limited to any.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"model_type": "plait", **_shape(config), "layout": asdict(slots)}
    kept = {
        name: w.detach().to("cpu", torch.bfloat16).contiguous()
        for name, w in weights.items()
        if not (config.tied and name == "head.weight")
    }
    write_whole(folder / MODEL, json.dumps(settings | {"tasks": sorted(tasks)}, indent=2) + "\n")
    write_whole(folder / CODEC, codec.definition)
    saving.write(folder / WEIGHTS, kept)


def _shape(config: Config) -> dict[str, object]:
    """What every box says of its shape, and what is out of the ordinary."""
    ordinary = {f.name: f.default for f in fields(Config)}
    told = list(ordinary)[: list(ordinary).index("qk_norm") + 1]
    values = vars(config)
    return {k: v for k, v in values.items() if k in told or v != ordinary[k]}
