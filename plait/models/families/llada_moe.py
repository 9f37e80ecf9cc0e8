"""LLaDA-MoE 7B-A1B (arXiv:2509.24389): LLaDA with OLMoE's mixture of experts."""

from ..config import Config, Experts
from ..family import Family, Settings, Tokens, decoder
from .llama import LAYER
from .llama import NAMES as LLAMA

EXPERTS = {
    "blocks.{}.mlp.router": LAYER + "mlp.gate",
    "blocks.{}.mlp.experts.{}.gate": LAYER + "mlp.experts.{}.gate_proj",
    "blocks.{}.mlp.experts.{}.up": LAYER + "mlp.experts.{}.up_proj",
    "blocks.{}.mlp.experts.{}.down": LAYER + "mlp.experts.{}.down_proj",
}
SHARED = {
    "blocks.{}.mlp.shared.gate": LAYER + "shared_expert.gate_proj",
    "blocks.{}.mlp.shared.up": LAYER + "shared_expert.up_proj",
    "blocks.{}.mlp.shared.down": LAYER + "shared_expert.down_proj",
}


def config(s: Settings) -> Config:
    """Full attention; a softmax router whose weights do not add up to 1."""
    s.only("moe_router_enable_expert_bias", False)
    s.only("moe_router_score_function", "softmax")
    s.only("norm_topk_prob", False)
    s.only("clip_qkv", None)
    s.only("routed_scaling_factor", 1, 1.0)
    bias = s.get("attention_bias", False)
    layers = s.need("num_hidden_layers")
    mixed = s.get("moe_layer_freq", [1] * layers)
    experts = Experts(
        count=s.need("num_experts"),
        active=s.need("num_experts_per_tok"),
        hidden=s.need("expert_intermediate_size"),
        shared=s.get("shared_expert_intermediate_size", 0),
        dense=tuple(layer for layer, mix in enumerate(mixed) if not mix),
    )
    return decoder(
        s,
        hidden=s.get("dense_intermediate_size", 1),
        norm_eps=s.get("rms_norm_eps", 1e-5),
        qk_norm=s.get("qk_layernorm", False),
        qkv_bias=bias,
        out_bias=bias,
        experts=experts,
    )


FAMILY = Family(
    ("lladamoe", "llada_moe", "LLaDAMoEModel", "LLaDAMoEModelLM"),
    config,
    LLAMA | EXPERTS | SHARED,
    Tokens("<|mask|>", "<|endoftext|>", ("<|role_end|>",)),
)
