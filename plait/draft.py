"""Drafts: canvases that do not start empty, from given text or from another model."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Int
from torch import Tensor

from . import keyed
from .canvas import Canvas
from .decode import Decoder, decode
from .errors import PlaitError
from .layout import Codec
from .models.load import Model

Start = Callable[[Canvas], Canvas]


def inject(canvas: Canvas, draft: Int[Tensor, "B L"], share: float, seed: int = 0) -> Canvas:
    """Write each draft token at a masked position with probability `share` (arXiv:2512.19004).

    Masks in the draft stay masks. The draw depends on (seed, row key, position) only.
    """
    if not 0 <= share <= 1:
        raise PlaitError(f"share is {share}; it must lie between 0 and 1")
    lucky = keyed.uniform(seed, 5, canvas.key[:, None], canvas.pos) < share
    return canvas.write(canvas.masked & lucky & (draft != canvas.mask_id), draft)


def of_texts(codec: Codec, texts: Mapping[int, str], share: float, seed: int = 0) -> Start:
    """Start rows from texts, by row key, from the first position of their last region on.

    What does not fit is cut off; rows without a text start empty.
    """

    def start(canvas: Canvas) -> Canvas:
        draft = torch.full_like(canvas.tokens, canvas.mask_id)
        for row, key in enumerate(canvas.key.tolist()):
            places = (canvas.region[row] == canvas.regions - 1).nonzero()[:, 0]
            ids = codec.encode(texts.get(key, ""))[: len(places)]
            draft[row, places[: len(ids)]] = draft.new_tensor(ids)
        return inject(canvas, draft, share, seed)

    return start


def of_model(model: Model, helper: Model, decoder: Decoder, share: float, seed: int = 0) -> Start:
    """Start rows from what a (smaller) model decodes on the same canvas.

    Its forwards are not counted among those of `model`. Raises PlaitError if the two do not share
    a tokenizer.
    """
    mine, theirs = model.codec, helper.codec
    same = (mine.mask_id, mine.eos_id) == (theirs.mask_id, theirs.eos_id)
    probe = "0 1 2, The quick (brown) fox = 10 + 7\n"
    same = same and model.denoiser.vocab == helper.denoiser.vocab
    if not same or mine.encode(probe) != theirs.encode(probe):
        raise PlaitError(
            f"{helper.name} has another tokenizer than {model.name}; give the draft as text instead"
        )

    def start(canvas: Canvas) -> Canvas:
        done, _ = decode(helper.denoiser, decoder, canvas.to(helper.device), seed)
        return inject(canvas, done.tokens.to(canvas.tokens.device), share, seed)

    return start
