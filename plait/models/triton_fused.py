"""Kernels of attention whose queries and keys are turned on the way (see `fused`).

Keys are turned once, queries where they are read, and heads that share keys read the same ones.
Sums are float32.
"""

# mypy: disable-error-code="no-untyped-def"
# Kernels are not type checked: a checker's wrapper hides the names of this module from Triton.

import math
from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from torch import Tensor

SIDE = 64  # queries and keys of a tile
LOG2E = math.log2(math.e)
FLOOR = -1e30  # the score of what is not seen


@triton.jit
@no_type_check
def mine(PARTS: tl.constexpr, BLOCKS: tl.constexpr, SIDE: tl.constexpr):
    """The row of this program, which of the row's heads or groups it is for, and its positions.

    Programs are counted along one axis: a grid's others are short.
    """
    part = tl.program_id(0) // BLOCKS
    place = tl.program_id(0) % BLOCKS * SIDE + tl.arange(0, SIDE)
    return (part // PARTS).to(tl.int64), part % PARTS, place


@triton.jit
@no_type_check
def rows(x, place, length, STRIDE: tl.constexpr, WIDTH: tl.constexpr, EVEN: tl.constexpr):
    """WIDTH features of some positions; 0 beyond the last position."""
    near = place[:, None] * STRIDE + tl.arange(0, WIDTH)[None, :]
    if EVEN:
        return tl.load(x + near)
    return tl.load(x + near, mask=(place < length)[:, None], other=0.0)


@triton.jit
@no_type_check
def put(x, made, place, length, STRIDE: tl.constexpr, WIDTH: tl.constexpr, EVEN: tl.constexpr):
    """Write features of some positions."""
    near = place[:, None] * STRIDE + tl.arange(0, WIDTH)[None, :]
    there = (place < length)[:, None] | EVEN
    tl.store(x + near, made.to(x.dtype.element_ty), mask=there)


@triton.jit
@no_type_check
def halves(x, place, length, STRIDE: tl.constexpr, HALF: tl.constexpr, EVEN: tl.constexpr):
    """Both halves of the features of some positions."""
    one = rows(x, place, length, STRIDE, HALF, EVEN)
    return one, rows(x + HALF, place, length, STRIDE, HALF, EVEN)


@triton.jit
@no_type_check
def product(one, two, other_one, other_two, PRECISION: tl.constexpr):
    """Each of some vectors times each of others, all in halves."""
    sums = tl.dot(one, tl.trans(other_one), input_precision=PRECISION)
    return tl.dot(two, tl.trans(other_two), sums, input_precision=PRECISION)


@triton.jit
@no_type_check
def turned(
    x, cos, sin, place, length, STRIDE: tl.constexpr, HALF: tl.constexpr, EVEN: tl.constexpr
):  # fmt: skip
    """Both halves of the features of some positions, turned."""
    first, second = halves(x, place, length, STRIDE, HALF, EVEN)
    c = rows(cos, place, length, 2 * HALF, HALF, EVEN)
    s = rows(sin + HALF, place, length, 2 * HALF, HALF, EVEN)
    one, two = first * c - second * s, second * c + first * s
    return one.to(x.dtype.element_ty), two.to(x.dtype.element_ty)


@triton.jit
@no_type_check
def turn_back(
    x, one, two, cos, sin, place, length, STRIDE: tl.constexpr, HALF: tl.constexpr,
    EVEN: tl.constexpr,
):  # fmt: skip
    """Write the gradient of what `turned` read, from that of what it returned."""
    c = rows(cos, place, length, 2 * HALF, HALF, EVEN)
    s = rows(sin + HALF, place, length, 2 * HALF, HALF, EVEN)
    put(x, one * c + two * s, place, length, STRIDE, HALF, EVEN)
    put(x + HALF, two * c - one * s, place, length, STRIDE, HALF, EVEN)


@triton.jit
@no_type_check
def seen(mask, asked, place, length, mask_query, MASK: tl.constexpr, EVEN: tl.constexpr):
    """Which pairs of a query and a key of a tile count, and whether there are any.

    `asked` and `place` are of shapes that broadcast. True where all do, which then costs nothing.
    """
    if MASK:
        there = (asked < length) & (place < length)
        near = asked.to(tl.int64) * mask_query + place
        both = tl.load(mask + near, mask=there, other=0) != 0
        return both, tl.max(tl.max(both.to(tl.int32), 1), 0) > 0
    elif EVEN:  # noqa: RET505 (after a return, only branches of one statement are left out)
        return True, True
    else:
        return (asked < length) & (place < length), True


@triton.jit
@no_type_check
def _turn_keys(
    qkv, cos, sin, keys, length, angle_row,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, BLOCKS: tl.constexpr,
    SIDE: tl.constexpr, EVEN: tl.constexpr,
):  # fmt: skip
    """SIDE keys of one group."""
    STRIDE: tl.constexpr = (HEADS + 2 * GROUPS) * DIM
    HALF: tl.constexpr = DIM // 2
    row, group, place = mine(GROUPS, BLOCKS, SIDE)
    key = qkv + row * length * STRIDE + (HEADS + group) * DIM
    cos += row * angle_row
    sin += row * angle_row
    one, two = turned(key, cos, sin, place, length, STRIDE, HALF, EVEN)
    to = keys + row * length * GROUPS * DIM + group * DIM
    put(to, one, place, length, GROUPS * DIM, HALF, EVEN)
    put(to + HALF, two, place, length, GROUPS * DIM, HALF, EVEN)


@triton.jit
@no_type_check
def _attend(
    qkv, keys, cos, sin, mask, out, mass, length, scale, angle_row, mask_row, mask_query,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
    BLOCKS: tl.constexpr, SIDE: tl.constexpr, EVEN: tl.constexpr, PRECISION: tl.constexpr,
    FLOOR: tl.constexpr,
):  # fmt: skip
    """SIDE queries of one head; scores are in log 2, and so is the logarithm of their mass."""
    STRIDE: tl.constexpr = (HEADS + 2 * GROUPS) * DIM
    HALF: tl.constexpr = DIM // 2
    row, head, asked = mine(HEADS, BLOCKS, SIDE)
    group = head // (HEADS // GROUPS)
    qkv += row * length * STRIDE
    mask += row * mask_row
    q1, q2 = turned(
        qkv + head * DIM, cos + row * angle_row, sin + row * angle_row, asked, length,
        STRIDE, HALF, EVEN,
    )  # fmt: skip
    key = keys + row * length * GROUPS * DIM + group * DIM
    value = qkv + (HEADS + GROUPS + group) * DIM
    top, whole = tl.full((SIDE,), FLOOR, tl.float32), tl.zeros((SIDE,), tl.float32)
    heard = tl.zeros((SIDE, DIM), tl.float32)
    for block in range(BLOCKS):
        place = block * SIDE + tl.arange(0, SIDE)
        both, some = seen(mask, asked[:, None], place[None, :], length, mask_query, MASK, EVEN)
        if some:
            k1, k2 = halves(key, place, length, GROUPS * DIM, HALF, EVEN)
            v = rows(value, place, length, STRIDE, DIM, EVEN)
            score = product(q1, q2, k1, k2, PRECISION) * scale
            score = tl.where(both, score, FLOOR)
            higher = tl.maximum(top, tl.max(score, 1))
            p, fade = tl.exp2(score - higher[:, None]), tl.exp2(top - higher)
            whole = whole * fade + tl.sum(p, 1)
            heard = tl.dot(p.to(v.dtype), v, heard * fade[:, None], input_precision=PRECISION)
            top = higher
    to = out + row * length * HEADS * DIM + head * DIM
    put(to, heard / whole[:, None], asked, length, HEADS * DIM, DIM, EVEN)
    masses = mass + (row * HEADS + head) * length
    tl.store(masses + asked, top + tl.log2(whole), mask=asked < length)


class Launch:
    """What the kernels of one call have in common. `sin` has the strides of `cos`."""

    def __init__(self, qkv: Tensor, cos: Tensor, mask: Tensor | None, heads: int, groups: int):
        self.rows, self.length, features = qkv.shape
        self.dim = features // (heads + 2 * groups)
        self.blocks = triton.cdiv(self.length, SIDE)
        self.mask = qkv if mask is None else mask.view(torch.uint8)
        self.angle = 0 if len(cos) == 1 else cos.stride(0)
        self.strides = (0, 0)
        if mask is not None:
            across, down = len(mask) > 1, mask.shape[2] > 1
            self.strides = across * mask.stride(0), down * mask.stride(2)
        self.shape: dict[str, Any] = {
            "HEADS": heads,
            "GROUPS": groups,
            "DIM": self.dim,
            "BLOCKS": self.blocks,
            "SIDE": SIDE,
            "EVEN": self.length % SIDE == 0,
            "num_warps": 4,  # twice as many were half as fast (H100, 64 features, 192 positions)
        }
        exact = qkv.dtype == torch.float32  # as in tests: slow, and three stages would not fit
        self.how = self.shape | {
            "MASK": mask is not None,
            "PRECISION": "ieee" if exact else "tf32",
            "num_stages": 1 if exact else 3,
        }
        natural = self.dim**-0.5
        self.scales = LOG2E * natural, natural


def attend(
    qkv: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, heads: int, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What each position hears, [B, L, H D], the turned keys, and the mass of scores, [B, H, L].

    The mass is a logarithm of base 2.
    """
    by = Launch(qkv, cos, mask, heads, groups)
    keys = qkv.new_empty(by.rows, by.length, groups * by.dim)
    out = qkv.new_empty(by.rows, by.length, heads * by.dim)
    mass = qkv.new_empty(by.rows, heads, by.length, dtype=torch.float32)
    _turn_keys[by.blocks * by.rows * groups,](qkv, cos, sin, keys, by.length, by.angle, **by.shape)
    _attend[by.blocks * by.rows * heads,](
        qkv, keys, cos, sin, by.mask, out, mass, by.length, by.scales[0], by.angle,
        *by.strides, **by.how, FLOOR=FLOOR,
    )  # fmt: skip
    return out, keys, mass
