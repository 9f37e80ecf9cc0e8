"""Matrix products of few rows: bound by reading the weights, so nothing else may cost time."""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

from dataclasses import dataclass
from typing import no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

from .weights import Linear

MOST = 256  # rows; with more the product is bound by arithmetic, and cuBLAS has no equal


@dataclass(frozen=True)
class Tile:
    """How a product is cut."""

    outputs: int
    inner: int
    warps: int
    stages: int


FEW = (  # up to 32 rows
    Tile(16, 256, 4, 5),
    Tile(32, 256, 4, 4),
    Tile(32, 128, 4, 6),
    Tile(32, 128, 4, 4),  # three programs on a multiprocessor
    Tile(64, 128, 4, 4),
    Tile(64, 256, 8, 3),
)
MANY = (
    Tile(64, 128, 4, 3),
    Tile(32, 128, 4, 3),
    Tile(128, 64, 8, 4),
    Tile(64, 64, 4, 5),
    Tile(64, 64, 4, 4),  # two programs on a multiprocessor
)


def tiles(rows: int) -> tuple[Tile, ...]:
    """The ways to cut a product of so many rows that are worth a try."""
    return FEW if rows <= 32 else MANY if rows <= MOST else ()


@triton.jit
@no_type_check
def _thin(
    x, weight, bias, out, rows, outputs,
    WIDTH: tl.constexpr, GATED: tl.constexpr, BIAS: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    m = tl.program_id(0) * BM + tl.arange(0, BM)  # first, so that weights are read once
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    left = x + m[:, None] * WIDTH + k[None, :]
    right = weight + n[None, :].to(tl.int64) * WIDTH + k[:, None]
    further = right + outputs.to(tl.int64) * WIDTH
    inside, there = m[:, None] < rows, n[None, :] < outputs
    sums, ups = tl.zeros((BM, BN), tl.float32), tl.zeros((BM, BN), tl.float32)
    for start in range(0, WIDTH, BK):
        a = tl.load(left + start, mask=inside, other=0.0)
        b = tl.load(right + start, mask=there, other=0.0, eviction_policy="evict_first")
        sums = tl.dot(a, b, sums, input_precision=PRECISION)
        if GATED:
            u = tl.load(further + start, mask=there, other=0.0, eviction_policy="evict_first")
            ups = tl.dot(a, u, ups, input_precision=PRECISION)
    kind = out.dtype.element_ty
    if BIAS:
        sums += tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)[None, :]
    made = sums.to(kind)
    if GATED:
        gate = made.to(tl.float32)
        silu = (gate / (1 + tl.exp(-gate))).to(kind).to(tl.float32)
        made = (silu * ups.to(kind).to(tl.float32)).to(kind)
    tl.store(out + m[:, None] * outputs + n[None, :], made, mask=inside & there)


def thin(x: Tensor, by: Linear, tile: Tile, gated: bool = False) -> Tensor:
    """Return x W^T + b; with `gated` silu of its left half times its right half.

    Raises ValueError if the tile does not divide the width.
    """
    rows, width = x.shape
    if width % tile.inner:
        raise ValueError(f"{width} is not a multiple of {tile.inner}")
    outputs = len(by.weight) // (2 if gated else 1)
    out = torch.empty(rows, outputs, device=x.device, dtype=x.dtype)
    block = 16 if rows <= 16 else 32 if rows <= 32 else 64 if rows <= 64 else 128
    grid = (triton.cdiv(rows, block), triton.cdiv(outputs, tile.outputs))
    biased = by.bias is not None
    _thin[grid](
        x, by.weight, by.bias if biased else x, out, rows, outputs,
        WIDTH=width, GATED=gated, BIAS=biased, BM=block, BN=tile.outputs, BK=tile.inner,
        PRECISION="ieee" if x.dtype == torch.float32 else "tf32",
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip
    return out
