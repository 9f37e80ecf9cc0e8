"""ModernBERT (arXiv:2412.13663): rotary positions, and two of three layers with a window."""

from ..config import Config
from ..family import Family, Part, Settings, Tokens, encoder, fused_qkv, rope, rows

LAYER = "model.layers.{}."
NAMES: dict[str, str | Part] = {
    **fused_qkv(LAYER + "attn.Wqkv"),
    "embed": "model.embeddings.tok_embeddings",
    "embed_norm": "model.embeddings.norm",
    "blocks.{}.attention.out": LAYER + "attn.Wo",
    "blocks.{}.attention_norm": LAYER + "attn_norm",
    "blocks.{}.mlp_norm": LAYER + "mlp_norm",
    "blocks.{}.mlp.gate": rows(LAYER + "mlp.Wi", lambda _: 0, lambda c: c.hidden),
    "blocks.{}.mlp.up": rows(LAYER + "mlp.Wi", lambda c: c.hidden, lambda c: c.hidden),
    "blocks.{}.mlp.down": LAYER + "mlp.Wo",
    "norm": "model.final_norm",
    "transform.dense": "head.dense",
    "transform.norm": "head.norm",
    "head": "decoder",
}


def bases(s: Settings) -> tuple[float, float]:
    """The rotary bases of layers without and with a window."""
    found = []
    for kind, old, default in (("full", "global", 160_000.0), ("sliding", "local", 10_000.0)):
        new = Settings(s.get("rope_parameters", {}), s.path).get(f"{kind}_attention", {})
        base = s.get(f"{old}_rope_theta", default)
        values = {"rope_theta": base, "rope_parameters": new}
        found.append(rope(Settings(values, s.path))["rope_base"])
    return found[0], found[1]


def config(s: Settings) -> Config:
    """The encoder with its masked-language-model head."""
    s.only("hidden_activation", "gelu")
    s.only("classifier_activation", "gelu")
    every, layers = s.get("global_attn_every_n_layers", 3, least=1), s.need("num_hidden_layers")
    kinds = ["sliding_attention" if i % every else "full_attention" for i in range(layers)]
    half = s.get("local_attention", 128) // 2
    windows = [half * (k == "sliding_attention") for k in s.get("layer_types", kinds)]
    full, local = bases(s)
    bias, mlp_bias = s.get("attention_bias", False), s.get("mlp_bias", False)
    s.only("classifier_bias", mlp_bias)
    return encoder(
        s,
        context=s.get("max_position_embeddings", 8192),
        rope_base=full,
        norm_eps=s.get("norm_eps", 1e-5),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=mlp_bias,
        head_bias=s.get("decoder_bias", True),
        norm_bias=s.get("norm_bias", False),
        gated=True,
        embed_norm=True,
        first_norm=False,
        windows=tuple(windows),
        window_base=local,
    )


FAMILY = Family(("modernbert", "ModernBertForMaskedLM"), config, NAMES, Tokens("[MASK]", "[SEP]"))
