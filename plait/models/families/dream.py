"""Dream (arXiv:2508.15487): Qwen2.5 made bidirectional; the output at i-1 predicts position i."""

from ..config import Config
from ..family import Family, Settings, Tokens, decoder
from .llama import NAMES


def config(s: Settings) -> Config:
    """Qwen2's shape with full attention and shifted logits."""
    s.only("use_sliding_window", False)
    return decoder(s, qkv_bias=True, shift=True)


FAMILY = Family(
    ("Dream", "DreamModel"),
    config,
    NAMES,
    Tokens("<|mask|>", "<|endoftext|>", ("<|im_end|>",)),
)
