"""What all parts of a benchmark share: the model, the device, and canvases to decode."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from .. import cache, methods
from ..budget import Budget
from ..canvas import GIVEN, Canvas
from ..decode import Decoder
from ..engine.forward import Bank, Forward
from ..engine.head import choose
from ..engine.tune import captured, milliseconds
from ..engine.weights import Weights, fused
from ..models.config import Config
from ..models.transformer import Transformer
from .roofline import Ceilings, Work
from .shapes import random_net

PROMPT, BLOCK = 150, 32  # positions


@dataclass
class Setting:
    """A model of random weights on a device, with the ceilings measured there."""

    config: Config
    device: torch.device
    dtype: torch.dtype
    small: bool = False  # short canvases and few rounds, to see that everything runs
    latest: Forward | None = None  # that of the last `pass_over`

    @cached_property
    def net(self) -> Transformer:
        """The network; made when first asked for."""
        return random_net(self.config, self.device, self.dtype)

    @cached_property
    def weights(self) -> Weights:
        """The same for the engine."""
        return fused(self.net)

    @cached_property
    def ceilings(self) -> Ceilings:
        """What the device reaches."""
        return Ceilings.measured(self.device, self.dtype)

    @property
    def gpu(self) -> bool:
        """Is it a GPU?"""
        return self.device.type == "cuda"

    def time(self, run: Callable[[], Any], repeat: int = 20, warm: int = 3) -> float:
        """Median milliseconds of `run`."""
        return milliseconds(run, self.gpu, repeat, warm)

    def graph(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """`run` as a CUDA graph; itself where there is no GPU."""
        return captured(run) if self.gpu else run

    def wait(self) -> None:
        """Until the device has done all."""
        if self.gpu:
            torch.cuda.synchronize()

    @property
    def mask_id(self) -> int:
        """The last token stands for the mask."""
        return self.config.vocab - 1

    def positions(self, count: int) -> int:
        """A number of positions, an eighth of it in a small setting."""
        return max(4, count // 8) if self.small else count

    def canvas(self, prompts: list[int], free: int, regions: int = 1, headers: int = 0) -> Canvas:
        """Rows with prompts of some lengths and `regions` slots of `free` masks in all."""
        rows = [self._row(i, prompt, free, regions, headers) for i, prompt in enumerate(prompts)]
        return Canvas.stack(rows).to(self.device)

    def _row(self, key: int, prompt: int, free: int, regions: int, headers: int) -> Canvas:
        made = torch.Generator().manual_seed(key)
        each = [free // regions] * regions
        region = [GIVEN] * prompt
        for number, slot in enumerate(each):
            region += [-2] * headers + [number] * slot
        where = torch.tensor(region)
        tokens = torch.randint(1, self.mask_id, where.shape, generator=made)
        return Canvas(
            tokens=torch.where(where >= 0, self.mask_id, tokens)[None],
            region=where[None],
            pos=torch.arange(len(where))[None],
            length=torch.tensor([len(where)]),
            key=torch.tensor([key]),
            mask_id=self.mask_id,
            eos_id=0,
            regions=regions,
        )

    def decoder(self, count: int, cached: str | None, method: str = "llada") -> Decoder:
        """Blocks of 32, or streams, with a fixed number of commits per round."""
        options: dict[str, Any] = {"block": self.positions(BLOCK)} if method == "llada" else {}
        decoder = methods.load(method, budget=Budget(count), **options)
        return replace(decoder, cache=None if cached is None else cache.load(cached))

    def pass_over(
        self, length: int, queries: int | None = None, weights: Weights | None = None
    ) -> Any:
        """A forward pass with its head over one row, to be timed: all positions, or some windows.

        With `queries` these positions are recomputed, spread over the canvas in windows of 32,
        and the rest is read from keys and values of an earlier pass.
        """
        weights = weights or self.weights
        device = self.device
        tokens = torch.randint(0, self.mask_id, (1, length), device=device)
        pos = torch.arange(length, device=device)[None]
        forward, bank = Forward(weights, length), Bank.empty(weights, 1, length, queries is None)
        self.latest, at = forward, pos
        if queries is not None:
            forward(tokens, pos, pos, bank)
            size = self.positions(BLOCK)
            windows = queries // size
            start = torch.arange(windows, device=device) * (length // windows)
            at = (start[:, None] + torch.arange(size, device=device)).view(1, -1)

        def run() -> Any:
            x, delta = forward(tokens, pos, at, bank)
            return choose(forward.final(x, delta), weights.head, self.mask_id)

        return run

    def work(
        self, length: int, queries: int | None = None, rows: int = 1, read: int | None = None
    ) -> Work:
        """The least work of `pass_over`, or of a step of a batch."""
        queries = length if queries is None else queries
        size = torch.finfo(self.dtype).bits // 8
        read = queries if read is None else read
        return Work.of(self.config, rows, queries, length, read, size)
