"""Rotary positions and attention as one operation: when, and that it is the same."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import TrainingArguments

from plait.models import attention as place
from plait.models import fused
from plait.models.attention import Attention
from plait.models.config import Config
from plait.models.rope import Scaling, Turn
from plait.models.transformer import Transformer
from plait.train import run
from plait.train.recipes import load

SHAPE = Config(
    vocab=30, width=48, layers=2, heads=6, kv_heads=2, hidden=64, head_dim=32, qk_norm=False
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needed = pytest.mark.skipif(not fused.works(), reason="needs a GPU, or TRITON_INTERPRET=1")


@pytest.fixture
def working(monkeypatch):
    """As on a GPU with Triton, where nothing is run."""
    monkeypatch.setattr(place, "works", lambda: True)


@pytest.mark.parametrize(
    ("dim", "turned", "known"),
    [(64, 64, True), (32, 32, True), (128, 128, False), (16, 16, False), (48, 48, False),
     (64, 32, False)],
)  # fmt: skip
def test_heads_that_there_are_kernels_for(dim, turned, known):
    assert fused.fits(dim, turned) == known


@pytest.mark.parametrize(
    "change", [{"qk_norm": True}, {"rotary": False, "context": 64}, {"head_dim": 128}]
)
def test_other_shapes_are_left_to_torch(working, change):
    attention = Attention(replace(SHAPE, **change))
    attention.fuse()
    assert not attention.fused


def test_layers_with_an_adapter_are_left_to_torch(working):
    class Adapted(nn.Linear):
        """Stands for a layer whose weight is not all that it does."""

    attention = Attention(SHAPE)
    attention.fuse()
    assert attention.fused
    attention.value = Adapted(48, 64, bias=False)
    attention.fuse()
    assert not attention.fused


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, True), ({"fused": False}, False), ({"precision": "float32"}, False),
     ({"shard": True}, False)],
)  # fmt: skip
def test_recipes_that_fuse(working, change, expected):
    class OnGpu(TrainingArguments):
        device = torch.device("cuda")

    net, gpu = Transformer(SHAPE), OnGpu.__new__(OnGpu)
    run._denoise(replace(load("toy"), compiled=False, **change), net, gpu)
    assert all(block.attention.fused == expected for block in net.blocks)


def through(net: Transformer, tokens, pos, visible) -> list[torch.Tensor]:
    """The logits, and the gradient of every weight."""
    net.zero_grad()
    out = net(tokens, pos, visible)
    out.square().mean().backward()
    return [out.detach(), *(weight.grad.clone() for weight in net.parameters())]


@needed
@pytest.mark.parametrize("change", [{}, {"qkv_bias": True, "scaling": Scaling("yarn", 4.0, 16)}])
@pytest.mark.parametrize("sight", ["all", "some keys", "each its own", "transposed"])
@pytest.mark.parametrize("length", [64, 70])
def test_the_same_logits_and_gradients(change, sight, length):
    torch.manual_seed(0)
    net = Transformer(replace(SHAPE, **change)).to(DEVICE)
    tokens = torch.randint(30, (3, length), device=DEVICE)
    pos = torch.arange(length, device=DEVICE).expand(3, -1)
    visible = None
    if sight != "all":
        visible = torch.rand(3, 1 if sight == "some keys" else length, length, device=DEVICE) < 0.6
        visible = visible.mT if sight == "transposed" else visible
        pos = pos + torch.arange(3, device=DEVICE)[:, None]  # each row its own angles
    true = through(net, tokens, pos, visible)
    for block in net.blocks:
        block.attention.fuse()
        assert block.attention.fused
    for ours, theirs in zip(through(net, tokens, pos, visible), true, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@needed
@pytest.mark.parametrize("seen", [None, 0.5])
@pytest.mark.parametrize("dim", fused.KNOWN)
def test_in_two_bytes_it_is_as_near_as_these_are(dim, seen):
    """bfloat16 on a GPU; the interpreter has float16."""
    torch.manual_seed(0)
    dtype, length = (torch.bfloat16 if DEVICE == "cuda" else torch.float16), 80
    qkv = torch.randn(2, length, 8 * dim, device=DEVICE).to(dtype)  # six heads, one group
    given = torch.randn(2, length, 6 * dim, device=DEVICE).to(dtype)
    turn = Turn.at(torch.arange(length, device=DEVICE)[None], dim, 1e4)
    visible = None
    if seen is not None:
        visible = torch.rand(2, 1, length, length, device=DEVICE) < seen
        visible |= torch.eye(length, dtype=torch.bool, device=DEVICE)
    true = qkv.float().requires_grad_()
    query, key, value = (
        part.unflatten(-1, (-1, dim)).transpose(1, 2)
        for part in true.split([6 * dim, dim, dim], -1)
    )
    query, key, value = turn(query), turn(key).expand_as(query), value.expand_as(query)
    heard = F.scaled_dot_product_attention(query, key, value, visible).transpose(1, 2).flatten(2)
    heard.backward(given.float())
    ours = qkv.requires_grad_()
    out = fused.turned_attention(ours, turn.cos, turn.sin, visible, 6, 1)
    out.backward(given)
    for one, other in ((out, heard), (ours.grad, true.grad)):
        assert (one.float() - other).norm() < 0.01 * other.norm()


def test_after_training_nothing_is_fused(working):
    net = Transformer(SHAPE)
    for block in net.blocks:
        block.attention.fuse()
    tokens = torch.zeros(1, 8, dtype=torch.long)
    net.eval()(tokens, torch.arange(8)[None])  # without a GPU the operation would fail
