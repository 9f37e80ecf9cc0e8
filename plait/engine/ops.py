"""The small operations between matrix products. Triton kernels on a GPU, torch elsewhere.

Each kernel replaces a chain of torch operations that would read and write its tensors once per
link. Results are the same up to rounding; `tests/engine` compares them.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..models.probe import runs
from .weights import EIGHT, MOST, Linear


@lru_cache
def has_triton() -> bool:
    """Is there a Triton to compile kernels with? Where there is a GPU, a small one is tried.

    Says once what is wrong: torch then does the same, slower.
    """
    gpu = torch.cuda.is_available()

    def trial() -> None:
        from . import triton_ops

        if gpu:
            triton_ops.gated(torch.zeros(1, 32, device="cuda"), False)

    return runs(trial, "no Triton kernels, which is slower" if gpu else "")


def fast(x: Tensor) -> bool:
    """Do kernels run on this tensor?"""
    return x.is_cuda and has_triton()


Scaled = tuple[Tensor, Float[Tensor, "M 1"] | None]  # rows, and their scales if in 8 bits


def add_norm(
    x: Float[Tensor, "M W"],
    delta: Float[Tensor, "M W"] | None,
    weight: Float[Tensor, " W"],
    eps: float,
    eight: bool = False,
) -> Scaled:
    """Add `delta` to `x` in place, and return the RMS norm of the sum, in 8 bits if asked for."""
    if fast(x):
        from . import triton_ops

        return triton_ops.add_norm(x, delta, weight, eps, eight)
    if delta is not None:
        x += delta
    normed = F.rms_norm(x.float(), weight.shape, weight.float(), eps).to(x.dtype)
    return quantize(normed) if eight else (normed, None)


def gated(x: Float[Tensor, "M I2"], eight: bool = False) -> Scaled:
    """Return silu of the left half times the right half, in 8 bits if asked for."""
    if fast(x):
        from . import triton_ops

        return triton_ops.gated(x, eight)
    gate, up = x.chunk(2, -1)
    made = F.silu(gate) * up
    return quantize(made) if eight else (made, None)


def quantize(x: Float[Tensor, "M W"]) -> Scaled:
    """Return rows in float8 and their scales."""
    if fast(x):
        from . import triton_ops

        return triton_ops.quantize(x)
    scale = x.float().abs().amax(1, keepdim=True).clamp(min=1e-12) / MOST
    return (x.float() / scale).to(EIGHT), scale


def linear(x: Scaled, by: Linear, dtype: torch.dtype) -> Float[Tensor, "M O"]:
    """Return x W^T + b."""
    rows, scale = x
    if by.scale is None or scale is None:
        return F.linear(rows, by.weight, by.bias)
    if rows.is_cuda:
        product = torch._scaled_mm(
            rows, by.weight.T, scale, by.scale, out_dtype=dtype, use_fast_accum=True
        )
    else:
        product = (rows.float() * scale @ (by.weight.float() * by.scale.T).T).to(dtype)
    return product if by.bias is None else product + by.bias


def turned(
    x: Float[Tensor, "M H D"],
    cos: Float[Tensor, "M T"],
    sin: Float[Tensor, "M T"],
    norm: Float[Tensor, " D"] | None,
    eps: float,
) -> Float[Tensor, "M H D"]:
    """Return heads, normed if there is a norm, with feature i turned together with i + D/2."""
    if norm is not None:
        x = F.rms_norm(x.float(), norm.shape, norm.float(), eps).to(x.dtype)
    left, right = x.float().chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1).to(x.dtype)


def store(
    qkv: Float[Tensor, "M A"],
    tables: tuple[Tensor, ...],
    pos: Int[Tensor, " M"],
    slot: Int[Tensor, " M"],
    kv: Float[Tensor, "2 S G D"],
    norms: tuple[Float[Tensor, " D"] | None, Float[Tensor, " D"] | None],
    eps: float,
) -> Float[Tensor, "M H D"]:
    """Turn queries and keys to their positions; write keys and values into their slots.

    `tables` are the cosines and sines, float32 [P, D/2]. Slots are places in the rows of the
    buffer, laid end to end. Returns the queries.
    """
    if fast(qkv):
        from . import triton_ops

        return triton_ops.store(qkv, tables, pos, slot, kv, norms, eps)
    groups, dim = kv.shape[2:]
    heads = qkv.shape[1] // dim - 2 * groups
    query, key, value = qkv.unflatten(1, (-1, dim)).split((heads, groups, groups), 1)
    cos, sin = tables[0][pos], tables[1][pos]
    kv[0].index_copy_(0, slot, turned(key, cos, sin, norms[1], eps))
    kv[1].index_copy_(0, slot, value)
    return turned(query, cos, sin, norms[0], eps)
