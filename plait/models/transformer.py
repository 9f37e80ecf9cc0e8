"""One bidirectional transformer for every masked diffusion model.

Pre-norm blocks of grouped-query attention with rotary positions and a gated SiLU MLP, the shape
of LLaDA (arXiv:2502.09992) and Dream (arXiv:2508.15487): no causal mask, no time input.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import PlaitError


@dataclass(frozen=True)
class Config:
    """Shape of a transformer. Widths are counted in features, `context` in positions."""

    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int  # features inside the MLP
    head_dim: int = 64
    context: int = 1024
    rope_base: float = 10_000.0
    norm_eps: float = 1e-6
    tied: bool = True  # the head is the embedding, transposed
    qk_norm: bool = True  # RMSNorm of queries and keys, per head

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise PlaitError(f"heads={self.heads} is not a multiple of kv_heads={self.kv_heads}")
        if self.head_dim % 2:
            raise PlaitError(f"head_dim={self.head_dim} is odd; rotary positions turn pairs")


@dataclass(frozen=True)
class Turn:
    """Cosine and sine of the rotary angles of each position (arXiv:2104.09864)."""

    cos: Float[Tensor, "B 1 L D"]
    sin: Float[Tensor, "B 1 L D"]

    @staticmethod
    def at(pos: Int[Tensor, "B L"], head_dim: int, base: float) -> "Turn":
        """Angles of `pos`, in float32: large positions lose whole turns in bfloat16."""
        pair = torch.arange(0, head_dim, 2, device=pos.device, dtype=torch.float32)
        angle = pos[:, None, :, None].float() * base ** (-pair / head_dim)
        angle = torch.cat((angle, angle), -1)
        return Turn(angle.cos(), angle.sin())

    def __call__(self, x: Float[Tensor, "B H L D"]) -> Float[Tensor, "B H L D"]:
        """Turn feature i together with feature i + D/2."""
        left, right = x.float().chunk(2, -1)
        turned = x.float() * self.cos + torch.cat((-right, left), -1) * self.sin
        return turned.to(x.dtype)


class Norm(nn.Module):
    """RMSNorm of the last axis (arXiv:1910.07467), computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self._eps = eps

    def forward(self, x: Float[Tensor, "*A D"]) -> Float[Tensor, "*A D"]:
        """Scale each vector to a mean square of 1, then by the weights."""
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self._eps).to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention in which a position may see any other (arXiv:2305.13245)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        inner, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.query = nn.Linear(config.width, inner, bias=False)
        self.key = nn.Linear(config.width, kv, bias=False)
        self.value = nn.Linear(config.width, kv, bias=False)
        self.out = nn.Linear(inner, config.width, bias=False)
        normed = config.qk_norm
        self.query_norm = Norm(config.head_dim, config.norm_eps) if normed else nn.Identity()
        self.key_norm = Norm(config.head_dim, config.norm_eps) if normed else nn.Identity()

    def forward(
        self, x: Float[Tensor, "B L W"], turn: Turn, visible: Bool[Tensor, "B 1 #L L"] | None
    ) -> Float[Tensor, "B L W"]:
        """What each position gathers from those it sees."""
        query = turn(self.query_norm(self._split(self.query(x), self.heads)))
        key = turn(self.key_norm(self._split(self.key(x), self.kv_heads)))
        value = self._split(self.value(x), self.kv_heads)
        # Repeated here because, with a mask, SDPA's enable_gqa leaves the fused CUDA kernels.
        share = self.heads // self.kv_heads
        if share > 1:
            key, value = key.repeat_interleave(share, 1), value.repeat_interleave(share, 1)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.out(seen.transpose(1, 2).flatten(2))

    @staticmethod
    def _split(x: Float[Tensor, "B L I"], heads: int) -> Float[Tensor, "B H L D"]:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class Mlp(nn.Module):
    """Gated SiLU feed-forward layer (SwiGLU, arXiv:2002.05202)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.hidden, bias=False)
        self.up = nn.Linear(config.width, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Float[Tensor, "B L W"]) -> Float[Tensor, "B L W"]:
        """Each position by itself."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """Attention and MLP, each after a norm and around a residual."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.attention_norm = Norm(config.width, config.norm_eps)
        self.attention = Attention(config)
        self.mlp_norm = Norm(config.width, config.norm_eps)
        self.mlp = Mlp(config)

    def forward(
        self, x: Float[Tensor, "B L W"], turn: Turn, visible: Bool[Tensor, "B 1 #L L"] | None
    ) -> Float[Tensor, "B L W"]:
        """One layer."""
        x = x + self.attention(self.attention_norm(x), turn, visible)
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    """Token ids and positions to logits, every position at once."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = Norm(config.width, config.norm_eps)
        self.head = nn.Linear(config.width, config.vocab, bias=False)
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

    def forward(
        self,
        tokens: Int[Tensor, "B L"],
        pos: Int[Tensor, "B L"],
        visible: Bool[Tensor, "B #L L"] | None = None,
        where: Bool[Tensor, "B L"] | None = None,
    ) -> Float[Tensor, "*N V"]:
        """Logits [B, L, V], or [N, V] at the N positions of `where`, in row-major order.

        `visible[b, i, j]`: may i see j; None = all see all.

        With one query row, `visible[b, 0, j]` holds for every i (padding). A position that may
        see nothing sees everything, so that it stays finite; nobody sees it.
        """
        if visible is not None:
            visible = (visible | ~visible.any(-1, keepdim=True))[:, None]
        turn = Turn.at(pos, self.config.head_dim, self.config.rope_base)
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, turn, visible)
        return self.head(self.norm(x if where is None else x[where]))
