"""SMDM (arXiv:2410.18514): TinyLlama's shape in lit-gpt's names and without a causal mask.

The release has no config.json: write one with model_type "smdm" and lit-gpt's keys. It rounds
cosines to bfloat16, which plait does not.
"""

from functools import partial

from torch import Tensor

from ..config import Config
from ..family import Family, Part, Settings, Tokens

LAYER = "transformer.h.{}."


def config(s: Settings) -> Config:
    """RMSNorm, SwiGLU, no biases; the mask is one id after the padded vocabulary."""
    s.only("_mlp_class", "LLaMAMLP")
    s.only("_norm_class", "FusedRMSNorm", "RMSNorm")
    for key in ("parallel_residual", "bias", "shared_attention_norm"):
        s.only(key, False)
    s.only("condense_ratio", 1)
    heads, width = s.need("n_head"), s.need("n_embd")
    vocab, multiple = s.get("vocab_size", 32000), s.get("padding_multiple", 64, least=1)
    padded = s.get("padded_vocab_size", -(-vocab // multiple) * multiple)
    return Config(
        vocab=padded + 1,
        width=width,
        layers=s.need("n_layer"),
        heads=heads,
        kv_heads=s.get("n_query_groups", heads),
        hidden=s.need("intermediate_size"),
        head_dim=width // heads,
        context=s.get("block_size", 2048),
        norm_eps=s.get("norm_eps", 1e-5),
        tied=False,
        qk_norm=False,
        rope_part=s.get("rotary_percentage", 1.0),
    )


def grouped(which: str, c: Config, fused: Tensor) -> Tensor:
    """Query, key or value out of groups of (queries, key, value), each group one after another."""
    share = c.heads // c.kv_heads
    groups = fused.unflatten(0, (c.kv_heads, share + 2, c.head_dim))
    start, stop = {"query": (0, share), "key": (share, -1), "value": (share + 1, None)}[which]
    return groups[:, start:stop].flatten(0, 2)


NAMES: dict[str, str | Part] = {
    "embed": "transformer.wte",
    "blocks.{}.attention.query": Part((LAYER + "attn.attn",), partial(grouped, "query")),
    "blocks.{}.attention.key": Part((LAYER + "attn.attn",), partial(grouped, "key")),
    "blocks.{}.attention.value": Part((LAYER + "attn.attn",), partial(grouped, "value")),
    "blocks.{}.attention.out": LAYER + "attn.proj",
    "blocks.{}.attention_norm": LAYER + "norm_1",
    "blocks.{}.mlp_norm": LAYER + "norm_2",
    "blocks.{}.mlp.gate": LAYER + "mlp.swiglu.w1",
    "blocks.{}.mlp.up": LAYER + "mlp.swiglu.w2",
    "blocks.{}.mlp.down": LAYER + "mlp.swiglu.w3",
    "norm": "transformer.ln_f",
    "head": "lm_head",
}
FAMILY = Family(("smdm",), config, NAMES, Tokens(eos="</s>", mask_last=True))
