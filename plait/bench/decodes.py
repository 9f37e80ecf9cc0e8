"""Whole decodes: rounds, batches, streams, and a plain reference loop beside them."""

import time
from typing import Any

import torch

from ..canvas import Canvas
from ..decode import Decoder
from ..engine import loop
from ..engine.head import choose
from ..engine.loop import Engine
from ..engine.rounds import Rounds
from ..engine.sizes import bucket, doubled
from . import reference
from .passes import CANVAS
from .setting import BLOCK, PROMPT, Setting


def _run(s: Setting, decoder: Decoder, canvas: Canvas) -> dict[str, Any]:
    """Decode twice, the second time by the clock: the first captures its graphs."""
    engine = Engine(s.weights, decoder)
    engine(canvas)
    s.wait()
    start = time.perf_counter()
    _, traces = engine(canvas)
    s.wait()
    seconds = time.perf_counter() - start
    tokens = sum(trace.answer_tokens() for trace in traces)
    forwards = max(trace.forwards for trace in traces)
    return {
        "seconds": round(seconds, 3),
        "forwards": forwards,
        "ms per forward": round(1e3 * seconds / forwards, 3),
        "query tokens": sum(trace.query_tokens for trace in traces),
        "answer tokens": tokens,
        "answer tokens per second": round(tokens / seconds, 1),
        "as graphs": bool(engine.rounds and engine.rounds.graphs),
    }


@torch.inference_mode()
def rounds(s: Setting) -> dict[str, Any]:
    """What a round costs beside its forward pass and head."""
    found: dict[str, Any] = {}
    cases = {"no cache, 512": (512, None), "no cache, 1024": (1024, None), "dual": (CANVAS, "dual")}
    for name, (size, cached) in cases.items():
        length = s.positions(size)
        canvas = s.canvas([s.positions(PROMPT)], length - s.positions(PROMPT))
        made = Rounds(s.weights, s.decoder(1, cached), canvas, 0, s.gpu)
        some = s.positions(BLOCK)
        loop.stepped(made, length, some)  # enters the block
        n = length if cached is None else some
        taken = _per_round(s, made, n, some, 20 if not s.small else 2)
        size = min(bucket(n), length)
        alone = s.time(s.graph(_forward_alone(s, made, size, min(doubled(some), length))))
        found[name] = {
            "round ms": round(taken, 3),
            "forward and head ms": round(alone, 3),
            "rest, share of forward": round(taken / alone - 1, 4),
        }
    return found


def _per_round(s: Setting, made: Rounds, n: int, m: int, repeat: int) -> float:
    """Milliseconds of a round as the loop runs it: with its log, its count and its host."""
    for _ in range(3):
        loop.stepped(made, n, m)
    s.wait()
    start = time.perf_counter()
    for _ in range(repeat):
        loop.copied(loop.stepped(made, n, m))
        made.wanted()
    return 1e3 * (time.perf_counter() - start) / repeat


def _forward_alone(s: Setting, made: Rounds, n: int, m: int) -> Any:
    """The forward pass and the head of a round, and nothing else of it."""
    canvas = made.canvas
    place = torch.arange(n, device=s.device)[None]
    inputs = canvas.tokens, canvas.pos, place, made.bank, None, 0, place[:, :m]

    def run() -> Any:
        return choose(made.forward.final(*made.forward(*inputs)), s.weights.head, s.mask_id)

    return run


def decode(s: Setting) -> dict[str, Any]:
    """256 tokens one by one and 1,024 four by four, with and without the dual cache."""
    found: dict[str, Any] = {}
    for free, count in ((256, 1), (1024, 4)):
        free = s.positions(free)
        canvas = s.canvas([s.positions(PROMPT)], free)
        for cached in (None, "dual"):
            name = f"{free} tokens, {count} per round, {cached or 'no cache'}"
            found[name] = _run(s, s.decoder(count, cached), canvas)
    return found


@torch.inference_mode()
def against(s: Setting) -> dict[str, Any]:
    """The plain reference loop at the same schedules; the same number of forward passes."""
    found: dict[str, Any] = {}
    prompt, block = s.positions(PROMPT), s.positions(BLOCK)
    kinds: tuple[reference.Kind, ...] = ("none", "dual")
    for free, count in ((256, 1), (1024, 4)):
        free = s.positions(free)
        canvas = s.canvas([prompt], free)
        for kind in kinds:
            some = canvas.tokens[:, : prompt + block]
            reference.decode(s.net, some, prompt, s.mask_id, block, block // 4, kind)  # warm-up
            s.wait()
            start = time.perf_counter()
            done = reference.decode(s.net, canvas.tokens, prompt, s.mask_id, block, count, kind)
            s.wait()
            seconds = time.perf_counter() - start
            name = f"{free} tokens, {count} per round, {'no cache' if kind == 'none' else kind}"
            found[name] = {
                "seconds": round(seconds, 3),
                "forwards": done[1],
                "ms per forward": round(1e3 * seconds / done[1], 3),
            }
    return found


@torch.inference_mode()
def memory(s: Setting) -> dict[str, Any]:
    """The peak of a batch of 32 canvases of 1,024 positions, over weights, keys and values."""
    if not s.gpu:
        return {"skipped": "the peak is measured on a GPU"}
    c, length = s.config, s.positions(1024)
    rows = [s.positions(PROMPT)] * (4 if s.small else 32)
    canvas = s.canvas(rows, length - s.positions(PROMPT))
    weights = sum(x.nbytes for x in set(s.net.parameters()))
    size = torch.finfo(s.dtype).bits // 8
    kv = 2 * c.layers * len(rows) * length * c.kv_heads * c.head_dim * size
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    decoder = s.decoder(4, "dual")
    made = Rounds(s.weights, decoder, canvas, 0, graphs=False)
    for _ in range(3):
        loop.stepped(made, *made.wanted()[0])
    peak = torch.cuda.max_memory_allocated()
    giga = {"weights": weights, "keys and values": kv, "peak": peak, "rest": peak - weights - kv}
    return {f"{name} GB": round(value / 1e9, 3) for name, value in giga.items()}


def gsm8k(s: Setting) -> dict[str, Any]:
    """64 problems of 256 tokens in batches of 32, one token per round; projected to 1,319."""
    found: dict[str, Any] = {}
    batch = 4 if s.small else 32
    decoder = s.decoder(1, "dual")
    free, low = s.positions(256), s.positions(100)
    engine = Engine(s.weights, decoder)
    seconds = 0.0
    for part in range(2):
        lengths = torch.randint(
            low, 2 * low, (batch,), generator=torch.Generator().manual_seed(part)
        )
        lengths[0] = 2 * low  # so that both batches are of one size
        canvas = s.canvas(lengths.tolist(), free)
        s.wait()
        start = time.perf_counter()
        _, traces = engine(canvas)
        s.wait()
        taken = time.perf_counter() - start
        found[f"batch {part + 1}"] = {"seconds": round(taken, 2)}
        found[f"batch {part + 1}"]["forwards"] = max(t.forwards for t in traces)
        seconds = taken
    found["minutes for 1,319 problems"] = round(seconds / batch * 1319 / 60, 2)
    found["prompt positions"] = f"{low} to {2 * low}"
    return found


def streams(s: Setting) -> dict[str, Any]:
    """1, 3 and 8 streams of 128 tokens, one token per stream and round, one window each."""
    found: dict[str, Any] = {}
    for count in (1, 3, 8):
        free = s.positions(128) * (count + 1)
        canvas = s.canvas([s.positions(PROMPT)], free, regions=count + 1, headers=2)
        found[f"{count} streams"] = _run(s, s.decoder(count, "streams", "nap"), canvas)
    one = found["1 streams"]["answer tokens per second"]
    for value in found.values():
        value["times one stream"] = round(value["answer tokens per second"] / one, 3)
    return found
