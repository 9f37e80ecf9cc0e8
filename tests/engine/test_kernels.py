"""Triton kernels against torch: on a GPU, or anywhere with TRITON_INTERPRET=1."""

import pytest
import torch
import torch.nn.functional as F

from plait.engine import ops
from plait.engine.weights import Linear

if not torch.cuda.is_available():
    triton = pytest.importorskip("triton")
    triton.knobs.runtime.interpret or pytest.skip("needs a GPU", allow_module_level=True)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def noise(*shape: int) -> torch.Tensor:
    torch.manual_seed(sum(shape))
    return torch.randn(shape)


def close(ours: torch.Tensor, true: torch.Tensor) -> None:
    torch.testing.assert_close(ours.cpu(), true, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("width", [320, 512])
@pytest.mark.parametrize("added", [False, True])
def test_norm_of_a_sum(width, added):
    from plait.engine import triton_ops

    x, delta, weight = noise(5, width), noise(5, width) if added else None, noise(width)
    ours, true = x.to(DEVICE), x.clone()
    other = None if delta is None else delta.to(DEVICE)
    close(
        triton_ops.add_norm(ours, other, weight.to(DEVICE), 1e-6, False)[0],
        ops.add_norm(true, delta, weight, 1e-6)[0],
    )
    close(ours, true)


def test_gate():
    from plait.engine import triton_ops

    close(triton_ops.gated(noise(5, 2800).to(DEVICE), False)[0], ops.gated(noise(5, 2800))[0])


@pytest.mark.parametrize(("heads", "groups"), [(8, 8), (28, 4), (9, 3)])
@pytest.mark.parametrize("normed", [False, True])
def test_turning_and_writing(heads, groups, normed):
    from plait.engine import triton_ops

    dim, pos, slot = 64, torch.tensor([3, 49, 0, 7]), torch.tensor([0, 11, 2, 5])
    qkv, tables = noise(4, (heads + 2 * groups) * dim), (noise(50, dim // 2), noise(50, dim // 2))
    norms = (noise(dim), noise(dim)) if normed else (None, None)
    kept, ours = torch.zeros(2, 12, groups, dim), torch.zeros(2, 12, groups, dim, device=DEVICE)
    true = ops.store(qkv, tables, pos, slot, kept, norms, 1e-6)
    placed = [None if norm is None else norm.to(DEVICE) for norm in norms]
    there = [x.to(DEVICE) for x in (*tables, pos, slot)]
    found = triton_ops.store(qkv.to(DEVICE), there[:2], *there[2:], ours, placed, 1e-6)
    close(found, true)
    close(ours, kept)


@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize("biased", [False, True])
def test_few_rows(rows, biased):
    from plait.engine.triton_linear import Tile, thin

    tile, x, weight = Tile(32, 128, 4, 2), noise(rows, 256), noise(70, 256)
    bias = noise(70) if biased else None
    by = Linear(weight.to(DEVICE), None if bias is None else bias.to(DEVICE))
    torch.testing.assert_close(
        thin(x.to(DEVICE), by, tile).cpu(), F.linear(x, weight, bias), rtol=1e-4, atol=1e-4
    )
    if not biased:
        gate, up = F.linear(x, weight).chunk(2, -1)
        made = thin(x.to(DEVICE), by, tile, gated=True).cpu()
        torch.testing.assert_close(made, F.silu(gate) * up, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="not a multiple"):
        thin(x.to(DEVICE), by, Tile(32, 96, 4, 2))


@pytest.mark.parametrize("shares", [1, 3])
@pytest.mark.parametrize(("heads", "groups", "queries"), [(4, 4, 20), (6, 2, 3), (7, 1, 40)])
@pytest.mark.parametrize("masked", ["no", "row", "each"])
def test_attention_in_shares(heads, groups, queries, masked, shares):
    """Rows of an engine's bank, whose places lie further apart than their positions."""
    from plait.engine.triton_attention import Cut, attend

    rows, length, dim = 2, 150, 32
    bank, query = noise(2, rows * (length + 1), groups, dim), noise(rows, queries, heads, dim)
    mask = None if masked == "no" else noise(rows, 1, {"row": 1}.get(masked, queries), length) > 0
    if mask is not None:
        mask[..., :70] = False  # the whole first share
    keys = bank.to(DEVICE).unflatten(1, (rows, -1))[:, :, :-1].transpose(2, 3)
    placed = None if mask is None else mask.to(DEVICE)
    found = attend(query.to(DEVICE), *keys, placed, Cut(shares))
    key, value = bank.unflatten(1, (rows, -1))[:, :, :-1].transpose(2, 3)
    true = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, mask, enable_gqa=True)
    torch.testing.assert_close(found.cpu(), true.transpose(1, 2), rtol=1e-4, atol=1e-5)
