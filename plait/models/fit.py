"""How much memory a model needs, before it is loaded."""

import os
from dataclasses import dataclass

import torch

from ..errors import PlaitError
from .config import Config
from .transformer import Transformer

BITS = {"float32": 32.0, "bfloat16": 16.0, "float16": 16.0, "int8": 8.0, "int4": 4.5}
GIB = 2**30


@dataclass(frozen=True)
class Fit:
    """Sizes of a model: weights in numbers, canvases in bytes."""

    config: Config
    weights: int  # all of them
    linear: int  # those that quantization makes smaller

    @staticmethod
    def of(config: Config) -> "Fit":
        """Count the weights of a model without making any."""
        with torch.device("meta"):
            net = Transformer(config)
        every = sum(w.numel() for w in net.parameters())
        blocks = sum(w.numel() for w in net.blocks.parameters() if w.ndim == 2)
        return Fit(config, every, blocks)

    def weight_bytes(self, precision: str) -> int:
        """Bytes of the weights; int8 and int4 leave embedding and head in bfloat16."""
        if not precision.startswith("int"):
            return round(self.weights * BITS[precision] / 8)
        return round((self.weights - self.linear) * 2 + self.linear * BITS[precision] / 8)

    def canvas_bytes(self, positions: int, precision: str = "bfloat16") -> int:
        """Bytes of one canvas of `positions`: activations, logits in float32, keys and values.

        An estimate: half of the positions ask for logits, of which the decoder makes three
        copies; the rest counts the widest moment of a layer.
        """
        c, size = self.config, 4 if precision == "float32" else 2
        layer = size * (6 * c.width + 3 * c.hidden + 3 * c.heads * c.head_dim)
        kv = 2 * size * c.layers * c.kv_heads * c.head_dim
        return positions * (layer + kv + c.vocab * 3 * 4 // 2)


def free(device: torch.device) -> int:
    """Bytes that can be had on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            found = dict(line.split(":") for line in file)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check(name: str, config: Config, device: torch.device, precision: str) -> None:
    """Raise PlaitError if the weights cannot fit on the device, and say what would."""
    if precision == "int4" and device.type != "cuda":
        precision = "int8"  # torchao packs two weights into a byte on a GPU only
    fit, room = Fit.of(config), free(device)
    need = fit.weight_bytes(precision)
    if need <= room:
        return
    smaller = [p for p in BITS if fit.weight_bytes(p) <= room]
    hint = f"{smaller[0]} would fit" if smaller else "no precision fits here"
    raise PlaitError(
        f"{name} needs {need / GIB:.1f} GiB for its weights in {precision}, "
        f"and {device} has {room / GIB:.1f} GiB free; {hint}"
    )
