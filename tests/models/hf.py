"""Small random checkpoints in transformers' own format, and inputs that are hard on masks."""

from pathlib import Path

import torch
import transformers as hf
from torch import Tensor

from plait.models.checkpoint import build, open_folder
from plait.models.transformer import Transformer

SHAPE = {
    "vocab_size": 67,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
GQA = SHAPE | {"num_key_value_heads": 2}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
TRAINED = {"original_max_position_embeddings": 32, "rope_theta": 100.0}
ROPES = {
    "linear": {"rope_type": "linear", "factor": 2.0, "rope_theta": 100.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, **TRAINED},
    "llama3": LLAMA3 | TRAINED,
}
AR = {
    "llama": hf.LlamaConfig(**GQA),
    "llama-tied-biased": hf.LlamaConfig(
        **GQA, tie_word_embeddings=True, attention_bias=True, mlp_bias=True
    ),
    "llama-linear": hf.LlamaConfig(**GQA, rope_parameters=ROPES["linear"]),
    "llama-yarn": hf.LlamaConfig(**GQA, rope_parameters=ROPES["yarn"]),
    "llama-llama3": hf.LlamaConfig(**GQA, rope_parameters=ROPES["llama3"]),
    "qwen2": hf.Qwen2Config(**GQA, rope_theta=1e6),
    "qwen3": hf.Qwen3Config(**GQA, head_dim=16),
}
ENCODERS = {
    "bert": hf.BertConfig(**SHAPE),
    "modernbert": hf.ModernBertConfig(
        **SHAPE,
        local_attention=6,
        global_attn_every_n_layers=3,
        norm_bias=False,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
    ),
    "esm": hf.EsmConfig(
        **SHAPE, position_embedding_type="rotary", mask_token_id=5, token_dropout=True
    ),
    "esm-normed": hf.EsmConfig(
        **SHAPE, position_embedding_type="rotary", mask_token_id=5, emb_layer_norm_before=True
    ),
}


def saved(config: hf.PretrainedConfig, folder: Path) -> torch.nn.Module:
    """A model of `config` with sharp random weights, which is also saved in `folder`."""
    torch.manual_seed(0)
    kind = hf.AutoModelForCausalLM
    if not hasattr(config, "num_key_value_heads"):
        kind = hf.AutoModelForMaskedLM
    model = kind.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3) if weight.ndim > 1 else weight.add_(
                0.3 * torch.randn_like(weight)
            )
    model.save_pretrained(folder)
    return model


def net(folder: Path) -> Transformer:
    return build(open_folder(folder), torch.device("cpu"), torch.float32)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Three rows of 12 tokens, their positions, and which are real: rows of 12, 9 and 5."""
    made = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, 67, (3, 12), generator=made)
    real = torch.arange(12) < torch.tensor([[12], [9], [5]])
    return tokens, torch.arange(12).expand(3, -1), real
