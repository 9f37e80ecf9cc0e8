"""Rotary positions and grouped-query attention as one operation, for training.

Between the product that makes queries, keys and values and the one that reads what was heard, a
narrow model only waits for memory: turning, repeating keys, and attention would each read and
write all of it, and again in the gradient.
"""

import importlib.util
import os
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .probe import runs

# Features of a head: halves are multiplied, of at least 16 each, and sums of wider heads do not fit
# the registers of a multiprocessor.
KNOWN = 32, 64


def fits(dim: int, turned: int) -> bool:
    """Are there kernels for heads of `dim` features, of which `turned` are turned?"""
    return turned == dim and dim in KNOWN


@lru_cache
def works() -> bool:
    """Do the kernels run on this GPU? They are tried once, and it is said if they do not.

    In Triton's interpreter they run anywhere.
    """
    if not torch.cuda.is_available():
        interpreted = os.environ.get("TRITON_INTERPRET") == "1"
        return interpreted and importlib.util.find_spec("triton") is not None
    qkv = torch.zeros(1, 64, 3 * 64, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    angles = torch.zeros(1, 1, 64, 64, device="cuda")

    def trial() -> None:
        turned_attention(qkv, angles, angles, None, 1, 1).sum().backward()

    return runs(trial, "attention is not fused, which is slower")


def together(x: Float[Tensor, "*A I"], *layers: nn.Linear) -> Float[Tensor, "*A O"]:
    """What all layers make of `x`, one after another; `x` is read once, its gradient written once.

    The weights are put together anew each time, which pays where `x` has far more rows than they
    have, as in training.
    """
    weight = torch.cat([layer.weight for layer in layers])
    bias = None
    if layers[0].bias is not None:
        bias = torch.cat([layer.bias for layer in layers])
    return F.linear(x, weight, bias)


@torch.library.custom_op("plait::turned_attention", mutates_args=())
def _attention(
    qkv: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None, heads: int, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    from .triton_fused import attend

    return attend(qkv, cos, sin, visible, heads, groups)


@_attention.register_fake
def _attention_shapes(
    qkv: Tensor, cos: Tensor, sin: Tensor, visible: Tensor | None, heads: int, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    del cos, sin, visible
    rows, length, features = qkv.shape
    dim = features // (heads + 2 * groups)
    heard, keys = (qkv.new_empty(rows, length, parts * dim) for parts in (heads, groups))
    return heard, keys, qkv.new_empty(rows, heads, length, dtype=torch.float32)


@torch.library.custom_op("plait::turned_attention_back", mutates_args=())
def _gradient(
    given: Tensor,
    qkv: Tensor,
    cos: Tensor,
    sin: Tensor,
    visible: Tensor | None,
    heard: Tensor,
    keys: Tensor,
    mass: Tensor,
    heads: int,
    groups: int,
) -> Tensor:
    from .triton_fused_back import attend_back

    given = given.contiguous()
    return attend_back(given, qkv, cos, sin, visible, heard, keys, mass, heads, groups)


@_gradient.register_fake
def _gradient_shape(given: Tensor, qkv: Tensor, *others: object) -> Tensor:
    del given, others
    return torch.empty_like(qkv)


def _keep(ctx: torch.autograd.function.FunctionCtx, inputs: tuple, output: tuple) -> None:
    *tensors, ctx.heads, ctx.groups = inputs  # type: ignore[attr-defined]
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    ctx.save_for_backward(*tensors, *output)


def _back(ctx: torch.autograd.function.FunctionCtx, given: Tensor, *_: object) -> tuple:
    saved = ctx.saved_tensors  # type: ignore[attr-defined]
    heads, groups = ctx.heads, ctx.groups  # type: ignore[attr-defined]
    return _gradient(given, *saved, heads, groups), None, None, None, None, None


_attention.register_autograd(_back, setup_context=_keep)


def turned_attention(
    qkv: Float[Tensor, "B L F"],
    cos: Float[Tensor, "#B 1 L T"],
    sin: Float[Tensor, "#B 1 L T"],
    visible: Bool[Tensor, "B 1 #L L"] | None,
    heads: int,
    groups: int,
) -> Float[Tensor, "B L I"]:
    """What each position hears, heads side by side, from a product made for all three.

    F = (heads + 2 groups) D: the queries of all heads, then keys and values of all groups. `cos`
    and `sin` are those of `rope.Turn`, and T = D is one of KNOWN. Positions hear only what is
    `visible`, and each sees at least one. The same as SDPA of turned queries and keys, up to
    rounding (online softmax and recomputed scores as in arXiv:2307.08691; there queries and keys
    are turned before). Raises what Triton raises where it does not work, see `works`.
    """
    if visible is not None and visible.stride(-1) != 1:
        visible = visible.contiguous()
    return _attention(qkv.contiguous(), cos, sin, visible, heads, groups)[0]
