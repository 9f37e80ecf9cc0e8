"""Grouped-query attention, and who may see whom."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..inner import Inner, Sees
from .config import Config
from .fused import fits, together, turned_attention, works
from .kv import Kv
from .norm import Norm
from .rope import Turn


@dataclass
class Heard:
    """Attention weights of the layers that have run, averaged over their heads: [b, i, j].

    SDPA does not give its weights away, so they are computed a second time, in float32.
    """

    layers: list[Float[Tensor, "B N L"]] = field(default_factory=list)

    def add(
        self,
        query: Float[Tensor, "B H N D"],
        key: Float[Tensor, "B H L D"],
        visible: Bool[Tensor, "B 1 #N L"] | None,
    ) -> None:
        """Note one layer."""
        score = query.float() @ key.float().transpose(-1, -2) / query.shape[-1] ** 0.5
        if visible is not None:
            score = score.masked_fill(~visible, -torch.inf)
        self.layers.append(score.softmax(-1).mean(1))

    def mean(self) -> Float[Tensor, "B N L"]:
        """The average over layers."""
        return torch.stack(self.layers).mean(0)


@dataclass(frozen=True)
class Sight:
    """What the queried positions of a layer see, where they stand, and where keys are kept."""

    visible: Bool[Tensor, "B 1 #N L"] | None  # None = all see all
    turn: Turn | None  # None = positions are not rotary
    kv: Kv | None = None
    at: Int[Tensor, "B N"] | None = None  # the queried positions, where there is a kv
    heard: Heard | None = None  # notes the attention weights
    inner: Inner | None = None  # a cache that restricts further what is seen

    @property
    def plain(self) -> bool:
        """Is nothing kept, noted or restricted?"""
        return self.kv is None and self.heard is None and self.inner is None


def visibility(
    config: Config,
    window: int,
    visible: Bool[Tensor, "B #N L"] | None,
    pos: Int[Tensor, "B L"],
    queried: Int[Tensor, "B N"],
) -> Bool[Tensor, "B 1 #N L"] | None:
    """Which positions (at `pos`) each queried one (at `queried`) sees; None = all.

    A position that may see nothing sees everything, so that it stays finite; nobody sees it.
    """
    mine, other = queried[:, :, None], pos[:, None, :]
    kinds = []
    if config.attention == "causal":
        kinds.append(other <= mine)
    elif config.attention == "block":
        kinds.append(other // config.block <= mine // config.block)
    if window:
        kinds.append((other - mine).abs() <= window)
    for kind in kinds:
        visible = kind if visible is None else visible & kind
    if visible is None:
        return None
    return (visible | ~visible.any(-1, keepdim=True))[:, None]


class Attention(nn.Module):
    """Grouped-query attention in which a position may see any other (arXiv:2305.13245)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.fused = False
        self._known = config.rotary and not config.qk_norm and fits(config.head_dim, config.turned)
        inner, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.query = nn.Linear(config.width, inner, bias=config.qkv_bias)
        self.key = nn.Linear(config.width, kv, bias=config.qkv_bias)
        self.value = nn.Linear(config.width, kv, bias=config.qkv_bias)
        self.out = nn.Linear(inner, config.width, bias=config.out_bias)
        normed = config.qk_norm
        self.query_norm = Norm(config.head_dim, config.norm_eps) if normed else nn.Identity()
        self.key_norm = Norm(config.head_dim, config.norm_eps) if normed else nn.Identity()

    def fuse(self) -> None:
        """Do all between the products by one operation where that is known and works (see `fused`).

        That is in training on a GPU. Adapters come first: their layers are left as they are.
        """
        plain = (type(layer) is nn.Linear for layer in (self.query, self.key, self.value))
        self.fused = self._known and all(plain) and works()

    def forward(
        self, x: Float[Tensor, "B N W"], sight: Sight, layer: int = 0
    ) -> Float[Tensor, "B N W"]:
        """What each position gathers from those it sees."""
        if self.fused and self.training and sight.turn is not None and sight.plain:
            qkv, turn = together(x, self.query, self.key, self.value), sight.turn
            angles = turn.cos, turn.sin
            heard = turned_attention(qkv, *angles, sight.visible, self.heads, self.kv_heads)
            return self.out(heard)
        query = self.query_norm(self._split(self.query(x), self.heads))
        key = self.key_norm(self._split(self.key(x), self.kv_heads))
        value = self._split(self.value(x), self.kv_heads)
        if sight.turn is not None:
            query, key = sight.turn(query), sight.turn(key)
        if sight.kv is not None and sight.at is not None:
            key, value = sight.kv.put(layer, sight.at, key, value)
        # Repeated here because, with a mask, SDPA's enable_gqa leaves the fused CUDA kernels.
        share = self.heads // self.kv_heads
        if share > 1:
            key, value = key.repeat_interleave(share, 1), value.repeat_interleave(share, 1)
        if sight.heard is not None:
            sight.heard.add(query, key, sight.visible)
        visible = sight.visible
        if isinstance(sight.inner, Sees) and sight.at is not None:
            visible = sight.inner.sees(layer, query, key, visible, sight.at)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.out(seen.transpose(1, 2).flatten(2))

    @staticmethod
    def _split(x: Float[Tensor, "B N I"], heads: int) -> Float[Tensor, "B H N D"]:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)
