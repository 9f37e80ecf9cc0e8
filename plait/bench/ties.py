"""Do confidences in bfloat16 tie, and does that make decoding look left to right?

A softmax of bfloat16 logits that stays in bfloat16 knows 8 bits of a probability: all above 0.998
are 1. Of equal positions the leftmost is committed, so ties move ARness towards 1.
"""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..budget import Budget
from ..decode import Round, decode
from ..measure.arness import global_arness
from ..methods import load as load_method
from ..models.load import Model, load
from ..parts import View
from ..score import Score, confidence
from ..select import TopK
from .same import PROMPTS, boxed
from .setting import Setting


def rounded(view: View) -> Float[Tensor, "B L"]:
    """The candidate's probability as bfloat16 knows it."""
    return view.chosen.exp().bfloat16().float()


class Best:
    """Watches a decode: in how many rounds do several open positions share the best score?"""

    def __init__(self, score: Score) -> None:
        self._score, self.rounds, self.tied = score, 0, 0

    def __call__(self, done: Round, rows: list[int]) -> None:
        """Count one round."""
        score = self._score(done.view).masked_fill(~done.view.open, -torch.inf)
        tied = (score == score.amax(1, keepdim=True)).sum(1) > 1
        self.rounds, self.tied = self.rounds + len(rows), self.tied + int(tied.sum())


def ties(s: Setting) -> dict[str, Any]:
    """The model in the box, one token per round: the rate of ties, and global ARness@1."""
    found: dict[str, Any] = {}
    for dtype in ("float32", "bfloat16"):
        model = load("plait-tiny", str(s.device), dtype)
        for name, score in (("float32", confidence), ("bfloat16", rounded)):
            found[f"model in {dtype}, confidence in {name}"] = _decoded(s, model, score)
    return found


def _decoded(s: Setting, model: Model, score: Score) -> dict[str, Any]:
    canvas = boxed(model, 2 if s.small else PROMPTS)
    method = load_method("confidence", budget=Budget(16 if s.small else 1))
    best = Best(score)
    decoder = replace(method, selector=TopK(score))
    _, traces = decode(model.denoiser, decoder, canvas, watch=best)
    arness = sum(global_arness(trace) for trace in traces) / len(traces)
    return {
        "rows": len(traces),
        "rounds": best.rounds,
        "tie_rate": round(best.tied / best.rounds, 5),
        "ARness@1": round(arness, 4),
    }
