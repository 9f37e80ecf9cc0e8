"""Models of real shapes with random weights: speed does not depend on what they say."""

from dataclasses import replace

import torch

from ..errors import unknown
from ..models.config import Config
from ..models.transformer import Transformer

SHAPES = {
    "tiny": Config(vocab=768, width=320, layers=9, heads=5, kv_heads=5, hidden=896, context=4096),
    "smollm2": Config(
        vocab=49_152,
        width=576,
        layers=30,
        heads=9,
        kv_heads=3,
        hidden=1536,
        context=8192,
        rope_base=100_000.0,
        norm_eps=1e-5,
        qk_norm=False,
    ),
    "llada-8b": Config(
        vocab=126_464,
        width=4096,
        layers=32,
        heads=32,
        kv_heads=32,
        hidden=12_288,
        head_dim=128,
        context=4096,
        rope_base=500_000.0,
        norm_eps=1e-5,
        tied=False,
        qk_norm=False,
    ),
    "dream-7b": Config(
        vocab=152_064,
        width=3584,
        layers=28,
        heads=28,
        kv_heads=4,
        hidden=18_944,
        head_dim=128,
        context=131_072,
        rope_base=1_000_000.0,
        norm_eps=1e-6,
        tied=False,
        qk_norm=False,
        qkv_bias=True,
        shift=True,
    ),
}


def shape(name: str, layers: int | None = None) -> Config:
    """The shape of a published model, perhaps with fewer layers; PlaitError if unknown."""
    if name not in SHAPES:
        raise unknown("shape", name, SHAPES)
    found = SHAPES[name]
    return found if layers is None else replace(found, layers=layers)


def random_net(config: Config, device: torch.device, dtype: torch.dtype) -> Transformer:
    """A network of random weights, made on the device; its gradients are off."""
    usual = torch.get_default_dtype()
    torch.manual_seed(0)
    try:
        torch.set_default_dtype(dtype)
        with device:
            net = Transformer(config)
    finally:
        torch.set_default_dtype(usual)
    return net.eval().requires_grad_(False)
