"""Drafts: tokens to start from, from given text or from another model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from .canvas import Canvas
from .decode import Decoder, decode
from .layout import Codec
from .models.load import Model


@dataclass(frozen=True)
class Texts:
    """Texts by row key, from the first position of the last region on.

    What does not fit is cut off; rows without a text have no draft.
    """

    codec: Codec
    texts: Mapping[int, str]

    def __call__(self, canvas: Canvas) -> Int[Tensor, "B L"]:
        """Return their tokens."""
        draft = torch.full_like(canvas.tokens, canvas.mask_id)
        for row, key in enumerate(canvas.key.tolist()):
            places = (canvas.region[row] == canvas.regions - 1).nonzero()[:, 0]
            ids = self.codec.encode(self.texts.get(key, ""))[: len(places)]
            draft[row, places[: len(ids)]] = draft.new_tensor(ids)
        return draft


@dataclass(frozen=True)
class Helper:
    """What a (smaller) model with the same tokenizer decodes on the same canvas.

    Its forwards are not counted among those of the model that goes on from there.
    """

    model: Model
    decoder: Decoder

    def __call__(self, canvas: Canvas) -> Int[Tensor, "B L"]:
        """Return its tokens."""
        own = self.model.codec.mask_id  # an autoregressive model's mask is an id of its own
        theirs = canvas.tokens.where(canvas.tokens != canvas.mask_id, own)
        start = replace(canvas, tokens=theirs, mask_id=own).to(self.model.device)
        done, _ = decode(self.model.denoiser, self.decoder, start)
        width = canvas.tokens.shape[1] - done.tokens.shape[1]
        found = torch.nn.functional.pad(done.tokens, (0, width), value=canvas.mask_id)
        return found.to(canvas.tokens.device)
