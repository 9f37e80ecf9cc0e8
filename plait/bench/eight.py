"""Matrices and activations in 8 bits: how much faster, and how far off."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..budget import Budget
from ..canvas import Canvas
from ..engine.forward import Bank, Forward
from ..engine.loop import Engine
from ..engine.weights import Weights, fused
from ..methods import load as load_method
from ..models.load import load
from ..nested import mapped
from .same import PROMPTS, boxed
from .setting import Setting


@torch.inference_mode()
def eight(s: Setting) -> dict[str, Any]:
    """Times of full passes, and errors of logits against float32, beside those of bfloat16.

    Random deep networks amplify any error, so the model in the box, which is trained, is asked
    too: at the masked half of its own answers.
    """
    weights, found = s.weights.eight(), {}
    for length in map(s.positions, (512, 1024, 2048)):
        whole = s.time(s.graph(s.pass_over(length)))
        half = s.time(s.graph(s.pass_over(length, weights=weights)))
        found[str(length)] = {"ms": round(half, 3), "times faster": round(whole / half, 3)}
    torch.manual_seed(1)
    tokens = torch.randint(0, s.mask_id, (1, s.positions(512)), device=s.device)
    true = _logits(mapped(Tensor.float, s.weights), tokens)
    if s.dtype != torch.float32:
        name = str(s.dtype).removeprefix("torch.")
        found[f"random weights, {name}"] = apart(_logits(s.weights, tokens), true)
    found["random weights, 8 bits"] = apart(_logits(weights, tokens), true)
    return found | _trained(s)


def _trained(s: Setting) -> dict[str, Any]:
    """The model in the box."""
    model = load("plait-tiny", str(s.device), "float32")
    exact = fused(model.denoiser.net)  # type: ignore[attr-defined]
    decoder = load_method("confidence", budget=Budget(4))
    written, _ = Engine(exact, decoder)(boxed(model, 4 if s.small else PROMPTS))
    torch.manual_seed(1)
    hidden = ~written.given & (torch.rand(written.tokens.shape) < 0.5).to(s.device)
    canvas = written.erase(hidden)
    half = mapped(Tensor.bfloat16, exact)
    true = _logits(exact, canvas.tokens, canvas)[hidden]
    return {
        f"trained weights, {name}": apart(_logits(some, canvas.tokens, canvas)[hidden], true)
        for name, some in {"bfloat16": half, "8 bits": half.eight()}.items()
    }


def apart(logits: Float[Tensor, "*M V"], true: Float[Tensor, "*M V"]) -> dict[str, float]:
    """How far logits are from the true ones."""
    shift = (logits.log_softmax(-1) - true.log_softmax(-1)).abs()
    best = true.argmax(-1)
    return {
        "relative error of logits": round(float((logits - true).norm() / true.norm()), 5),
        "same best token": round(float((logits.argmax(-1) == best).float().mean()), 5),
        "mean change of log-probability": round(float(shift.mean()), 5),
        "of the best token": round(float(shift.gather(-1, best[..., None]).mean()), 5),
    }


def _logits(
    weights: Weights, tokens: Tensor, canvas: Canvas | None = None
) -> Float[Tensor, "B L V"]:
    """All logits of rows of tokens, in float32."""
    rows, length = tokens.shape
    at = torch.arange(length, device=tokens.device).expand(rows, -1)
    visible = None if canvas is None else canvas.visible()
    pos = at if canvas is None else canvas.pos.expand(rows, -1)
    run = Forward(weights, length)
    x = run.final(*run(tokens, pos, at, Bank.empty(weights, rows, length, shared=True), visible))
    return F.linear(x, weights.head.weight, weights.head.bias).float().unflatten(0, (rows, -1))
