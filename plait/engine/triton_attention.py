"""Attention with its keys in shares: few queries alone would leave most of the device idle.

Each program reads one share of the keys of one group of heads. A second, small kernel joins the
shares. Sums are float32.
"""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

import math
from dataclasses import dataclass
from typing import no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

from .head import LOW

FEW = 256  # queries; without a mask the library is as fast with more
PROGRAMS = 1056  # eight for each multiprocessor of a large device: more shares only cost sums


@dataclass(frozen=True)
class Cut:
    """How attention is cut: into how many shares of the keys, and how many keys at a time."""

    shares: int
    keys: int = 64


@triton.jit
@no_type_check
def _attend(
    query, key, value, mask, out, tops, masses, queries, length, share, scale,
    key_row, key_group, key_place, mask_row, mask_query,
    HEADS: tl.constexpr, TIMES: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
    JOIN: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, PRECISION: tl.constexpr,
    FLOOR: tl.constexpr,
):  # fmt: skip
    """BM pairs of a query and one of the TIMES heads that share keys; scores are in log 2.

    MASK: 0 = none, 1 = the same for all queries of a row, 2 = each its own.
    """
    groups: tl.constexpr = HEADS // TIMES
    pair = tl.program_id(0) * BM + tl.arange(0, BM)
    row, group = tl.program_id(1) // groups, tl.program_id(1) % groups
    asked, head = pair // TIMES, group * TIMES + pair % TIMES
    d, n = tl.arange(0, DIM), tl.arange(0, BN)
    real, line = asked < queries, (row * queries + asked).to(tl.int64) * HEADS + head
    q = tl.load(query + line[:, None] * DIM + d[None, :], mask=real[:, None], other=0.0)
    base = row.to(tl.int64) * key_row + group * key_group
    top, mass = tl.full((BM,), FLOOR, tl.float32), tl.zeros((BM,), tl.float32)
    sums = tl.zeros((BM, DIM), tl.float32)
    first, last = tl.program_id(2) * share, tl.minimum((tl.program_id(2) + 1) * share, length)
    for start in range(first, last, BN):
        place = start + n
        there = place < last
        near = base + place.to(tl.int64) * key_place
        k = tl.load(key + near[None, :] + d[:, None], mask=there[None, :], other=0.0)
        score = tl.dot(q, k, input_precision=PRECISION) * scale
        if MASK == 1:
            there &= tl.load(mask + row.to(tl.int64) * mask_row + place, mask=there, other=0) != 0
        score = tl.where(there[None, :], score, FLOOR)
        if MASK == 2:
            far = row.to(tl.int64) * mask_row + asked[:, None].to(tl.int64) * mask_query
            both = real[:, None] & there[None, :]
            seen = tl.load(mask + far + place[None, :], mask=both, other=0)
            score = tl.where(seen != 0, score, FLOOR)
        higher = tl.maximum(top, tl.max(score, 1))
        p, fade = tl.exp2(score - higher[:, None]), tl.exp2(top - higher)
        mass = mass * fade + tl.sum(p, 1)
        v = tl.load(value + near[:, None] + d[None, :], mask=(place < last)[:, None], other=0.0)
        sums = tl.dot(p.to(v.dtype), v, sums * fade[:, None], input_precision=PRECISION)
        top = higher
    if JOIN:
        line += tl.program_id(2).to(tl.int64) * (tl.num_programs(1) // groups) * queries * HEADS
        tl.store(tops + line, top, mask=real)
        tl.store(masses + line, mass, mask=real)
        tl.store(out + line[:, None] * DIM + d[None, :], sums, mask=real[:, None])
    else:
        made = (sums / mass[:, None]).to(out.dtype.element_ty)
        tl.store(out + line[:, None] * DIM + d[None, :], made, mask=real[:, None])


@triton.jit
@no_type_check
def _join(
    sums, tops, masses, out, lines, shares, DIM: tl.constexpr, S: tl.constexpr, BM: tl.constexpr,
):  # fmt: skip
    """Add up the shares of BM lines (a query and a head each)."""
    line, s, d = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, S), tl.arange(0, DIM)
    there = (s < shares)[:, None] & (line < lines)[None, :]
    at = s[:, None].to(tl.int64) * lines + line[None, :]
    top = tl.load(tops + at, mask=there, other=-1e30)
    weight = tl.exp2(top - tl.max(top, 0)[None, :])
    mass = tl.sum(weight * tl.load(masses + at, mask=there, other=0.0), 0)
    parts = tl.load(sums + at[:, :, None] * DIM + d[None, None, :], mask=there[:, :, None], other=0)
    made = tl.sum(weight[:, :, None] * parts, 0) / mass[:, None]
    target = out + line[:, None].to(tl.int64) * DIM + d[None, :]
    tl.store(target, made.to(out.dtype.element_ty), mask=(line < lines)[:, None])


def _rows(pairs: int) -> int:
    """Pairs of a query and a head that one program takes."""
    return next((size for size in (16, 32, 64) if pairs <= size), 64 if pairs <= 256 else 128)


def cuts(rows: int, groups: int, pairs: int, length: int, dim: int) -> tuple[Cut, ...]:
    """The ways to cut attention that are worth a try; none if heads are not a power of 2."""
    if dim & dim - 1 or not 16 <= dim <= 256:
        return ()
    programs = rows * groups * triton.cdiv(pairs, _rows(pairs))
    most = max(1, min(PROGRAMS // programs, length // 64))
    return tuple(Cut(n) for n in (1, 2, 4, 6, 8, 12, 16) if most // 8 <= n <= most)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, cut: Cut) -> Tensor:
    """Return softmax(q k^T / sqrt(D)) v, [B, N, H, D], of contiguous queries of the same shape.

    Keys and values are [B, G, L, D] with equal strides and features side by side; each group
    serves H / G heads. The mask is [B, 1, 1 or N, L] or None.
    """
    (rows, queries, heads, dim), (groups, length) = query.shape, key.shape[1:3]
    times = heads // groups
    share = triton.cdiv(triton.cdiv(length, cut.shares), cut.keys) * cut.keys
    shares = triton.cdiv(length, share)
    block, lines = _rows(queries * times), rows * queries * heads
    out = torch.empty_like(query)
    parts, tops, masses = out, out, out
    if shares > 1:
        parts = query.new_empty(shares, lines, dim, dtype=torch.float32)
        tops, masses = query.new_empty(2, shares, lines, dtype=torch.float32)
    kind = 0 if mask is None else 1 if mask.shape[2] == 1 or not mask.stride(2) else 2
    strides = (0, 0) if mask is None else (mask.stride(0), mask.stride(2))
    _attend[triton.cdiv(queries * times, block), rows * groups, shares](
        query, key, value, query if mask is None else mask.view(torch.uint8), parts, tops, masses,
        queries, length, share, math.log2(math.e) / dim**0.5, *key.stride()[:3], *strides,
        HEADS=heads, TIMES=times, DIM=dim, MASK=kind, JOIN=shares > 1, BM=block, BN=cut.keys,
        PRECISION="ieee" if query.dtype == torch.float32 else "tf32", FLOOR=LOW,
        num_warps=8 if block == 128 or kind == 2 else 4, num_stages=3,
    )  # fmt: skip
    if shares > 1:
        _join[triton.cdiv(lines, 4),](
            parts, tops, masses, out, lines, shares,
            DIM=dim, S=triton.next_power_of_2(shares), BM=4, num_warps=4,
        )  # fmt: skip
    return out
