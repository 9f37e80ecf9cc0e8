"""LLaDA 8B and 1.5 (arXiv:2502.09992): Llama without a causal mask, in OLMo's names."""

from ..config import Config
from ..family import Family, Settings, Tokens

LAYER = "model.transformer.blocks.{}."
NAMES = {
    "embed": "model.transformer.wte",
    "blocks.{}.attention.query": LAYER + "q_proj",
    "blocks.{}.attention.key": LAYER + "k_proj",
    "blocks.{}.attention.value": LAYER + "v_proj",
    "blocks.{}.attention.out": LAYER + "attn_out",
    "blocks.{}.attention_norm": LAYER + "attn_norm",
    "blocks.{}.mlp_norm": LAYER + "ff_norm",
    "blocks.{}.mlp.gate": LAYER + "ff_proj",
    "blocks.{}.mlp.up": LAYER + "up_proj",
    "blocks.{}.mlp.down": LAYER + "ff_out",
    "norm": "model.transformer.ln_f",
    "head": "model.transformer.ff_out",
}


def config(s: Settings) -> Config:
    """The published models' shape; other shapes that their modelling code knows are refused."""
    s.only("block_type", "llama")
    s.only("activation_type", "silu")
    s.only("layer_norm_type", "rms")
    s.only("rope", True)
    for key in (
        "alibi",
        "attention_layer_norm",
        "input_emb_norm",
        "scale_logits",
        "bias_for_layer_norm",
    ):
        s.only(key, False)
    s.only("block_group_size", 1)
    heads, width = s.need("n_heads"), s.need("d_model")
    bias = s.get("include_bias", False)
    return Config(
        vocab=s.get("embedding_size", s.need("vocab_size")),
        width=width,
        layers=s.need("n_layers"),
        heads=heads,
        kv_heads=s.get("n_kv_heads", 1 if s.get("multi_query_attention", False) else heads),
        hidden=s.get("mlp_hidden_size", s.get("mlp_ratio", 4) * width),
        head_dim=width // heads,
        context=s.get("max_sequence_length", 4096),
        rope_base=s.get("rope_theta", 10_000.0),
        norm_eps=s.get("rms_norm_eps", 1e-5),
        tied=s.get("weight_tying", False),
        qk_norm=False,
        qkv_bias=bias or s.get("include_qkv_bias", False),
        out_bias=bias,
        mlp_bias=bias,
        head_bias=bias,
    )


FAMILY = Family(
    ("llada", "LLaDAModelLM"),
    config,
    NAMES,
    Tokens("<|mdm_mask|>", "<|endoftext|>", ("<|eot_id|>",)),
)
