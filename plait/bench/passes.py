"""Single forward passes against the roofline."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity

from ..engine.attention import library
from ..engine.head import choose
from ..engine.ops import fast
from .setting import BLOCK, Setting

CANVAS = 1174  # positions: a prompt of 150 and a text of 1,024


def ceilings(s: Setting) -> dict[str, Any]:
    """A large matrix product and a large copy; and the product once the device is hot.

    Floors are counted by the first. Under load a device may lower its clock, and passes that are
    timed one after the other feel it.
    """
    found, size = s.ceilings, 8192 if s.gpu else 256
    a, b = (torch.randn(size, size, device=s.device, dtype=s.dtype) for _ in range(2))
    hot = 2 * size**3 / s.time(lambda: a @ b, 200, 200) * 1e3
    return {
        "TFLOP/s": round(found.flops / 1e12, 1),
        "TB/s": round(found.bytes / 1e12, 3),
        "TFLOP/s, hot": round(hot / 1e12, 1),
    }


def timed(s: Setting, length: int, queries: int | None = None) -> dict[str, Any]:
    """One pass as a CUDA graph, and the share of the roofline it reaches."""
    taken = s.time(s.graph(s.pass_over(length, queries)))
    floor = s.work(length, queries).floor(s.ceilings)
    assert s.latest is not None
    ways = s.latest.products.chosen() | s.latest.attention.chosen()
    return {
        "ms": round(taken, 3),
        "floor ms": round(floor, 3),
        "share": round(floor / taken, 3),
        "ways": ways,
    }


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
def step(s: Setting) -> dict[str, Any]:
    """A cached step: 1, 3 and 8 windows of 32 positions are recomputed."""
    length, found = s.positions(CANVAS), {}
    for windows in (1, 3, 8):
        found[f"{windows} x {s.positions(BLOCK)}"] = timed(s, length, windows * s.positions(BLOCK))
    times = [value["ms"] for value in found.values()]
    return found | {"slowest over fastest": round(max(times) / min(times), 3)}


@torch.inference_mode()
def profile(s: Setting) -> dict[str, Any]:
    """Where the time of a full pass and of a cached step goes, by kernel, in microseconds."""
    kind = ProfilerActivity.CUDA if s.gpu else ProfilerActivity.CPU
    found: dict[str, Any] = {}
    cases = (
        (s.positions(512), None),
        (s.positions(1024), None),
        (s.positions(CANVAS), s.positions(BLOCK)),
        (s.positions(CANVAS), 8 * s.positions(BLOCK)),
    )
    for length, queries in cases:
        run = s.pass_over(length, queries)
        run()
        s.wait()
        with torch.profiler.profile(activities=[kind], acc_events=True) as told:
            run()
            s.wait()
        own = "self_device_time_total" if s.gpu else "self_cpu_time_total"
        rows = sorted(told.key_averages(), key=lambda row: -getattr(row, own))[:12]
        found[f"{length}, {queries or 'all'}"] = {
            row.key[:60]: f"{getattr(row, own):.0f} in {row.count}" for row in rows
        }
    return found


@torch.inference_mode()
def kernels(s: Setting) -> dict[str, Any]:
    """The largest error of each Triton kernel against torch, relative to the largest number."""
    if not fast(s.weights.embed):
        return {"skipped": "Triton kernels run on a GPU"}
    from ..engine import triton_linear, triton_ops

    c, layer = s.config, s.weights.layers[0]
    x, delta = (torch.randn(48, c.width, device=s.device, dtype=s.dtype) for _ in range(2))
    wide = torch.randn(48, 2 * c.hidden, device=s.device, dtype=s.dtype)
    normed = F.rms_norm((x + delta).float(), (c.width,), layer.norm.float(), c.norm_eps)
    half, full = wide.float().chunk(2, -1)
    eight, scale = triton_ops.quantize(x)
    both = F.linear(x.float(), layer.gate_up.weight.float()).chunk(2, -1)
    tile = triton_linear.tiles(48)[0]
    pairs = {
        "add_norm": (
            triton_ops.add_norm(x.clone(), delta, layer.norm, c.norm_eps, False)[0],
            normed,
        ),
        "gated": (triton_ops.gated(wide, False)[0], F.silu(half) * full),
        "quantize": (eight.float() * scale, x),
        "thin": (
            triton_linear.thin(x, layer.qkv, tile),
            F.linear(x.float(), layer.qkv.weight.float(), _float(layer.qkv.bias)),
        ),
        "thin, gated": (
            triton_linear.thin(x, layer.gate_up, tile, gated=True),
            F.silu(both[0]) * both[1],
        ),
    }
    found = {name: _error(*pair) for name, pair in pairs.items()} | _attention(s)
    ours, logits = (
        choose(x, s.weights.head, s.mask_id),
        F.linear(x.float(), s.weights.head.weight.float()),
    )
    logits[:, s.mask_id] = -torch.inf
    logp = logits.log_softmax(-1)
    found["head, log-probability"] = _error(ours.chosen, logp.amax(-1))
    found["head, entropy"] = _error(ours.entropy, -(logp.exp() * logp.clamp(min=-1e30)).sum(-1))
    found["head, same token"] = float((ours.token == logp.argmax(-1)).float().mean())
    return found


def _attention(s: Setting) -> dict[str, float]:
    """The error of attention in one share of the keys and in several, with and without a mask."""
    from ..engine.triton_attention import Cut, attend

    c, length = s.config, s.positions(CANVAS)
    query = torch.randn(2, 48, c.heads, c.head_dim, device=s.device, dtype=s.dtype)
    bank = torch.randn(2, 2, length, c.kv_heads, c.head_dim, device=s.device, dtype=s.dtype)
    key, value = bank.transpose(2, 3)
    seen = torch.rand(2, 1, 1, length, device=s.device) < 0.5
    found = {}
    for name, mask in {"": None, ", row": seen, ", each": seen.repeat(1, 1, 48, 1)}.items():
        true = library(query.float(), key.float(), value.float(), mask)
        for cut in (Cut(1), Cut(6)):
            ours = attend(query, key, value, mask, cut)
            found[f"attention, {cut.shares}{name}"] = _error(ours, true)
    return found


def _float(x: torch.Tensor | None) -> torch.Tensor | None:
    return None if x is None else x.float()


def _error(ours: torch.Tensor, true: torch.Tensor) -> float:
    gap = (ours.float() - true.float()).abs().max() / true.float().abs().max()
    return round(float(gap), 6)


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
