"""MDLM (arXiv:2406.07524) and BD3-LM (arXiv:2503.09573): diffusion transformers (DiT)."""

from typing import Literal

from ..config import Config
from ..family import Family, Settings, Tokens, fused_qkv

LAYER = "backbone.blocks.{}."
NAMES = fused_qkv(LAYER + "attn_qkv") | {
    "embed.weight": "backbone.vocab_embed.embedding",
    "time.up": "backbone.sigma_map.mlp.0",
    "time.down": "backbone.sigma_map.mlp.2",
    "blocks.{}.attention.out": LAYER + "attn_out",
    "blocks.{}.attention_norm": LAYER + "norm1",
    "blocks.{}.mlp_norm": LAYER + "norm2",
    "blocks.{}.mlp.up": LAYER + "mlp.0",
    "blocks.{}.mlp.down": LAYER + "mlp.2",
    "blocks.{}.modulation": LAYER + "adaLN_modulation",
    "norm": "backbone.output_layer.norm_final",
    "head": "backbone.output_layer.linear",
    "modulation": "backbone.output_layer.adaLN_modulation",
}


def config(s: Settings) -> Config:
    """LayerNorm without bias, a plain MLP, adaptive norms of the noise level unless left out.

    Models trained without time conditioning are given level 0 at all times.
    """
    heads, width = s.need("n_heads"), s.need("hidden_dim")
    block = s.get("block_size", 1)
    whole: Literal["causal", "full"] = "causal" if s.get("causal", False) else "full"
    return Config(
        vocab=s.get("vocab_size", 50258),
        width=width,
        layers=s.need("n_blocks"),
        heads=heads,
        kv_heads=heads,
        hidden=4 * width,
        head_dim=width // heads,
        context=s.get("model_length", 1024),
        norm_eps=1e-5,
        tied=False,
        qk_norm=False,
        mlp_bias=True,
        head_bias=True,
        gated=False,
        activation="gelu_tanh",
        norm="layer",
        attention="block" if s.get("cross_attn", False) else whole,
        block=block,
        time=s.get("cond_dim", 128) if s.get("adaln", True) else 0,
    )


FAMILY = Family(
    ("mdlm", "bd3lm", "MDLM", "BD3LM"),
    config,
    NAMES,
    Tokens(eos="<|endoftext|>", mask_last=True),
    spare=("sampling_eps_",),
)
