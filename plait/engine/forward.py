"""One forward pass over gathered positions, with keys and values written in place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..models.attention import visibility
from ..models.rope import Turn
from .attention import Attention, Keys
from .ops import add_norm, quantize, store
from .products import Products
from .weights import Layer, Weights


@dataclass(frozen=True)
class Bank:
    """Keys and values of all layers for B rows of L positions; the place after each row is spare.

    What rows with fewer positions than others write goes there, and nobody sees it.
    """

    layers: Float[Tensor, "K 2 S G D"]  # S = B (L + 1), rows end to end
    rows: int

    @staticmethod
    def empty(weights: Weights, rows: int, length: int, shared: bool = False) -> "Bank":
        """A bank; with `shared` all layers write into one, for forwards that keep nothing."""
        c = weights.config
        shape = (1 if shared else c.layers, 2, rows * (length + 1), c.kv_heads, c.head_dim)
        like = weights.embed.new_zeros(shape)
        return Bank(like.expand(c.layers, -1, -1, -1, -1), rows)

    def read(self, layer: int, rows: slice | Int[Tensor, " N"], length: int) -> Keys:
        """The keys and values of a layer and some rows, up to a position."""
        apart = self.layers[layer].unflatten(1, (self.rows, -1))
        key, value = apart[:, rows, :length].transpose(2, 3)
        return key, value


@dataclass
class Forward:
    """The forward pass of some weights over canvases of at most `length` positions."""

    weights: Weights
    length: int
    attention: Attention = field(default_factory=Attention)

    def __post_init__(self) -> None:
        c, device = self.weights.config, self.weights.embed.device
        pos = torch.arange(self.length, device=device)[None]
        turn = Turn.at(pos, c.turned, c.rope_base, c.scaling)
        half = c.head_dim // 2
        self.products = Products(self.weights)
        self._tables = tuple(t[0, 0, :, half:].contiguous() for t in (turn.cos, turn.sin))

    def __call__(
        self,
        tokens: Int[Tensor, "B L"],
        pos: Int[Tensor, "B L"],
        at: Int[Tensor, "B N"],
        bank: Bank,
        visible: Bool[Tensor, "B #L L"] | None = None,
        first: int | Int[Tensor, " B"] = 0,
        wanted: Int[Tensor, "B R"] | None = None,
    ) -> tuple[Float[Tensor, "M W"], Float[Tensor, "M W"]]:
        """Return the residual of the positions `at`, and what is still to be added to it.

        `at` is padded with L. Rows lie end to end: M = B N. They are rows `first` and following
        of the bank, or the rows that it names. With `wanted`, places in `at`, the residual is of
        these only: M = B R. If they are fewer, all other positions leave the last layer with their
        keys and values.
        """
        inside = at.clamp(max=self.length - 1)
        queried = pos.gather(1, inside)
        rows = slice(first, first + len(at)) if isinstance(first, int) else first
        slot = picked(at, self.length + 1, first)
        mask = self._mask(visible, pos, inside, queried)
        x = F.embedding(tokens.gather(1, inside).flatten(), self.weights.embed)
        delta: Tensor | None = None
        layers = self.weights.layers
        read = partial(bank.read, rows=rows, length=tokens.shape[1])
        hear = partial(self.attention, layers=len(layers), read=read, mask=mask)
        index = None if wanted is None else picked(wanted, at.shape[1])
        few = wanted is not None and wanted.shape[1] < at.shape[1]
        for number, layer in enumerate(layers):
            kv, last = bank.layers[number], few and number == len(layers) - 1
            write = partial(store, tables=self._tables, pos=queried.flatten(), slot=slot, kv=kv)
            attend = partial(hear, layer=number)
            if last and mask is not None and mask.shape[2] > 1:
                assert wanted is not None
                attend = partial(attend, mask=mask.take_along_dim(wanted[:, None, :, None], 2))
            some = index if last else None
            x, delta = self._layer(x, delta, layer, write, attend, len(at), some)
        assert delta is not None
        return (x, delta) if index is None or few else (x[index], delta[index])

    def final(self, x: Float[Tensor, "M W"], delta: Float[Tensor, "M W"]) -> Float[Tensor, "M W"]:
        """What the head reads, of some rows of a forward pass."""
        return add_norm(x, delta, self.weights.norm, self.weights.config.norm_eps)[0]

    def _layer(
        self,
        x: Float[Tensor, "M W"],
        delta: Float[Tensor, "M W"] | None,
        layer: Layer,
        write: Callable[..., Tensor],
        attend: Callable[[Tensor], Tensor],
        rows: int,
        index: Int[Tensor, " R"] | None,
    ) -> tuple[Float[Tensor, "R W"], Float[Tensor, "R W"]]:
        """One block: the residual, changed in place, and what its MLP adds to it.

        After keys and values are written it goes on with the rows of `index`; None = all.
        """
        c, eight = self.weights.config, layer.qkv.scale is not None
        qkv = self.products("qkv", add_norm(x, delta, layer.norm, c.norm_eps, eight), layer)
        query = write(qkv, norms=(layer.query_norm, layer.key_norm), eps=c.norm_eps)
        if index is not None:
            x, query = x[index], query[index]
        heard = attend(query.unflatten(0, (rows, -1))).flatten(2).flatten(0, 1)
        delta = self.products("out", quantize(heard) if eight else (heard, None), layer)
        mind = add_norm(x, delta, layer.mlp_norm, c.norm_eps, eight)
        return x, self.products("down", self.products.gate(mind, layer), layer)

    def _mask(self, visible, pos, inside, queried):  # type: ignore[no-untyped-def]
        """Who sees whom, of the queried positions; None = all see all."""
        if visible is not None and visible.shape[1] > 1:
            visible = visible.take_along_dim(inside[:, :, None], 1)
        return visibility(self.weights.config, 0, visible, pos, queried)


def picked(
    wanted: Int[Tensor, "B R"], each: int, first: int | Int[Tensor, " B"] = 0
) -> Int[Tensor, " M"]:
    """Places in rows of `each` positions, as places in all end to end.

    The rows are `first` and following, or those that it names.
    """
    if isinstance(first, int):
        first = torch.arange(first, first + len(wanted), device=wanted.device)
    return (first[:, None] * each + wanted).flatten()
