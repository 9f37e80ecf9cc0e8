"""The shape of a transformer: every way in which the families of checkpoints differ."""

from dataclasses import dataclass
from typing import Literal

from ..errors import PlaitError
from .rope import Scaling


@dataclass(frozen=True)
class Experts:
    """A mixture of MLPs, of which a router picks some for each position (arXiv:2101.03961)."""

    count: int
    active: int  # experts per position
    hidden: int  # features inside one expert
    shared: int = 0  # features inside the expert that every position uses; 0 = there is none
    dense: tuple[int, ...] = ()  # layers that have one plain MLP instead
    score: Literal["softmax", "sigmoid"] = "softmax"
    normalised: bool = False  # the weights of the picked experts add up to `scale`
    scale: float = 1.0
    groups: int = 1  # experts are picked from the best `open_groups` groups only
    open_groups: int = 1
    router_bias: bool = False  # added when picking, not when weighing (arXiv:2408.15664)


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
    qkv_bias: bool = False
    out_bias: bool = False  # of the attention's output
    mlp_bias: bool = False
    head_bias: bool = False
    gated: bool = True  # MLP with a gate
    activation: Literal["silu", "gelu", "gelu_tanh"] = "silu"
    norm: Literal["rms", "layer"] = "rms"
    norm_bias: bool = False
    post_norm: bool = False  # norms after the residual sum, none at the end (BERT)
    embed_norm: bool = False
    first_norm: bool = True  # False: the first attention reads the embedding as it is
    transform: bool = False  # dense layer, activation and norm before the head (masked encoders)
    rotary: bool = True  # False: learned positions
    rope_part: float = 1.0  # fraction of a head's features that is turned
    scaling: Scaling | None = None  # of the rotary frequencies
    attention: Literal["full", "block", "causal"] = "full"
    block: int = 1  # positions per block; a block sees itself and all blocks before it
    windows: tuple[int, ...] = ()  # per layer: how far a position sees to each side; 0 = all
    window_base: float = 10_000.0  # rope_base of layers with a window
    shift: bool = False  # the output at i-1 predicts position i; position 0 keeps its own
    dropped: int = -1  # token whose embedding is zero while the others grow (ESM); -1 = none
    time: int = 0  # features of the time input (adaptive norms, DiT); 0 = the model takes none
    experts: Experts | None = None

    def __post_init__(self) -> None:
        for name in ("vocab", "width", "layers", "heads", "kv_heads", "head_dim", "context"):
            if getattr(self, name) < 1:
                raise PlaitError(f"{name}={getattr(self, name)}; it must be >= 1")
        if self.heads % self.kv_heads:
            raise PlaitError(f"heads={self.heads} is not a multiple of kv_heads={self.kv_heads}")
        if self.head_dim % 2:
            raise PlaitError(f"head_dim={self.head_dim} is odd; rotary positions turn pairs")
        if self.attention == "block" and self.block < 1:
            raise PlaitError(f"block={self.block} positions; block-causal attention needs >= 1")

    @property
    def turned(self) -> int:
        """Features of a head that rotary positions turn."""
        return int(self.head_dim * self.rope_part)
