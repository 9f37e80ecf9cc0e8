"""The fused head as a Triton kernel: logits live in registers only."""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

from typing import no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

from .head import LOW
from .weights import Linear


@triton.jit
@no_type_check
def _head(
    hidden, weight, bias, best, token, second, rest, slope,
    rows, vocab, barred,
    WIDTH: tl.constexpr, BIAS: tl.constexpr, BM: tl.constexpr, BV: tl.constexpr, BK: tl.constexpr,
    PRECISION: tl.constexpr, FLOOR: tl.constexpr,
):  # fmt: skip
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    v = tl.program_id(1) * BV + tl.arange(0, BV)
    k = tl.arange(0, BK)
    real_m, real_v = m < rows, v < vocab
    left = hidden + m[:, None].to(tl.int64) * WIDTH + k[None, :]
    right = weight + v[None, :].to(tl.int64) * WIDTH + k[:, None]
    logits = tl.zeros((BM, BV), tl.float32)
    for start in range(0, WIDTH, BK):
        inside = k < WIDTH - start
        a = tl.load(left + start, mask=real_m[:, None] & inside[None, :], other=0.0)
        b = tl.load(right + start, mask=real_v[None, :] & inside[:, None], other=0.0)
        logits = tl.dot(a, b, logits, input_precision=PRECISION)
    if BIAS:
        logits += tl.load(bias + v, mask=real_v, other=0.0).to(tl.float32)[None, :]
    logits = tl.where((real_v & (v != barred))[None, :], logits, FLOOR)
    top = tl.max(logits, 1)
    first = tl.min(tl.where(logits == top[:, None], v[None, :], 2147483647), 1)
    others = tl.where(v[None, :] == first[:, None], FLOOR, logits)
    shift = others - top[:, None]
    mass = tl.exp(shift)
    at = tl.program_id(1).to(tl.int64) * rows + m
    tl.store(best + at, top, mask=real_m)
    tl.store(token + at, first.to(tl.int64), mask=real_m)
    tl.store(second + at, tl.max(others, 1), mask=real_m)
    tl.store(rest + at, tl.sum(mass, 1), mask=real_m)
    tl.store(slope + at, tl.sum(mass * tl.maximum(shift, -1e4), 1), mask=real_m)


def shape(rows: int, dtype: torch.dtype) -> dict[str, int]:
    """Tile sizes: few rows read weights as fast as memory gives them, many reuse them.

    Tiles of float32 are small: they take twice the shared memory, and their products registers.
    """
    if dtype == torch.float32:
        return {"BM": 16 if rows <= 16 else 32, "BV": 64, "BK": 32, "num_warps": 4, "num_stages": 2}
    if rows <= 64:
        bm = 16 if rows <= 16 else 32 if rows <= 32 else 64
        return {"BM": bm, "BV": 128, "BK": 128, "num_warps": 4, "num_stages": 4}
    return {"BM": 128, "BV": 256, "BK": 64, "num_warps": 8, "num_stages": 3}


def tiles(hidden: Tensor, head: Linear, barred: int) -> tuple[Tensor, ...]:
    """The five numbers of each tile and row; see `head.Tiles`."""
    (rows, width), vocab = hidden.shape, len(head.weight)
    sizes = shape(rows, hidden.dtype)
    grid = (triton.cdiv(rows, sizes["BM"]), triton.cdiv(vocab, sizes["BV"]))

    def room(dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(grid[1], rows, device=hidden.device, dtype=dtype)

    made = room(), room(torch.int64), room(), room(), room()
    biased = head.bias is not None
    _head[grid](
        hidden, head.weight, head.bias if biased else hidden, *made,
        rows, vocab, barred, WIDTH=width, BIAS=biased,
        PRECISION="ieee" if hidden.dtype == torch.float32 else "tf32",
        FLOOR=LOW, **sizes,
    )  # fmt: skip
    return made
