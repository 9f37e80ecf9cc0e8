"""Triton kernels of `ops`. Statistics are float32, whatever the tensors are."""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

import math
from typing import no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

from .weights import EIGHT, MOST


@triton.jit
@no_type_check
def _finish(y, out, scale, row, at, inside, width, QUANT: tl.constexpr, TOP: tl.constexpr):
    """Store a row, in 8 bits with its scale if QUANT."""
    if QUANT:
        s = tl.maximum(tl.max(tl.abs(y), 0), 1e-12) / TOP
        tl.store(scale + row, s)
        y = y / s
    tl.store(out + row * width + at, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
@no_type_check
def _add_norm(
    x, delta, weight, out, scale, width, eps,
    ADD: tl.constexpr, QUANT: tl.constexpr, BLOCK: tl.constexpr, TOP: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < width
    v = tl.load(x + row * width + at, mask=inside, other=0.0).to(tl.float32)
    if ADD:
        v += tl.load(delta + row * width + at, mask=inside, other=0.0).to(tl.float32)
        sum = v.to(x.dtype.element_ty)
        tl.store(x + row * width + at, sum, mask=inside)
        v = sum.to(tl.float32)
    root = tl.rsqrt(tl.sum(v * v, 0) / width + eps)
    y = v * root * tl.load(weight + at, mask=inside, other=0.0).to(tl.float32)
    if QUANT:
        y = y.to(x.dtype.element_ty).to(tl.float32)
    _finish(y, out, scale, row, at, inside, width, QUANT, TOP)


@triton.jit
@no_type_check
def _gated(x, out, scale, width, QUANT: tl.constexpr, BLOCK: tl.constexpr, TOP: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < width
    gate = tl.load(x + row * 2 * width + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(x + row * 2 * width + width + at, mask=inside, other=0.0).to(tl.float32)
    y = (gate / (1 + tl.exp(-gate))).to(x.dtype.element_ty).to(tl.float32) * up
    if QUANT:
        y = y.to(x.dtype.element_ty).to(tl.float32)
    _finish(y, out, scale, row, at, inside, width, QUANT, TOP)


@triton.jit
@no_type_check
def _quantize(x, out, scale, width, BLOCK: tl.constexpr, TOP: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < width
    y = tl.load(x + row * width + at, mask=inside, other=0.0).to(tl.float32)
    _finish(y, out, scale, row, at, inside, width, True, TOP)


@triton.jit
@no_type_check
def _store(
    qkv, cos, sin, pos, slot, query, keys, values, query_norm, key_norm, eps,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, NORM: tl.constexpr,
    SOME: tl.constexpr,
):  # fmt: skip
    """SOME heads of one position: queries, keys or values."""
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1) * SOME
    half: tl.constexpr = DIM // 2
    at = tl.arange(0, half)
    inside = tl.arange(0, SOME)[:, None] * DIM + at[None, :]
    source = qkv + row * (HEADS + 2 * GROUPS) * DIM + head * DIM
    left, right = tl.load(source + inside), tl.load(source + half + inside)
    place = tl.load(slot + row)
    if head >= HEADS + GROUPS:
        target = values + (place * GROUPS + head - HEADS - GROUPS) * DIM
    else:
        kind = left.dtype
        a, b = left.to(tl.float32), right.to(tl.float32)
        if NORM:
            root = tl.rsqrt((tl.sum(a * a, 1) + tl.sum(b * b, 1)) / DIM + eps)[:, None]
            weight = query_norm
            if head >= HEADS:
                weight = key_norm
            low = tl.load(weight + at).to(tl.float32)[None, :]
            high = tl.load(weight + half + at).to(tl.float32)[None, :]
            a = (a * root * low).to(kind).to(tl.float32)
            b = (b * root * high).to(kind).to(tl.float32)
        where = tl.load(pos + row)
        c = tl.load(cos + where * half + at)[None, :]
        s = tl.load(sin + where * half + at)[None, :]
        left, right = (a * c - b * s).to(kind), (b * c + a * s).to(kind)
        if head >= HEADS:
            target = keys + (place * GROUPS + head - HEADS) * DIM
        else:
            target = query + (row * HEADS + head) * DIM
    tl.store(target + inside, left)
    tl.store(target + half + inside, right)


def _like(x: Tensor, width: int, eight: bool) -> tuple[Tensor, Tensor]:
    """Room for rows and their scales."""
    out = torch.empty(len(x), width, device=x.device, dtype=EIGHT if eight else x.dtype)
    return out, torch.empty(len(x), 1, device=x.device, dtype=torch.float32)


def _warps(block: int) -> int:
    return max(1, min(16, block // 256))


def add_norm(x: Tensor, delta: Tensor | None, weight: Tensor, eps: float, eight: bool):
    """See `ops.add_norm`."""
    (rows, width), added = x.shape, delta is not None
    out, scale = _like(x, width, eight)
    block = triton.next_power_of_2(width)
    _add_norm[(rows,)](
        x, delta if added else x, weight, out, scale, width, eps,
        ADD=added, QUANT=eight, BLOCK=block, TOP=MOST, num_warps=_warps(block),
    )  # fmt: skip
    return out, scale if eight else None


def gated(x: Tensor, eight: bool):
    """See `ops.gated`."""
    rows, width = len(x), x.shape[1] // 2
    out, scale = _like(x, width, eight)
    block = triton.next_power_of_2(width) if eight else 1024
    grid = (rows, triton.cdiv(width, block))
    _gated[grid](x, out, scale, width, QUANT=eight, BLOCK=block, TOP=MOST, num_warps=_warps(block))
    return out, scale if eight else None


def quantize(x: Tensor):
    """See `ops.quantize`."""
    rows, width = x.shape
    out, scale = _like(x, width, True)
    block = triton.next_power_of_2(width)
    _quantize[(rows,)](x, out, scale, width, BLOCK=block, TOP=MOST, num_warps=_warps(block))
    return out, scale


def store(qkv, tables, pos, slot, kv, norms, eps):
    """See `ops.store`."""
    groups, dim = kv.shape[2:]
    heads = qkv.shape[1] // dim - 2 * groups
    query = torch.empty(len(qkv), heads, dim, device=qkv.device, dtype=qkv.dtype)
    normed = norms[0] is not None
    some = math.gcd(heads, groups, 8)
    _store[(len(qkv), (heads + 2 * groups) // some)](
        qkv, *tables, pos, slot, query, kv[0], kv[1],
        norms[0] if normed else qkv, norms[1] if normed else qkv, eps,
        HEADS=heads, GROUPS=groups, DIM=dim, NORM=normed, SOME=some,
        num_warps=max(1, some // 2),
    )  # fmt: skip
    return query
