"""LLaDA2.0 and 2.1 (arXiv:2512.15745): block-causal, with Ling 2.0's mixture of experts."""

from ..config import Config, Experts
from ..family import Family, Settings, Tokens, decoder, fused_qkv
from .llada_moe import EXPERTS
from .llama import LAYER
from .llama import NAMES as LLAMA

NAMES = (
    LLAMA
    | EXPERTS
    | fused_qkv(LAYER + "attention.query_key_value")
    | {
        "embed": "model.word_embeddings",
        "blocks.{}.attention.out": LAYER + "attention.dense",
        "blocks.{}.attention.query_norm": LAYER + "attention.query_layernorm",
        "blocks.{}.attention.key_norm": LAYER + "attention.key_layernorm",
        "blocks.{}.mlp.router_bias": LAYER + "mlp.gate.expert_bias",
        "blocks.{}.mlp.shared.gate": LAYER + "mlp.shared_experts.gate_proj",
        "blocks.{}.mlp.shared.up": LAYER + "mlp.shared_experts.up_proj",
        "blocks.{}.mlp.shared.down": LAYER + "mlp.shared_experts.down_proj",
    }
)


def config(s: Settings) -> Config:
    """A sigmoid router with groups; blocks of 32 positions, as in the published decoding."""
    for key in ("use_sliding_window", "norm_head"):
        s.only(key, False)
    s.only("score_function", "sigmoid")
    hidden = s.need("moe_intermediate_size")
    active = s.need("num_experts_per_tok")
    experts = Experts(
        count=s.need("num_experts"),
        active=active,
        hidden=hidden,
        shared=hidden * s.get("num_shared_experts", 0),
        dense=tuple(range(s.get("first_k_dense_replace", 0))),
        score="sigmoid",
        normalised=active > 1,
        scale=s.get("routed_scaling_factor", 2.5),
        groups=s.get("n_group", 8),
        open_groups=s.get("topk_group", 4),
        router_bias=True,
    )
    return decoder(
        s,
        kv_heads=s.get("num_key_value_heads", 0) or s.need("num_attention_heads"),
        norm_eps=s.get("rms_norm_eps", 1e-5),
        context=s.get("max_position_embeddings", 16384),
        qk_norm=s.get("use_qk_norm", True),
        qkv_bias=s.get("use_qkv_bias", False),
        out_bias=s.get("use_bias", True),
        attention="block",
        block=s.get("block_size", 32),
        experts=experts,
    )


FAMILY = Family(
    ("llada2_moe", "llada21_moe", "LLaDA2MoeModelLM", "LLaDA21MoeModelLM"),
    config,
    NAMES,
    Tokens("<|mask|>", "<|endoftext|>", ("<|role_end|>",)),
)
