"""Qwen3, dense (arXiv:2505.09388): Llama with normed queries and keys."""

from ..config import Config
from ..family import Family, Settings, autoregressive, decoder
from .llama import NAMES


def config(s: Settings) -> Config:
    """Llama's shape with RMSNorm of queries and keys; a sliding window is refused."""
    s.only("use_sliding_window", False)
    bias = s.get("attention_bias", False)
    heads = s.get("head_dim", 128)  # Qwen3's own default, not width / heads
    changes = {"qk_norm": True, "qkv_bias": bias, "out_bias": bias, "head_dim": heads}
    return decoder(s, **changes, **autoregressive(s))


FAMILY = Family(("qwen3", "Qwen3ForCausalLM", "a2d-qwen3"), config, NAMES)
