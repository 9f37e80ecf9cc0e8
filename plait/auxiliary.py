"""The second model of a method that has one beside: who supervises, scores or drafts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import torch
from jaxtyping import Float, Int
from torch import Tensor

from . import methods
from .canvas import Canvas
from .causal import Causal
from .errors import PlaitError
from .start import Drafter

if TYPE_CHECKING:
    from .models.load import Model

PROBE = "0 1 2, The quick (brown) fox = 10 + 7\n\tif x: return 'é'"


def options_of(method: str) -> dict[str, type]:
    """Return the options of a method that take a model beside, as `Causal` or as `Drafter`."""
    hints = get_type_hints(methods.function(method))
    kinds = {name: {hint, *get_args(hint)} & {Causal, Drafter} for name, hint in hints.items()}
    return {name: kind.pop() for name, kind in kinds.items() if kind}


def needed_by(method: str) -> dict[str, type]:
    """Return the options of a method that take a model beside; PlaitError if there are none."""
    found = options_of(method)
    if not found:
        raise PlaitError(f"method '{method}' takes no auxiliary model; leave it out")
    return found


def settings(method: str, model: "Model", aux: "Model") -> dict[str, Any]:
    """Return the options of `method` that `aux` fills beside `model`.

    Raises PlaitError if the method takes no second model, or `aux` cannot be one for `model`.
    """
    wanted = needed_by(method)
    same_tokenizer(model, aux)
    return {k: drafter(aux) if kind is Drafter else Reader(aux) for k, kind in wanted.items()}


def unlearned(method: str) -> dict[str, Any]:
    """Return the same options as if of models that have learned nothing.

    With them a method's other settings can be checked before any model is loaded. Raises
    PlaitError if it takes no second model.
    """
    known: dict[type, Any] = {Causal: Uniform(1), Drafter: undrafted}
    return {name: known[kind] for name, kind in needed_by(method).items()}


@dataclass(frozen=True)
class Uniform:
    """A `Causal` to which every token is as likely as any other."""

    vocab: int

    def __call__(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Return logits that are all alike."""
        return torch.zeros(*tokens.shape, self.vocab, device=tokens.device)


def undrafted(canvas: Canvas) -> Int[Tensor, "B L"]:
    """A `Drafter` that has no token for any position."""
    return canvas.tokens


def same_tokenizer(model: "Model", aux: "Model") -> None:
    """Raise PlaitError if two models do not cut texts into the same tokens."""
    mine, theirs = model.codec, aux.codec
    # Kin may end their texts differently, as a base model and its chat model do.
    ends = mine.stop_ids & theirs.stop_ids
    if not ends or mine.encode(PROBE) != theirs.encode(PROBE):
        raise PlaitError(
            f"{aux.name} has another tokenizer than {model.name}; an auxiliary model must share it"
        )


def is_causal(model: "Model") -> bool:
    """Is this an autoregressive model?"""
    config = getattr(getattr(model.denoiser, "net", None), "config", None)
    return config is not None and config.attention == "causal" and bool(config.shift)


def drafter(aux: "Model") -> Drafter:
    """What `aux` writes by itself: left to right, or by threshold if it is a diffusion model."""
    from .draft import Helper

    return Helper(aux, methods.load("ar" if is_causal(aux) else "fast_dllm"))


@dataclass(frozen=True)
class Reader:
    """An autoregressive model that reads the diffusion model's tokens: a `Causal`."""

    model: "Model"

    def __post_init__(self) -> None:
        if not is_causal(self.model):
            raise PlaitError(
                f"{self.model.name} is not autoregressive, and this method wants a model that "
                "reads from left to right"
            )

    @property
    def vocab(self) -> int:
        """Number of token ids."""
        return self.model.denoiser.vocab

    def __call__(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L V"]:
        """Return logits whose row i predicts token i + 1.

        What it has no embedding for, as another model's mask, is read as its own mask; nothing
        that stands after one is used. On a CPU rows run by themselves, as in `NetDenoiser`.
        """
        net, mask = self.model.denoiser.net, self.model.codec.mask_id  # type: ignore[attr-defined]
        here = tokens.to(self.model.device)
        # One more token, since a shifted network has the prediction of token i at place i.
        longer = torch.nn.functional.pad(here.where(here < self.vocab, mask), (0, 1), value=mask)
        pos = torch.arange(longer.shape[1], device=longer.device).expand_as(longer)
        together = 1 if longer.device.type == "cpu" else len(longer)
        found = [
            net(t, p) for t, p in zip(longer.split(together), pos.split(together), strict=True)
        ]
        logits = torch.cat(found)[:, 1:].index_fill(-1, longer.new_tensor([mask]), -torch.inf)
        return logits.to(tokens.device)
