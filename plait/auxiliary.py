"""The second model of a method that has one beside: who supervises, scores or drafts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from . import methods
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


class StandIn:
    """In the place of a model that is not loaded yet, to check a method's other settings."""

    vocab = 0

    def __call__(self, _: Any) -> Shaped[Tensor, "..."]:
        """Never called."""
        raise NotImplementedError


def settings(method: str, model: "Model | None", aux: "Model | None") -> dict[str, Any]:
    """Return the options of `method` that `aux` fills beside `model`; stand-ins where it is None.

    Raises PlaitError if the method takes no second model, or `aux` cannot be one for `model`.
    """
    wanted = options_of(method)
    if not wanted:
        raise PlaitError(f"method '{method}' takes no auxiliary model; leave it out")
    if aux is None or model is None:
        return dict.fromkeys(wanted, StandIn())
    same_tokenizer(model, aux)
    return {k: drafter(aux) if kind is Drafter else Reader(aux) for k, kind in wanted.items()}


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
