"""Autoregressive models beside a decoder: what supervises, scores or drafts."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError


@runtime_checkable
class Causal(Protocol):
    """An autoregressive model over the same token ids as the diffusion model."""

    @property
    def vocab(self) -> int:
        """Number of token ids."""
        ...

    def __call__(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Return logits whose row i predicts token i + 1; what comes later has no influence.

        `tokens` may hold the diffusion model's mask, which this model need not know: nothing that
        stands after one is used.
        """
        ...


def predictions(model: Causal, canvas: Canvas) -> Float[Tensor, "B L V"]:
    """Log-probabilities of the token at each position given those before it, mask excluded.

    Position 0 repeats those of position 1: nothing stands before it. Raises PlaitError if the
    vocabularies cannot be the same.
    """
    logits = model(canvas.tokens).float()
    highest = int(canvas.tokens.masked_fill(canvas.tokens == canvas.mask_id, 0).max())
    if logits.shape[-1] <= highest:
        raise PlaitError(
            f"the autoregressive model knows {logits.shape[-1]} tokens and the canvas holds token "
            f"{highest}; use one with the same tokenizer"
        )
    if canvas.mask_id < logits.shape[-1]:
        logits[..., canvas.mask_id] = -float("inf")
    logp = logits.log_softmax(-1)
    return torch.cat([logp[:, :1], logp[:, :-1]], 1)


def log_likelihood(
    model: Causal, canvas: Canvas, where: Bool[Tensor, "B L"]
) -> Float[Tensor, " B"]:
    """Log-probability, in nats, of the tokens at `where`, each given all tokens before it."""
    logp = predictions(model, canvas)
    own = logp.gather(-1, canvas.tokens.clamp(max=logp.shape[-1] - 1)[..., None])[..., 0]
    return own.masked_fill(~where, 0).sum(1)
