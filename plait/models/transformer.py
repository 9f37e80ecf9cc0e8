"""One transformer for every masked diffusion model.

By default pre-norm blocks of grouped-query attention with rotary positions and a gated SiLU MLP,
the shape of LLaDA (arXiv:2502.09992) and Dream (arXiv:2508.15487): no causal mask, no time input.
`Config` says what else it can be; `families/` says which checkpoint is which.
"""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..inner import Inner, Walk
from ..offers import Blend
from .attention import Attention, Heard, Sight, visibility
from .config import Config as Config
from .kv import Kv, packed, unpacked
from .mlp import ACTIVATIONS, Mixture, Mlp
from .norm import Norm
from .rope import Turn as Turn
from .time_input import Time


def _norm(config: Config) -> Norm:
    return Norm(config.width, config.norm_eps, config.norm, config.norm_bias)


class Block(nn.Module):
    """Attention and MLP, each with a norm and around a residual."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self._layer, self._post = layer, config.post_norm
        normed = config.first_norm or layer > 0
        self.attention_norm = _norm(config) if normed else nn.Identity()
        self.attention = Attention(config)
        self.mlp_norm = _norm(config)
        mixed = config.experts if config.experts and layer not in config.experts.dense else None
        self.mlp = Mixture(config, mixed) if mixed else Mlp(config, config.hidden)
        self.modulation = nn.Linear(config.time, 6 * config.width) if config.time else None

    def forward(
        self,
        x: Float[Tensor, "B N W"],
        sight: Sight,
        time: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, "B N W"]:
        """One layer."""
        if self._post:
            x = self.attention_norm(x + self.attention(x, sight, self._layer))
            return self.mlp_norm(x + self.mlp(x))
        if self.modulation is None or time is None:
            x = x + self.attention(self.attention_norm(x), sight, self._layer)
            return x + self.mlp(self.mlp_norm(x))
        move, grow, gate, move_mlp, grow_mlp, gate_mlp = self.modulation(time)[:, None].chunk(6, -1)
        inner = self.attention_norm(x) * (1 + grow) + move
        x = x + gate * self.attention(inner, sight, self._layer)
        return x + gate_mlp * self.mlp(self.mlp_norm(x) * (1 + grow_mlp) + move_mlp)


class Head(nn.Module):
    """What masked encoders do before the head: a dense layer, an activation, a norm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.width, bias=config.mlp_bias)
        self.norm = _norm(config)
        self._activation = ACTIVATIONS[config.activation]

    def forward(self, x: Float[Tensor, "*A W"]) -> Float[Tensor, "*A W"]:
        """Each position by itself."""
        return self.norm(self._activation(self.dense(x)))


class Transformer(nn.Module):
    """Token ids and positions to logits, every position at once."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab, config.width)
        self.position = None if config.rotary else nn.Embedding(config.context, config.width)
        self.embed_norm = _norm(config) if config.embed_norm else nn.Identity()
        self.time = Time(config.time) if config.time else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = nn.Identity() if config.post_norm else _norm(config)
        self.modulation = nn.Linear(config.time, 2 * config.width) if config.time else None
        self.transform = Head(config) if config.transform else nn.Identity()
        self.head = nn.Linear(config.width, config.vocab, bias=config.head_bias)
        self._initialise()
        if config.tied:
            self.head.weight = self.embed.weight

    def _initialise(self) -> None:
        """Normal weights; layers that write into the residual start smaller (GPT-2)."""
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                last = name.endswith(("attention.out.weight", "mlp.down.weight"))
                scale = 0.02 / math.sqrt(2 * self.config.layers) if last else 0.02
                nn.init.normal_(weight, std=scale)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def buffer(self, rows: int, length: int) -> Kv:
        """An empty buffer for the keys and values of `rows` canvases of `length` positions."""
        c = self.config
        return Kv.empty(c.layers, rows, c.kv_heads, length, c.head_dim, self.embed.weight)

    def forward(
        self,
        tokens: Int[Tensor, "B L"],
        pos: Int[Tensor, "B L"],
        visible: Bool[Tensor, "B #L L"] | None = None,
        where: Bool[Tensor, "B L"] | None = None,
        stale: Bool[Tensor, "B L"] | None = None,
        kv: Kv | None = None,
        time: Float[Tensor, " B"] | None = None,
        mixture: Blend | None = None,
        heard: Heard | None = None,
        inner: Inner | None = None,
    ) -> Float[Tensor, "*N V"]:
        """Logits [B, L, V], or [N, V] at the N positions of `where`, in row-major order.

        `visible[b, i, j]`: may i see j; None = all see all that the kind of attention allows.
        With one query row, `visible[b, 0, j]` holds for every i (padding).

        With a `kv` only the positions of `stale` (None = all) are recomputed, and their keys and
        values replaced; `where` may name only those, and None means those. Where logits are
        shifted, the position before each of `where` is recomputed too. `time` is the noise level
        for models that take one; None = 0. `mixture` changes the inputs; `heard` notes the
        attention.
        """
        return self.read(
            self.states(tokens, pos, visible, where, stale, kv, time, mixture, heard, inner)
        )

    def read(self, states: Float[Tensor, "*N W"]) -> Float[Tensor, "*N V"]:
        """The logits of states."""
        return self.head(self.transform(states))

    def states(
        self,
        tokens: Int[Tensor, "B L"],
        pos: Int[Tensor, "B L"],
        visible: Bool[Tensor, "B #L L"] | None = None,
        where: Bool[Tensor, "B L"] | None = None,
        stale: Bool[Tensor, "B L"] | None = None,
        kv: Kv | None = None,
        time: Float[Tensor, " B"] | None = None,
        mixture: Blend | None = None,
        heard: Heard | None = None,
        inner: Inner | None = None,
    ) -> Float[Tensor, "*N W"]:
        """What the head reads, for the same positions as `forward`; shifted ones are in place."""
        where = stale if where is None else where
        at = None
        if kv is not None:
            stale = torch.ones_like(tokens, dtype=torch.bool) if stale is None else stale
            at = packed(self.queried(stale if where is None else where, stale))
        x = self._embedded(tokens, pos, visible, mixture)
        if at is not None:
            x = x.take_along_dim(at.clamp(max=tokens.shape[1] - 1)[:, :, None], 1)
        level = None
        if self.time is not None:
            zero = torch.zeros(len(tokens), device=tokens.device)
            level = self.time(zero if time is None else time)
        look = Looks(self.config, visible, pos, kv, heard, inner)
        if isinstance(inner, Walk) and at is not None:
            x, at = inner.walk(self.blocks, x, at, look)
        else:
            for layer, block in enumerate(self.blocks):
                x = block(x, look(layer, at), level)
        if self.modulation is None or level is None:
            return self.norm(self._read(x, where, at))
        move, grow = self.modulation(level)[:, None].chunk(2, -1)
        return self._read(self.norm(x) * (1 + grow) + move, where, at)

    def _embedded(
        self,
        tokens: Int[Tensor, "B L"],
        pos: Int[Tensor, "B L"],
        visible: Bool[Tensor, "B #L L"] | None,
        mixture: Blend | None = None,
    ) -> Float[Tensor, "B L W"]:
        x = self.embed(tokens)
        if self.config.dropped >= 0:
            x = rescaled(x, tokens == self.config.dropped, visible)
        if mixture is not None:
            weight = mixture.weight.to(x.dtype)[..., None]
            x = x * (1 - weight.sum(2)) + (weight * self.embed(mixture.tokens)).sum(2)
        if self.position is not None:
            x = x + self.position(pos)
        return self.embed_norm(x)

    def queried(
        self, where: Bool[Tensor, "B L"], stale: Bool[Tensor, "B L"]
    ) -> Bool[Tensor, "B L"]:
        """The positions to recompute: stale ones, and those from which `where` is predicted."""
        if not self.config.shift:
            return stale
        first, before = where[:, :1], where[:, 1:]
        stale = stale | torch.cat((before, torch.zeros_like(first)), 1)
        return stale | torch.cat((first, torch.zeros_like(before)), 1)

    def _read(
        self,
        x: Float[Tensor, "B N W"],
        where: Bool[Tensor, "B L"] | None,
        at: Int[Tensor, "B N"] | None,
    ) -> Float[Tensor, "*M W"]:
        """The states that predict `where`."""
        if where is None:
            return torch.cat((x[:, :1], x[:, :-1]), 1) if self.config.shift else x
        row, place = where.nonzero(as_tuple=True)
        if self.config.shift:
            place = (place - 1).clamp(min=0)
        if at is not None:
            place = unpacked(at, where.shape[1])[row, place]
            if bool((place < 0).any()):
                raise ValueError("logits were asked for at positions that are not recomputed")
        return x[row, place]


@dataclass
class Looks:
    """What layers need to know to compute some positions of a canvas."""

    config: Config
    visible: Bool[Tensor, "B #L L"] | None
    pos: Int[Tensor, "B L"]
    kv: Kv | None
    heard: Heard | None
    inner: Inner | None
    _made: dict[tuple[int, int], Sight] = field(default_factory=dict)

    def __call__(self, layer: int, at: Int[Tensor, "B N"] | None) -> Sight:
        """The sight of a layer on the positions `at` (None = all); one per kind of window."""
        window = self.config.windows[layer] if self.config.windows else 0
        if (window, id(at)) not in self._made:
            self._made[window, id(at)] = self._sight(window, at)
        return self._made[window, id(at)]

    def _sight(self, window: int, at: Int[Tensor, "B N"] | None) -> Sight:
        c, visible, queried = self.config, self.visible, self.pos
        if at is not None:
            inside = at.clamp(max=self.pos.shape[1] - 1)
            queried = self.pos.gather(1, inside)
            if visible is not None and visible.shape[1] > 1:
                visible = visible.take_along_dim(inside[:, :, None], 1)
        base = c.window_base if window else c.rope_base
        # Rows that share one line of positions share their angles, which every layer reads.
        lines = queried if queried.stride(0) else queried[:1]
        turn = Turn.at(lines, c.turned, base, c.scaling) if c.rotary else None
        seen = visibility(c, window, visible, self.pos, queried)
        return Sight(seen, turn, self.kv, at, self.heard, self.inner)


def rescaled(
    x: Float[Tensor, "B L W"],
    dropped: Bool[Tensor, "B L"],
    visible: Bool[Tensor, "B #L L"] | None,
) -> Float[Tensor, "B L W"]:
    """Embeddings with those of masks set to zero and the others grown in return (ESM).

    ESM was trained with 80 % of 15 % of its tokens masked, and scales to keep that mean. Positions
    that nobody sees are padding and do not count.
    """
    real = torch.ones_like(dropped) if visible is None else visible.any(1)
    share = (dropped & real).sum(1) / real.sum(1).clamp(min=1)
    growth = (1 - 0.15 * 0.8) / (1 - share).clamp(min=1e-6)
    return (x * growth[:, None, None]).masked_fill(dropped[:, :, None], 0).to(x.dtype)
