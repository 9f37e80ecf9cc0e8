"""Rotary positions and attention as one operation: when, and that it is the same."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from plait.models.attention import Attention
from plait.models.config import Config
from plait.models.fused import fits
from plait.models.rope import Scaling
from plait.models.transformer import Transformer

SHAPE = Config(
    vocab=30, width=48, layers=2, heads=6, kv_heads=2, hidden=64, head_dim=32, qk_norm=False
)


@pytest.mark.parametrize(
    ("dim", "turned", "known"),
    [(64, 64, True), (16, 16, True), (128, 128, False), (8, 8, False), (48, 48, False),
     (64, 32, False)],
)  # fmt: skip
def test_heads_that_there_are_kernels_for(dim, turned, known):
    assert fits(dim, turned) == known


@pytest.mark.parametrize(
    "change", [{"qk_norm": True}, {"rotary": False, "context": 64}, {"head_dim": 128}]
)
def test_other_shapes_are_left_to_torch(change):
    attention = Attention(replace(SHAPE, **change))
    attention.fuse()
    assert not attention.fused


def test_layers_with_an_adapter_are_left_to_torch():
    class Adapted(nn.Linear):
        """Stands for a layer whose weight is not all that it does."""

    attention = Attention(SHAPE)
    attention.fuse()
    assert attention.fused
    attention.value = Adapted(48, 64, bias=False)
    attention.fuse()
    assert not attention.fused


def through(net: Transformer, tokens, pos, visible) -> list[torch.Tensor]:
    """The logits, and the gradient of every weight."""
    net.zero_grad()
    out = net(tokens, pos, visible)
    out.square().mean().backward()
    return [out.detach(), *(weight.grad.clone() for weight in net.parameters())]


@pytest.mark.parametrize("change", [{}, {"qkv_bias": True, "scaling": Scaling("yarn", 4.0, 16)}])
@pytest.mark.parametrize("sight", ["all", "some keys", "each its own"])
@pytest.mark.parametrize("length", [64, 70])
def test_the_same_logits_and_gradients(change, sight, length):
    if not torch.cuda.is_available():
        triton = pytest.importorskip("triton")
        triton.knobs.runtime.interpret or pytest.skip("needs a GPU or TRITON_INTERPRET=1")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    net = Transformer(replace(SHAPE, **change)).to(device)
    tokens = torch.randint(30, (3, length), device=device)
    pos = torch.arange(length, device=device).expand(3, -1)
    visible = None
    if sight != "all":
        visible = torch.rand(3, 1 if sight == "some keys" else length, length, device=device) < 0.6
        pos = pos + torch.arange(3, device=device)[:, None]  # each row its own angles
    true = through(net, tokens, pos, visible)
    for block in net.blocks:
        block.attention.fuse()
        assert block.attention.fused
    for ours, theirs in zip(through(net, tokens, pos, visible), true, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
