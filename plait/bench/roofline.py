"""The least time that a forward pass can take: arithmetic and memory traffic over the ceilings."""

from dataclasses import dataclass

import torch

from ..engine.tune import milliseconds
from ..models.config import Config


@dataclass(frozen=True)
class Ceilings:
    """What this device reaches on a large matrix product and a large copy."""

    flops: float  # per second
    bytes: float  # per second, read and written ones both counted

    @staticmethod
    def measured(device: torch.device, dtype: torch.dtype) -> "Ceilings":
        """Measure both; random data, since zeros run faster than anything real."""
        gpu = device.type == "cuda"
        size, words = (8192, 2**29) if gpu else (1024, 2**24)
        a = torch.randn(size, size, device=device, dtype=dtype)
        b = torch.randn(size, size, device=device, dtype=dtype)
        taken = milliseconds(lambda: a @ b, gpu, 20, 5)
        source = torch.empty(words, device=device, dtype=dtype).uniform_()
        target = torch.empty_like(source)
        copied = milliseconds(lambda: target.copy_(source), gpu, 20, 5)
        return Ceilings(2 * size**3 / taken * 1e3, 2 * source.nbytes / copied * 1e3)


@dataclass(frozen=True)
class Work:
    """What a forward pass must do at least."""

    flops: float
    bytes: float

    @staticmethod
    def of(config: Config, rows: int, queries: int, keys: int, read: int, size: int) -> "Work":
        """The work for `queries` positions of `rows` rows that see `keys` positions each.

        Logits are wanted at `read` positions per row; `size` is bytes per number. Weights are
        read once, keys and values once per row.
        """
        c = config
        inner, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        layer = c.width * (2 * inner + 2 * kv) + 3 * c.width * c.hidden
        head = c.width * c.vocab
        tokens = rows * queries
        attention = 4 * tokens * keys * inner * c.layers
        flops = 2 * tokens * layer * c.layers + 2 * rows * read * head + attention
        cached = 2 * rows * keys * kv * c.layers
        return Work(flops, size * (layer * c.layers + head + cached))

    def floor(self, by: Ceilings) -> float:
        """Milliseconds."""
        return 1e3 * max(self.flops / by.flops, self.bytes / by.bytes)
