"""ESM-2 (doi:10.1126/science.ade2574) and DSM (arXiv:2506.08293): protein models."""

from ..config import Config
from ..family import Family, Settings, Tokens, encoder

LAYER = "esm.encoder.layer.{}."
NAMES = {
    "embed": "esm.embeddings.word_embeddings",
    "embed_norm": "esm.embeddings.layer_norm",
    "blocks.{}.attention.query": LAYER + "attention.self.query",
    "blocks.{}.attention.key": LAYER + "attention.self.key",
    "blocks.{}.attention.value": LAYER + "attention.self.value",
    "blocks.{}.attention.out": LAYER + "attention.output.dense",
    "blocks.{}.attention_norm": LAYER + "attention.LayerNorm",
    "blocks.{}.mlp_norm": LAYER + "LayerNorm",
    "blocks.{}.mlp.up": LAYER + "intermediate.dense",
    "blocks.{}.mlp.down": LAYER + "output.dense",
    "norm": "esm.encoder.emb_layer_norm_after",
    "transform.dense": "lm_head.dense",
    "transform.norm": "lm_head.layer_norm",
    "head": "lm_head.decoder",
    "head.bias": "lm_head.bias",
}


def config(s: Settings) -> Config:
    """Pre-norm encoder with rotary positions; masks may be dropped from the embedding."""
    s.only("position_embedding_type", "rotary")
    s.only("is_folding_model", False)
    return encoder(
        s,
        context=s.get("max_position_embeddings", 1026),
        rope_base=s.get("rope_theta", 10_000.0),
        embed_norm=s.get("emb_layer_norm_before", False),
        dropped=s.need("mask_token_id", least=0) if s.get("token_dropout", False) else -1,
    )


FAMILY = Family(
    ("esm", "EsmForMaskedLM", "DSM"),
    config,
    NAMES,
    Tokens("<mask>", "<eos>"),
    spare=("esm.contact_head.", "esm.pooler.", "esm.embeddings.position"),
)
