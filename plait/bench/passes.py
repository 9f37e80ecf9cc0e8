"""Single forward passes against the roofline."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from ..engine.forward import Bank, Forward
from ..engine.head import choose
from .setting import BLOCK, Setting

CANVAS = 1174  # positions: a prompt of 150 and a text of 1,024


def ceilings(s: Setting) -> dict[str, Any]:
    """A large matrix product and a large copy."""
    found = s.ceilings
    return {"TFLOP/s": round(found.flops / 1e12, 1), "TB/s": round(found.bytes / 1e12, 3)}


def timed(s: Setting, length: int, queries: int | None = None) -> dict[str, Any]:
    """One pass as a CUDA graph, and the share of the roofline it reaches."""
    taken = s.time(s.graph(s.pass_over(length, queries)))
    floor = s.work(length, queries).floor(s.ceilings)
    return {"ms": round(taken, 3), "floor ms": round(floor, 3), "share": round(floor / taken, 3)}


@torch.inference_mode()
def forward(s: Setting) -> dict[str, Any]:
    """All positions recomputed, with a choice at each; beside it the plain network's logits."""
    found: dict[str, Any] = {}
    for length in map(s.positions, (512, 1024, 2048)):
        found[str(length)] = timed(s, length)
        tokens = torch.randint(0, s.mask_id, (1, length), device=s.device)
        pos = torch.arange(length, device=s.device)[None]
        plain = s.time(partial(s.net, tokens, pos), 5, 2)
        found[str(length)]["plain network ms"] = round(plain, 3)
    return found


@torch.inference_mode()
def eight(s: Setting) -> dict[str, Any]:
    """The same with matrices and activations in 8 bits, and the error of the logits."""
    weights, found = s.weights.eight(), {}
    for length in map(s.positions, (1024, 2048)):
        whole = s.time(s.graph(s.pass_over(length)))
        half = s.time(s.graph(s.pass_over(length, weights=weights)))
        found[str(length)] = {"ms": round(half, 3), "times faster": round(whole / half, 3)}
    logits = []
    for some in (s.weights, weights):
        torch.manual_seed(1)
        hidden = _hidden(s, some, s.positions(512))
        logits.append(F.linear(hidden, some.head.weight).float())
    error = (logits[1] - logits[0]).norm() / logits[0].norm()
    agree = (logits[0].argmax(-1) == logits[1].argmax(-1)).float().mean()
    shift = (logits[0].log_softmax(-1) - logits[1].log_softmax(-1)).abs().mean()
    return found | {
        "relative error of logits": float(error),
        "same best token": float(agree),
        "mean change of log-probability": float(shift),
    }


def _hidden(s: Setting, weights: Any, length: int) -> torch.Tensor:
    """What the head reads of one random canvas."""
    tokens = torch.randint(0, s.mask_id, (1, length), device=s.device)
    pos = torch.arange(length, device=s.device)[None]
    run = Forward(weights, length)
    return run.final(*run(tokens, pos, pos, Bank.empty(weights, 1, length, shared=True)))


@torch.inference_mode()
def step(s: Setting) -> dict[str, Any]:
    """A cached step: 1, 3 and 8 windows of 32 positions are recomputed."""
    length, found = s.positions(CANVAS), {}
    for windows in (1, 3, 8):
        found[f"{windows} x 32"] = timed(s, length, windows * s.positions(BLOCK))
    times = [value["ms"] for value in found.values()]
    return found | {"slowest over fastest": round(max(times) / min(times), 3)}


@torch.inference_mode()
def head(s: Setting) -> dict[str, Any]:
    """The fused head, its form in torch, and logits with a softmax in float32."""
    found: dict[str, Any] = {}
    by = s.weights.head
    for rows in map(s.positions, (32, 256, 1024)):
        hidden = torch.randn(rows, s.config.width, device=s.device, dtype=s.dtype)

        def plain(hidden: torch.Tensor = hidden) -> Any:
            logits = F.linear(hidden, by.weight, by.bias).float()
            return logits.log_softmax(-1).max(-1)

        ways = {
            "fused": lambda hidden=hidden: choose(hidden, by, s.mask_id),
            "tiles in torch": lambda hidden=hidden: choose(hidden, by, s.mask_id, kernel=False),
            "whole logits": plain,
        }
        found[str(rows)] = {n: round(s.time(s.graph(way), 10), 4) for n, way in ways.items()}
    return found
