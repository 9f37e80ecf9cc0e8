"""Methods, layouts and a network that tests of caches and of the engine share."""

from dataclasses import replace
from functools import lru_cache

import torch
from tiny import VOCAB, Digits

from plait import cache as caches
from plait import methods
from plait.budget import Budget
from plait.canvas import Canvas
from plait.decode import decode
from plait.layout import Layout, nap, plain
from plait.models.config import Config
from plait.models.denoiser import NetDenoiser
from plait.models.transformer import Transformer

CACHES = caches.names()
PROMPTS = ["123", "4567f89ab", "9"]  # ragged on purpose
STREAMS = nap(streams=3, length=6, summary=4, header="{j}", summary_header="5")
METHODS = {
    "llada": (methods.load("llada", block=6, budget=Budget(2)), plain(16)),
    "fast_dllm": (methods.load("fast_dllm", block=6, threshold=0.6), plain(16)),
    "nap": (methods.load("nap", budget=Budget(3)), STREAMS),
    "confidence": (methods.load("confidence", budget=Budget(rounds=4)), plain(16)),
}
SHAPE = Config(vocab=VOCAB, width=24, layers=2, heads=4, kv_heads=2, hidden=32, head_dim=8)


@lru_cache
def model(name: str = "", shift: bool = False) -> NetDenoiser:
    """A random net, sharp enough that its text depends on what it attends to."""
    torch.manual_seed(3)
    block = {"attention": "block", "block": 6} if name == "exact_block" else {}
    net = Transformer(replace(SHAPE, shift=shift, **block)).eval().requires_grad_(False)
    for weight in net.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.4)
    net.head.weight.data *= 4
    return NetDenoiser(net)


def canvas(layout: Layout, prompts: list[str] = PROMPTS, first: int = 0) -> Canvas:
    return layout.build(Digits(), prompts, range(first, first + len(prompts)), context=128)


@lru_cache
def plainly(method: str, name: str = "", shift: bool = False):
    """The decode without a cache."""
    decoder, layout = METHODS[method]
    return decode(model(name if name == "exact_block" else "", shift), decoder, canvas(layout))


def same(one, other) -> bool:
    (done, traces), (twin, others) = one, other
    return torch.equal(done.tokens, twin.tokens) and all(
        (a.position == b.position).all() and (a.round == b.round).all()
        for a, b in zip(traces, others, strict=True)
    )
