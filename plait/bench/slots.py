"""Slots against batches: what it saves that the next row takes the place of one that is done."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..budget import Budget
from ..canvas import Canvas
from ..decode import Round, collected
from ..engine.loop import Engine
from ..engine.weights import fused
from ..methods import load as load_method
from ..models.load import load
from .same import boxed
from .setting import Setting

SLOTS, ROWS = 8, 64
Decoded = tuple[Canvas, int, float]  # all rows, rounds, seconds


def slots(s: Setting) -> dict[str, Any]:
    """Problems of all tasks in turn, on the model in the box, in float32.

    On a GPU a round computes all slots, whether their rows are done or not, so that rounds are
    what counts. On a CPU rows that are done cost nothing either way.
    """
    model = load("plait-tiny", str(s.device), "float32")
    count, places = (4, 2) if s.small else (ROWS, SLOTS)
    canvas = boxed(model, count)
    rows = [canvas.row(i) for i in range(count)]
    methods = {
        "16 tokens per round": load_method("confidence", budget=Budget(16)),
        "tokens above 0.9": load_method("fast_dllm"),
    }
    found: dict[str, Any] = {}
    for name, decoder in methods.items():
        engine = Engine(fused(model.denoiser.net), decoder)  # type: ignore[attr-defined]
        batches = _timed(s, partial(_batches, engine, rows, places))
        flow = _timed(s, partial(_flow, engine, rows, places))
        found[name] = {
            "rows": count,
            "slots": places,
            "rounds in batches": batches[1],
            "rounds in slots": flow[1],
            "times fewer": round(batches[1] / flow[1], 3),
            "seconds in batches": round(batches[2], 2),
            "seconds in slots": round(flow[2], 2),
            "equal rows": float((batches[0].tokens == flow[0].tokens).all(1).float().mean()),
        }
    return found


def _timed(s: Setting, run: Callable[[], tuple[Canvas, int]]) -> Decoded:
    """On a GPU the second time, when all graphs are captured."""
    if s.gpu:
        run()
    s.wait()
    start = time.perf_counter()
    done, rounds = run()
    s.wait()
    return done, rounds, time.perf_counter() - start


def _batches(engine: Engine, rows: list[Canvas], places: int) -> tuple[Canvas, int]:
    """One batch after another, each to its end."""
    counter, done = Rounds(), []
    for first in range(0, len(rows), places):
        batch = rows[first : first + places]
        some, _ = collected(engine.flow(batch, len(batch), watch=counter, width=_width(rows)))
        done += [some.row(i) for i in range(len(batch))]
    return Canvas.stack(done), counter.count


def _flow(engine: Engine, rows: list[Canvas], places: int) -> tuple[Canvas, int]:
    """All rows in the same slots."""
    counter = Rounds()
    done, _ = collected(engine.flow(rows, places, watch=counter, width=_width(rows)))
    return done, counter.count


def _width(rows: list[Canvas]) -> int:
    return max(row.tokens.shape[1] for row in rows)


class Rounds:
    """Counts rounds."""

    count = 0

    def __call__(self, done: Round, numbers: list[int]) -> None:
        """One more."""
        del done, numbers
        self.count += 1
