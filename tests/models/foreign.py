"""Small checkpoints of diffusion models in their official format, filled by formula.

The numbers of a weight depend on its name, its shape and nothing else, so that any program can
make the same checkpoint. `GOLDEN` holds logits that the official code gave for it.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from plait.models import families
from plait.models.checkpoint import part
from plait.models.family import Settings
from plait.models.transformer import Transformer

LENGTH = 10
CONFIGS = {
    "llada": {
        "model_type": "llada",
        "architectures": ["LLaDAModelLM"],
        "d_model": 32,
        "n_heads": 4,
        "n_kv_heads": 2,
        "n_layers": 2,
        "mlp_hidden_size": 48,
        "vocab_size": 61,
        "embedding_size": 64,
        "activation_type": "silu",
        "block_type": "llama",
        "layer_norm_type": "rms",
        "rope": True,
        "rope_theta": 500000.0,
        "rms_norm_eps": 1e-5,
        "max_sequence_length": 64,
        "weight_tying": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "bias_for_layer_norm": False,
        "mask_token_id": 60,
        "eos_token_id": 1,
    },
    "dream": {
        "model_type": "Dream",
        "architectures": ["DreamModel"],
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "mask_token_id": 60,
        "tie_word_embeddings": False,
    },
    "sdar": {
        "model_type": "sdar",
        "architectures": ["SDARForCausalLM"],
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 64,
        "rope_theta": 1000000.0,
        "block_size": 4,
        "mask_token_id": 60,
        "tie_word_embeddings": False,
    },
    "llada_moe": {
        "model_type": "lladamoe",
        "architectures": ["LLaDAMoEModelLM"],
        "vocab_size": 64,
        "hidden_size": 32,
        "dense_intermediate_size": 48,
        "expert_intermediate_size": 24,
        "shared_expert_intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "num_experts": 8,
        "num_experts_per_tok": 3,
        "moe_layer_freq": [0, 1],
        "qk_layernorm": True,
        "rope_theta": 50000.0,
        "partial_rotary_factor": 1.0,
        "max_position_embeddings": 64,
        "attention_bias": False,
        "norm_topk_prob": False,
        "moe_router_enable_expert_bias": False,
        "moe_router_score_function": "softmax",
        "routed_scaling_factor": 1,
        "mask_token_id": 60,
    },
    "llada2": {
        "model_type": "llada2_moe",
        "architectures": ["LLaDA2MoeModelLM"],
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "moe_intermediate_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "num_experts": 8,
        "num_experts_per_tok": 3,
        "num_shared_experts": 1,
        "n_group": 4,
        "topk_group": 2,
        "first_k_dense_replace": 1,
        "routed_scaling_factor": 2.5,
        "partial_rotary_factor": 0.5,
        "use_bias": False,
        "use_qkv_bias": False,
        "use_qk_norm": True,
        "rms_norm_eps": 1e-6,
        "rope_theta": 600000.0,
        "max_position_embeddings": 64,
        "block_size": 4,
        "mask_token_id": 60,
    },
    "smdm": {
        "model_type": "smdm",
        "n_embd": 32,
        "n_head": 4,
        "n_query_groups": 4,
        "n_layer": 2,
        "intermediate_size": 48,
        "vocab_size": 63,
        "padding_multiple": 64,
        "block_size": 64,
        "rotary_percentage": 1.0,
        "parallel_residual": False,
        "bias": False,
        "_norm_class": "FusedRMSNorm",
        "_mlp_class": "LLaMAMLP",
        "norm_eps": 1e-5,
    },
    "mdlm": {
        "model_type": "mdlm",
        "vocab_size": 64,
        "hidden_dim": 32,
        "cond_dim": 16,
        "n_blocks": 2,
        "n_heads": 4,
        "model_length": 64,
        "time_conditioning": False,
    },
    "bd3lm": {
        "model_type": "bd3lm",
        "vocab_size": 64,
        "hidden_dim": 32,
        "cond_dim": 16,
        "n_blocks": 2,
        "n_heads": 4,
        "model_length": 64,
        "time_conditioning": False,
        "block_size": 4,
        "cross_attn": True,
        "adaln": True,
        "causal": False,
    },
}


def filled(name: str, shape: tuple[int, ...]) -> Tensor:
    """Weights between -0.35 and 0.35 (norms: around 1), all different, by a sine."""
    seed = sum((i + 1) * ord(letter) for i, letter in enumerate(name)) % 997
    place = torch.arange(math.prod(shape), dtype=torch.float64)
    wave = torch.sin(place * place * 0.37 + place * 1.7 + seed)
    norm = len(shape) == 1 and name.endswith("weight")
    return (wave * 0.35 + norm).reshape(shape).float()


def write(folder: Path, family: str, shapes: dict[str, tuple[int, ...]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[family]))
    save_file({n: filled(n, s) for n, s in shapes.items()}, folder / "model.safetensors")
    return folder


def tokens() -> Tensor:
    """Two rows of ids below 60, and a mask at every third place."""
    ids = (torch.arange(2 * LENGTH) * 17 + 3).view(2, LENGTH) % 59
    return torch.where(torch.arange(LENGTH) % 3 == 2, 60, ids)


def shapes(family: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the checkpoint's tensors: fused ones have the rows of all their parts."""
    settings = Settings(CONFIGS[family], Path(family))
    kind = families.of(settings)[1]
    config = kind.config(settings)
    found: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        weights = Transformer(config).state_dict()
    for ours, weight in weights.items():
        (name,) = part(kind, ours).names
        rows = found.get(name, (0,))[0] + len(weight)
        found[name] = (rows, *weight.shape[1:])
    if family == "smdm":
        found["lm_head.weight"] = (config.vocab - 1, config.width)
    return found
