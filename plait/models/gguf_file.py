"""GGUF files of llama.cpp: settings, tensors and tokenizer, in transformers' names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import PlaitError, missing
from . import families
from .checkpoint import Checkpoint, shape
from .family import Settings
from .tokens import Words

LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
KEYS = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "rope_theta": "rope.freq_base",
}
LONG = {f"tokenizer.ggml.{list}" for list in ("tokens", "merges", "scores", "token_type")}


class Tensors:
    """The tensors of a GGUF file, dequantized one at a time."""

    def __init__(self, path: Path, reader: Any, heads: Mapping[str, int]) -> None:
        self.where, self._heads = path, heads
        self._held = {_theirs(t.name, path): t for t in reader.tensors}
        self.shapes = {n: tuple(int(d) for d in reversed(t.shape)) for n, t in self._held.items()}

    def read(self, name: str, device: torch.device) -> Tensor:
        """One tensor in float32."""
        from gguf import dequantize

        held = self._held[name]
        tensor = torch.from_numpy(dequantize(held.data, held.tensor_type).copy())
        heads = self._heads.get(name.rsplit(".", 2)[-2])
        if heads:  # llama.cpp turns neighbours in pairs, we turn halves
            tensor = tensor.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)
        return tensor.to(device)


def open_file(path: Path) -> tuple[Checkpoint, Words]:
    """Read the head of a GGUF file: what the model is, and its tokenizer."""
    try:
        from gguf import GGUFReader
    except ImportError:
        raise missing(str(path), "gguf", "gguf") from None
    try:
        reader = GGUFReader(path)
    except (ValueError, OSError, IndexError) as error:
        raise PlaitError(f"{path} is no GGUF file that can be read ({error})") from None
    told = {n: f for n, f in reader.fields.items() if n not in LONG}
    said = {name: field.contents() for name, field in told.items()}
    kind = said["general.architecture"]
    values = {ours: said[f"{kind}.{k}"] for ours, k in KEYS.items() if f"{kind}.{k}" in said}
    names = {t.name for t in reader.tensors}
    values |= {
        "model_type": kind,
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "tie_word_embeddings": "output.weight" not in names,
        "eos_token_id": said.get("tokenizer.ggml.eos_token_id"),
        "mask_token_id": said.get("tokenizer.ggml.mask_token_id"),
        "rope_scaling": _scaling(said, kind),
    }
    settings = Settings({k: v for k, v in values.items() if v is not None}, path)
    name, family = families.of(settings)
    config = shape(settings, family)
    heads = {"q_proj": config.heads, "k_proj": config.kv_heads} if kind == "llama" else {}
    tensors = Tensors(path, reader, heads)
    return Checkpoint(settings, name, family, config, tensors), _words(path)


def _scaling(said: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    rule = said.get(f"{kind}.rope.scaling.type", "none")
    if rule == "none":
        return None
    trained = said.get(f"{kind}.rope.scaling.original_context_length")
    factor = said.get(f"{kind}.rope.scaling.factor")
    return {"rope_type": rule, "factor": factor, "original_max_position_embeddings": trained}


def _theirs(name: str, path: Path) -> str:
    stem, ending = name.rsplit(".", 1)
    if stem in OUTSIDE:
        return f"{OUTSIDE[stem]}.{ending}"
    place, _, inner = stem.removeprefix("blk.").partition(".")
    if inner not in LAYER:
        raise PlaitError(f"{path}: the tensor '{name}' is not supported")
    return f"model.layers.{place}.{LAYER[inner]}.{ending}"


def _words(path: Path) -> Words:
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise PlaitError(f"{path}: transformers, which reads its tokenizer, is missing") from None
    loaded = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    named = {k: v for k, v in loaded.special_tokens_map.items() if isinstance(v, str)}
    return Words(loaded.backend_tokenizer.to_str(), named, loaded.chat_template or "")
