"""A transformer as the decoding loop sees it."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..offers import Blend
from ..refresh import Refresh
from .attention import Heard
from .kv import Kv
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
        return self._logits(canvas, where)

    def blend(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], mixture: Blend
    ) -> Float[Tensor, "N V"]:
        """Return logits where input embeddings are mixtures."""
        return self._logits(canvas, where, mixture)

    def attend(
        self, canvas: Canvas, where: Bool[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "B L L"]]:
        """Return logits, and the attention averaged over layers and heads."""
        logits, maps = [], []
        for rows, some, visible in parts(canvas):
            length, heard = some.tokens.shape[1], Heard()
            here = where[rows, :length]
            logits.append(self.net(some.tokens, some.pos, visible, here, heard=heard))
            room = canvas.tokens.shape[1] - length
            maps.append(F.pad(heard.mean(), (0, room, 0, room)))
        return torch.cat(logits), torch.cat(maps) * canvas.real[:, :, None]

    def states(self, canvas: Canvas) -> Float[Tensor, "B L W"]:
        """Return what the head reads; zeros where a row is shorter than the canvas."""
        found = []
        for _, some, visible in parts(canvas):
            room = canvas.tokens.shape[1] - some.tokens.shape[1]
            found.append(F.pad(self.net.states(some.tokens, some.pos, visible), (0, 0, 0, room)))
        return torch.cat(found)

    def read(self, states: Float[Tensor, "N W"]) -> Float[Tensor, "N V"]:
        """Return the logits of some states."""
        return self.net.read(states)

    def embedded(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L W"]:
        """Return the input embeddings of tokens, without positions."""
        return self.net.embed(tokens)

    @property
    def shift(self) -> bool:
        """Whether a token is told from the position before it."""
        return self.net.config.shift

    @property
    def block(self) -> int:
        """Positions per block of a block-causal model; 0 = every position sees all."""
        return self.net.config.block if self.net.config.attention == "block" else 0

    def keep(self, canvas: Canvas) -> Kv:
        """Return an empty buffer for the keys and values of a canvas."""
        return self.net.buffer(*canvas.tokens.shape)

    def recompute(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], refresh: Refresh, kv: Kv
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, " B"]]:
        """Return logits at `where`, a part of what is stale, and positions computed per row."""
        found, computed = [], self.net.queried(where, refresh.stale).sum(1).float()
        for rows, some, visible in parts(canvas, refresh.inner is not None):
            length = some.tokens.shape[1]
            here, stale = where[rows, :length], refresh.stale[rows, :length]
            inner = None if refresh.inner is None else refresh.inner.row(rows.start, length)
            if refresh.seen is not None:
                seen = refresh.seen[rows, None, :length]
                visible = seen if visible is None else visible & seen
            buffer = kv.part(rows, length)
            inputs = some.tokens, some.pos, visible, here, stale, buffer
            found.append(self.net(*inputs, inner=inner))
            if inner is not None and inner.computed:
                computed[rows] = inner.computed
        return torch.cat(found), computed

    def _logits(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], mixture: Blend | None = None
    ) -> Float[Tensor, "N V"]:
        found = []
        for rows, some, visible in parts(canvas):
            length = some.tokens.shape[1]
            mixed = None if mixture is None else mixture.part(rows, length)
            here = where[rows, :length]
            found.append(self.net(some.tokens, some.pos, visible, here, mixture=mixed))
        return torch.cat(found)


def parts(
    canvas: Canvas, apart: bool = False
) -> list[tuple[slice, Canvas, Bool[Tensor, "B #L L"] | None]]:
    """What runs together: which rows, their canvas, and who sees whom (None = all see all).

    On a CPU, and with `apart` everywhere, that is one row at a time.
    """
    together = [(slice(None), canvas)]
    if apart or canvas.tokens.device.type == "cpu":
        together = [(slice(i, i + 1), canvas.row(i)) for i in range(len(canvas.tokens))]
    return [(rows, some, None if _whole(some) else some.visible()) for rows, some in together]


def _whole(canvas: Canvas) -> bool:
    return canvas.group is None and bool((canvas.length == canvas.tokens.shape[1]).all())
