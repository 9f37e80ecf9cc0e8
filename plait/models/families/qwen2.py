"""Qwen2 and Qwen2.5 (arXiv:2407.10671): Llama with biases on query, key and value."""

from ..config import Config
from ..family import Family, Settings, autoregressive, decoder
from .llama import NAMES


def config(s: Settings) -> Config:
    """Llama's shape with biases on query, key and value; a sliding window is refused."""
    s.only("use_sliding_window", False)
    return decoder(s, qkv_bias=True, **autoregressive(s))


FAMILY = Family(("qwen2", "Qwen2ForCausalLM", "a2d-qwen2"), config, NAMES)
