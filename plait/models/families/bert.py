"""BERT (arXiv:1810.04805): post-norm, learned positions; a masked encoder decodes as it is."""

from torch import Tensor

from ..config import Config
from ..family import Family, Part, Settings, Tokens, encoder

LAYER = "bert.encoder.layer.{}."
EMBED = "bert.embeddings."


def config(s: Settings) -> Config:
    """The encoder with its masked-language-model head."""
    s.only("position_embedding_type", "absolute")
    s.only("hidden_act", "gelu")
    return encoder(s, post_norm=True, embed_norm=True, rotary=False)


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
