"""SDAR (arXiv:2510.06303): Qwen3 made block-causal, without a shift."""

from ..config import Config
from ..family import Family, Settings, Tokens, decoder
from .llama import NAMES


def config(s: Settings) -> Config:
    """Qwen3's shape with block-causal attention; blocks of 4 unless the file says otherwise."""
    s.only("use_sliding_window", False)
    bias = s.get("attention_bias", False)
    return decoder(
        s,
        qk_norm=True,
        qkv_bias=bias,
        out_bias=bias,
        head_dim=s.get("head_dim", 128),
        attention="block",
        block=s.get("block_size", 4),
    )


FAMILY = Family(
    ("sdar", "SDARForCausalLM"),
    config,
    NAMES,
    Tokens("<|MASK|>", "<|endoftext|>", ("<|im_end|>",)),
)
