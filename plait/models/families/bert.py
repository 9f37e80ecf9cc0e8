"""BERT (arXiv:1810.04805): post-norm, learned positions; a masked encoder decodes as it is."""

from torch import Tensor

from ..config import Config
from ..family import Family, Part, Settings, Tokens

LAYER = "bert.encoder.layer.{}."
EMBED = "bert.embeddings."


def config(s: Settings) -> Config:
    """The encoder with its masked-language-model head."""
    s.only("position_embedding_type", "absolute")
    s.only("hidden_act", "gelu")
    s.only("is_decoder", False)
    heads, width = s.need("num_attention_heads"), s.need("hidden_size")
    return Config(
        vocab=s.need("vocab_size"),
        width=width,
        layers=s.need("num_hidden_layers"),
        heads=heads,
        kv_heads=heads,
        hidden=s.need("intermediate_size"),
        head_dim=width // heads,
        context=s.get("max_position_embeddings", 512),
        norm_eps=s.get("layer_norm_eps", 1e-12),
        tied=s.get("tie_word_embeddings", True),
        qk_norm=False,
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        head_bias=True,
        gated=False,
        activation="gelu",
        norm="layer",
        norm_bias=True,
        post_norm=True,
        embed_norm=True,
        transform=True,
        rotary=False,
    )


def position(_: Config, position: Tensor, kind: Tensor) -> Tensor:
    """Learned positions and the embedding of the first of two texts, which all positions get."""
    return position + kind[0]


NAMES: dict[str, str | Part] = {
    "embed": EMBED + "word_embeddings",
    "position": Part((EMBED + "position_embeddings", EMBED + "token_type_embeddings"), position),
    "embed_norm": EMBED + "LayerNorm",
    "blocks.{}.attention.query": LAYER + "attention.self.query",
    "blocks.{}.attention.key": LAYER + "attention.self.key",
    "blocks.{}.attention.value": LAYER + "attention.self.value",
    "blocks.{}.attention.out": LAYER + "attention.output.dense",
    "blocks.{}.attention_norm": LAYER + "attention.output.LayerNorm",
    "blocks.{}.mlp.up": LAYER + "intermediate.dense",
    "blocks.{}.mlp.down": LAYER + "output.dense",
    "blocks.{}.mlp_norm": LAYER + "output.LayerNorm",
    "transform.dense": "cls.predictions.transform.dense",
    "transform.norm": "cls.predictions.transform.LayerNorm",
    "head": "cls.predictions.decoder",
    "head.bias": "cls.predictions.bias",
}
FAMILY = Family(
    ("bert", "BertForMaskedLM"),
    config,
    NAMES,
    Tokens("[MASK]", "[SEP]"),
    spare=("bert.pooler.", "cls.seq_relationship.", "cls.predictions.decoder."),
)
