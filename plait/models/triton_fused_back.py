"""Kernels of the gradient of attention whose queries and keys are turned (see `fused`).

Each adds up what belongs to its own positions, so that no two add up in the same place; scores are
computed twice instead.
"""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

from typing import no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

from .triton_fused import Launch, halves, mine, product, put, rows, seen, turn_back, turned


@triton.jit
@no_type_check
def _back_queries(
    qkv, keys, cos, sin, mask, out, mass, given, made, queries, along, length, scale, natural,
    angle_row, mask_row, mask_query,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
    BLOCKS: tl.constexpr, SIDE: tl.constexpr, EVEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradient of SIDE queries of one head.

    Writes for `_back_keys` too: the turned queries, and the share of what was given that lies
    along what was heard.
    """
    STRIDE: tl.constexpr = (HEADS + 2 * GROUPS) * DIM
    WIDTH: tl.constexpr = HEADS * DIM
    HALF: tl.constexpr = DIM // 2
    row, head, asked = mine(HEADS, BLOCKS, SIDE)
    group = head // (HEADS // GROUPS)
    base = qkv + row * length * STRIDE
    cos += row * angle_row
    sin += row * angle_row
    mask += row * mask_row
    q1, q2 = turned(base + head * DIM, cos, sin, asked, length, STRIDE, HALF, EVEN)
    near = row * length * WIDTH + head * DIM
    put(queries + near, q1, asked, length, WIDTH, HALF, EVEN)
    put(queries + near + HALF, q2, asked, length, WIDTH, HALF, EVEN)
    got = rows(given + near, asked, length, WIDTH, DIM, EVEN)
    heard = rows(out + near, asked, length, WIDTH, DIM, EVEN)
    share = tl.sum(got.to(tl.float32) * heard.to(tl.float32), 1)
    line = (row * HEADS + head) * length + asked
    tl.store(along + line, share, mask=asked < length)
    weight = tl.load(mass + line, mask=asked < length, other=0.0)
    key = keys + row * length * GROUPS * DIM + group * DIM
    value = base + (HEADS + GROUPS + group) * DIM
    dq1, dq2 = tl.zeros((SIDE, HALF), tl.float32), tl.zeros((SIDE, HALF), tl.float32)
    for block in range(BLOCKS):
        place = block * SIDE + tl.arange(0, SIDE)
        both, some = seen(mask, asked[:, None], place[None, :], length, mask_query, MASK, EVEN)
        if some:
            k1, k2 = halves(key, place, length, GROUPS * DIM, HALF, EVEN)
            v = rows(value, place, length, STRIDE, DIM, EVEN)
            score = product(q1, q2, k1, k2, PRECISION) * scale
            dp = tl.dot(got, tl.trans(v), input_precision=PRECISION)
            p = tl.where(both, tl.exp2(score - weight[:, None]), 0.0)
            ds = (p * (dp - share[:, None])).to(k1.dtype)
            dq1 = tl.dot(ds, k1, dq1, input_precision=PRECISION)
            dq2 = tl.dot(ds, k2, dq2, input_precision=PRECISION)
    to = made + row * length * STRIDE + head * DIM
    turn_back(to, dq1 * natural, dq2 * natural, cos, sin, asked, length, STRIDE, HALF, EVEN)


@triton.jit
@no_type_check
def _back_keys(
    qkv, keys, cos, sin, mask, mass, given, made, queries, along, length, scale, natural,
    angle_row, mask_row, mask_query,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
    BLOCKS: tl.constexpr, SIDE: tl.constexpr, EVEN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradients of SIDE keys and values of one group, from all its heads."""
    STRIDE: tl.constexpr = (HEADS + 2 * GROUPS) * DIM
    WIDTH: tl.constexpr = HEADS * DIM
    TIMES: tl.constexpr = HEADS // GROUPS
    HALF: tl.constexpr = DIM // 2
    row, group, own = mine(GROUPS, BLOCKS, SIDE)
    mask += row * mask_row
    key = keys + row * length * GROUPS * DIM + group * DIM
    k1, k2 = halves(key, own, length, GROUPS * DIM, HALF, EVEN)
    value = qkv + row * length * STRIDE + (HEADS + GROUPS + group) * DIM
    v = rows(value, own, length, STRIDE, DIM, EVEN)
    dk1, dk2 = tl.zeros((SIDE, HALF), tl.float32), tl.zeros((SIDE, HALF), tl.float32)
    dv = tl.zeros((SIDE, DIM), tl.float32)
    for step in range(TIMES * BLOCKS):
        head, asked = group * TIMES + step // BLOCKS, step % BLOCKS * SIDE + tl.arange(0, SIDE)
        both, some = seen(mask, asked[None, :], own[:, None], length, mask_query, MASK, EVEN)
        if some:
            near = row * length * WIDTH + head * DIM
            line = (row * HEADS + head) * length + asked
            q1, q2 = halves(queries + near, asked, length, WIDTH, HALF, EVEN)
            got = rows(given + near, asked, length, WIDTH, DIM, EVEN)
            weight = tl.load(mass + line, mask=asked < length, other=0.0)
            share = tl.load(along + line, mask=asked < length, other=0.0)
            score = product(k1, k2, q1, q2, PRECISION) * scale
            p = tl.where(both, tl.exp2(score - weight[None, :]), 0.0)
            dv = tl.dot(p.to(got.dtype), got, dv, input_precision=PRECISION)
            dp = tl.dot(v, tl.trans(got), input_precision=PRECISION)
            ds = (p * (dp - share[None, :])).to(q1.dtype)
            dk1 = tl.dot(ds, q1, dk1, input_precision=PRECISION)
            dk2 = tl.dot(ds, q2, dk2, input_precision=PRECISION)
    to = made + row * length * STRIDE + (HEADS + group) * DIM
    cos += row * angle_row
    sin += row * angle_row
    turn_back(to, dk1 * natural, dk2 * natural, cos, sin, own, length, STRIDE, HALF, EVEN)
    put(to + GROUPS * DIM, dv, own, length, STRIDE, DIM, EVEN)


def attend_back(
    given: Tensor,
    qkv: Tensor,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor | None,
    out: Tensor,
    keys: Tensor,
    mass: Tensor,
    heads: int,
    groups: int,
) -> Tensor:
    """The gradient of `qkv`, from that of what was heard."""
    by = Launch(qkv, cos, mask, heads, groups)
    gradient, queries, along = torch.empty_like(qkv), torch.empty_like(out), torch.empty_like(mass)
    _back_queries[by.blocks * by.rows * heads,](
        qkv, keys, cos, sin, by.mask, out, mass, given, gradient, queries, along, by.length,
        *by.scales, by.angle, *by.strides, **by.how,
    )  # fmt: skip
    _back_keys[by.blocks * by.rows * groups,](
        qkv, keys, cos, sin, by.mask, mass, given, gradient, queries, along, by.length,
        *by.scales, by.angle, *by.strides, **by.how,
    )  # fmt: skip
    return gradient
