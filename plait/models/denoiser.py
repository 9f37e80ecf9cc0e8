"""A transformer as the decoding loop sees it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..canvas import Canvas
from .transformer import Transformer


class NetDenoiser:
    """Full forward passes of a `Transformer`, without cache.

    On a CPU each row runs by itself at its own length: it costs nothing there (one row already
    fills the cores), padding is never computed, and a row's numbers cannot depend on its batch.
    On a GPU rows run together; matrix kernels then differ in the last bits between batch sizes.
    """

    def __init__(self, net: Transformer) -> None:
        self.net = net
        self.vocab = net.config.vocab

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return logits at the positions of `where`, in row-major order."""
        if canvas.tokens.device.type != "cpu":
            return self._together(canvas, where)
        rows = []
        for row, length in enumerate(canvas.length.tolist()):
            alone = canvas.row(row)
            rows.append(self._together(alone, where[row : row + 1, :length]))
        return torch.cat(rows)

    def _together(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        whole = canvas.group is None and bool((canvas.length == canvas.tokens.shape[1]).all())
        visible = None if whole else canvas.visible()
        return self.net(canvas.tokens, canvas.pos, visible, where)
