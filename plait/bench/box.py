"""The engine against the plain loop, on the model in the box."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from .. import cache
from ..budget import Budget
from ..decode import decode
from ..engine.loop import Engine
from ..engine.weights import fused
from ..methods import load as load_method
from ..models.load import load
from .same import PROMPTS, boxed
from .setting import Setting

TOP = 12  # operations of a profile


def box(s: Setting) -> dict[str, Any]:
    """A batch of problems, 16 tokens per round, in float32: seconds, and where they go."""
    model = load("plait-tiny", str(s.device), "float32")
    canvas = boxed(model, 4 if s.small else PROMPTS)
    found: dict[str, Any] = {}
    for cached in (None, "dual"):
        decoder = load_method("confidence", budget=Budget(16))
        decoder = replace(decoder, cache=None if cached is None else cache.load(cached))
        engine = Engine(fused(model.denoiser.net), decoder)  # type: ignore[attr-defined]
        plain, busy, rounds = _seconds(s, partial(decode, model.denoiser, decoder, canvas))
        fast, work, _ = _seconds(s, partial(engine, canvas))
        name = cached or "no cache"
        found[name] = {
            "rows": len(canvas.tokens),
            "rounds": rounds,
            "plain loop, ms per round": round(1e3 * plain / rounds, 2),
            "engine, ms per round": round(1e3 * fast / rounds, 2),
            "engine is faster by": round(plain / fast, 2),
            "plain loop, CPU ms": round(1e3 * busy / rounds, 2),
            "engine, CPU ms": round(1e3 * work / rounds, 2),
            "times less CPU time": round(busy / work, 2),
        }
        found[f"{name}, profile of the engine"] = _profile(s, partial(engine, canvas), rounds)
    return found


def _seconds(s: Setting, run: Callable[[], Any]) -> tuple[float, float, int]:
    """Seconds by the clock, those of all cores, and the rounds of the longest row.

    On a GPU of the second time. Where other work shares the cores, only the second is steady.
    """
    if s.gpu:
        run()
    s.wait()
    start, spent = time.perf_counter(), time.process_time()
    _, traces = run()
    s.wait()
    taken = time.perf_counter() - start, time.process_time() - spent
    return *taken, max(trace.forwards for trace in traces)


def _profile(s: Setting, run: Callable[[], Any], rounds: int) -> dict[str, str]:
    """The operations that take most time, in microseconds per round."""
    kind = ProfilerActivity.CUDA if s.gpu else ProfilerActivity.CPU
    with torch.profiler.profile(activities=[kind], acc_events=True) as told:
        run()
        s.wait()
    own = "self_device_time_total" if s.gpu else "self_cpu_time_total"
    rows = sorted(told.key_averages(), key=lambda row: -getattr(row, own))
    total = sum(getattr(row, own) for row in rows)
    shown = {row.key[:60]: f"{getattr(row, own) / rounds:.0f}" for row in rows[:TOP]}
    return {"all": f"{total / rounds:.0f}"} | shown
