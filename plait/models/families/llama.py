"""Llama and its kin: SmolLM2, Llama 2 and 3, TinyLlama (arXiv:2302.13971)."""

from ..config import Config
from ..family import Family, Settings, autoregressive, decoder

LAYER = "model.layers.{}."
NAMES = {
    "embed": "model.embed_tokens",
    "blocks.{}.attention.query": LAYER + "self_attn.q_proj",
    "blocks.{}.attention.key": LAYER + "self_attn.k_proj",
    "blocks.{}.attention.value": LAYER + "self_attn.v_proj",
    "blocks.{}.attention.out": LAYER + "self_attn.o_proj",
    "blocks.{}.attention.query_norm": LAYER + "self_attn.q_norm",
    "blocks.{}.attention.key_norm": LAYER + "self_attn.k_norm",
    "blocks.{}.attention_norm": LAYER + "input_layernorm",
    "blocks.{}.mlp_norm": LAYER + "post_attention_layernorm",
    "blocks.{}.mlp.gate": LAYER + "mlp.gate_proj",
    "blocks.{}.mlp.up": LAYER + "mlp.up_proj",
    "blocks.{}.mlp.down": LAYER + "mlp.down_proj",
    "norm": "model.norm",
    "head": "lm_head",
}


def config(s: Settings) -> Config:
    """Grouped-query attention, RMSNorm, SwiGLU; biases where the checkpoint has them."""
    bias = s.get("attention_bias", False)
    mlp_bias = s.get("mlp_bias", False)
    return decoder(s, qkv_bias=bias, out_bias=bias, mlp_bias=mlp_bias, **autoregressive(s))


FAMILY = Family(("llama", "LlamaForCausalLM", "a2d-llama"), config, NAMES)
