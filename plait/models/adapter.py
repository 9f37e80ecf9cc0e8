"""LoRA adapters (arXiv:2106.09685) in the format of PEFT, merged into weights as they are read."""

import fnmatch
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import PlaitError
from . import hub
from .checkpoint import Shards, Tensors, read_settings
from .family import Settings

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."


@dataclass(frozen=True)
class Adapted:
    """The tensors of a checkpoint, with an adapter's change added to each that has one."""

    base: Tensors
    adapter: Tensors
    settings: Settings
    changed: Mapping[str, tuple[str, str]]  # name in the base -> names of A and B

    @property
    def where(self) -> Path:
        """Where the base lies."""
        return self.base.where

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the base: an adapter changes none."""
        return self.base.shapes

    def read(self, name: str, device: torch.device) -> Tensor:
        """W + scale * B A, in the weight's own precision."""
        weight = self.base.read(name, device)
        if name not in self.changed:
            return weight
        down, up = (self.adapter.read(n, device).float() for n in self.changed[name])
        return (weight.float() + self._scale(name, len(down)) * (up @ down)).to(weight.dtype)

    def _scale(self, name: str, rank: int) -> float:
        alpha: float = self.settings.get("lora_alpha", 8.0)
        own = Settings(self.settings.get("alpha_pattern", {}), self.settings.path)
        for pattern in own.values:
            if fnmatch.fnmatch(name, f"*{pattern}.weight"):
                alpha = own.get(pattern, alpha)
        return alpha / (math.sqrt(rank) if self.settings.get("use_rslora", False) else rank)


def adapt(base: Tensors, name: str) -> Adapted:
    """`base` with the adapter in the folder or of the hub id `name`.

    Raises PlaitError if the adapter does what plait cannot, or was made for another base.
    """
    folder = hub.find(name, kind="adapter")
    settings = read_settings(folder / CONFIG)
    settings.only("peft_type", "LORA")
    settings.only("use_dora", False)
    settings.only("bias", "none")
    if settings.get("modules_to_save", []):
        raise PlaitError(
            f"{settings.path}: modules_to_save is not supported, only LoRA weights are"
        )
    adapter = Shards(folder, WEIGHTS)
    changed: dict[str, tuple[str, str]] = {}
    made_for = settings.get("base_model_name_or_path", "another base")
    for down in adapter.shapes:
        if down.endswith(".lora_B.weight"):
            continue
        if not down.endswith(".lora_A.weight"):
            raise PlaitError(f"the adapter {folder} has '{down}', which is not supported")
        up = down.replace(".lora_A.", ".lora_B.")
        target = down.removeprefix(PREFIX).removesuffix(".lora_A.weight") + ".weight"
        rows, columns = adapter.shapes.get(up, (0,))[0], adapter.shapes[down][1]
        if base.shapes.get(target) != (rows, columns):
            raise PlaitError(
                f"the adapter {folder} is for {made_for}: it changes '{target}' of shape "
                f"({rows}, {columns}), and {base.where} has {base.shapes.get(target, 'no such')}"
            )
        changed[target] = (down, up)
    if not changed:
        raise PlaitError(f"the adapter {folder} holds no LoRA weights")
    return Adapted(base, adapter, settings, changed)
