"""Does the engine write what the plain loop writes? On the model in the box."""

from typing import Any

import torch

from ..budget import Budget
from ..canvas import Canvas
from ..data import tasks
from ..data.problem import problems
from ..decode import Decoder, Round, decode, init, step
from ..engine.loop import Engine
from ..engine.weights import fused
from ..methods import load as load_method
from ..models.load import Model, load
from .setting import Setting

PROMPTS = 32


def same(s: Setting) -> dict[str, Any]:
    """The share of rows with equal text, and of rounds in which the two would decide otherwise."""
    found: dict[str, Any] = {}
    for dtype in ("float32", "bfloat16") if s.gpu else ("float32",):
        model = load("plait-tiny", str(s.device), dtype)
        found[dtype] = _compared(model, 4 if s.small else PROMPTS)
    return found


def boxed(model: Model, count: int) -> Canvas:
    """Canvases of `count` problems, of each task in turn, in the layout of the model."""
    names = tasks.names()
    streams = {name: problems(tasks.load(name), "test", 7, distinct=True) for name in names}
    prompts = [next(streams[names[i % len(names)]]).prompt for i in range(count)]
    return model.layout().build(model.codec, prompts, context=model.context).to(model.device)


@torch.inference_mode()
def _compared(model: Model, count: int) -> dict[str, Any]:
    canvas = boxed(model, count)
    net = model.denoiser.net  # type: ignore[attr-defined]
    decoder = load_method("confidence", budget=Budget(4))
    plain, _ = decode(model.denoiser, decoder, canvas)
    counter = Twice(model, decoder)
    fast, _ = Engine(fused(net), decoder)(canvas, watch=counter)
    equal = (plain.tokens == fast.tokens).all(1).float().mean()
    return {
        "rows": count,
        "equal rows": round(float(equal), 4),
        "rounds": counter.rounds,
        "tie_rate": round(counter.other / max(counter.rounds, 1), 5),
    }


class Twice:
    """Watches the engine, and asks the plain loop what it would have done from the same canvas."""

    def __init__(self, model: Model, decoder: Decoder) -> None:
        self._model, self._decoder = model, decoder
        self.rounds, self.other = 0, 0

    def __call__(self, done: Round, rows: list[int]) -> None:
        """Compare one round."""
        before = done.view.canvas.to(self._model.device)
        plain, _ = step(self._model.denoiser, self._decoder, before, init(self._decoder, before))
        differs = (plain.canvas.tokens.cpu() != done.canvas.tokens).any(1)
        self.rounds += len(rows)
        self.other += int(differs.sum())
