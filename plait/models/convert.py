"""Turn an autoregressive model or a masked encoder into a diffusion model's folder.

The weights stay as they are (arXiv:2410.17891, arXiv:2508.15487): a mask token is added, the
attention is opened, and whether logits are shifted is written down. It still has to be trained.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ..errors import PlaitError
from . import saving
from .adapter import adapt
from .checkpoint import CONFIG, WEIGHTS, Checkpoint, part
from .load import find
from .tokens import SETTINGS, TOKENIZER, Words, ends_of, mask_of

SHARD = 4 * 2**30  # bytes in one file of weights
ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}  # what transformers wants to read where a GGUF file does not say


@dataclass(frozen=True)
class Change:
    """What a conversion decides."""

    attention: Literal["full", "block", "causal"] = "full"
    block: int = 1  # positions per block, for attention "block"
    shift: bool | None = None  # None = as the source was trained
    mask: str = "<|mask|>"  # the new token, where the tokenizer has no mask yet
    rows: int = 0  # of the embedding, at least; 0 = as many as are needed


def convert(
    source: str,
    target: str | Path,
    change: Change = Change(),
    dtype: torch.dtype = torch.bfloat16,
    adapter: str | None = None,
) -> dict[str, Any]:
    """Write the folder `target`, which `plait.load` reads, and transformers as the source's kind.

    `adapter` is a LoRA adapter to merge. Returns what was decided. Raises PlaitError if the target
    holds something, or the change would make the embedding smaller.
    """
    target = Path(target)
    if target.exists() and any(target.iterdir() if target.is_dir() else [target]):
        raise PlaitError(f"{target} is there already; name a new folder")
    checkpoint, words = find(source)
    if words is None:
        raise PlaitError(
            f"{source} is a diffusion model of plait's own; there is nothing to convert"
        )
    if adapter is not None:
        checkpoint = replace(checkpoint, tensors=adapt(checkpoint.tensors, adapter))
    words, mask = _with_mask(checkpoint, words, change.mask)
    held = checkpoint.tensors.shapes[part(checkpoint.family, "embed.weight").names[0]][0]
    rows = max(held, mask + 1, change.rows)
    if 0 < change.rows < rows:
        raise PlaitError(
            f"{change.rows} rows are too few: the embedding has {held}, the mask is {mask}"
        )
    shift = checkpoint.config.shift if change.shift is None else change.shift
    decided: dict[str, Any] = {"attention": change.attention, "block": change.block, "shift": shift}
    replace(checkpoint.config, **decided)  # refuses what cannot be
    with saving.undone(target):
        target.mkdir(parents=True, exist_ok=True)
        _write_weights(target, checkpoint, held, rows, dtype)
        _write_settings(
            target, checkpoint, words, {"mask_token_id": mask, "plait": decided}, rows, dtype
        )
    return decided | {"mask_token_id": mask, "rows": rows, "added_rows": rows - held}


def _with_mask(checkpoint: Checkpoint, words: Words, text: str) -> tuple[Words, int]:
    mask = mask_of(checkpoint, words)
    if mask is not None:
        return words, mask
    tokenizer = Tokenizer.from_str(words.definition)
    tokenizer.add_special_tokens([text])
    made = Words(tokenizer.to_str(), {**words.named, "mask_token": text}, words.template)
    return made, tokenizer.get_vocab()[text]


def _write_weights(
    target: Path, checkpoint: Checkpoint, held: int, rows: int, dtype: torch.dtype
) -> None:
    grown = {
        name
        for ours in ("embed.weight", "head.weight", "head.bias")
        for name in _names(checkpoint, ours)
        if checkpoint.tensors.shapes.get(name, (0,))[0] == held
    }
    homes: dict[str, str] = {}
    total = 0
    for number, shard in enumerate(_shards(checkpoint, grown, rows, dtype), 1):
        file = f"model-{number:05d}.safetensors"
        saving.write(target / file, shard)
        homes |= dict.fromkeys(shard, file)
        total += sum(t.nbytes for t in shard.values())
    if len(set(homes.values())) == 1:
        (target / file).rename(target / WEIGHTS)
        return
    index = {"metadata": {"total_size": total}, "weight_map": homes}
    (target / f"{WEIGHTS}.index.json").write_text(json.dumps(index, indent=2) + "\n")


def _names(checkpoint: Checkpoint, ours: str) -> tuple[str, ...]:
    return part(checkpoint.family, ours).names


def _shards(
    checkpoint: Checkpoint, grown: set[str], rows: int, dtype: torch.dtype
) -> Iterator[dict[str, Tensor]]:
    """Tensors in files of at most `SHARD` bytes, read when they are due."""
    shard: dict[str, Tensor] = {}
    for name in checkpoint.tensors.shapes:
        tensor = checkpoint.tensors.read(name, torch.device("cpu"))
        tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
        if name in grown and rows > len(tensor):
            # The mean of all tokens: the least that a token without a meaning yet can say.
            mean = tensor.float().mean(0, keepdim=True).to(dtype)
            tensor = torch.cat((tensor, mean.expand(rows - len(tensor), *mean.shape[1:])))
        if shard and sum(t.nbytes for t in shard.values()) + tensor.nbytes > SHARD:
            yield shard
            shard = {}
        shard[name] = tensor.contiguous()
    yield shard


def _write_settings(
    target: Path,
    checkpoint: Checkpoint,
    words: Words,
    decided: dict[str, Any],
    rows: int,
    dtype: torch.dtype,
) -> None:
    said = {k: v for k, v in checkpoint.settings.values.items() if k != "quantization_config"}
    ends = ends_of(checkpoint, words)
    named = {"architectures": [ARCHITECTURES.get(checkpoint.name, checkpoint.name)]} | said
    named |= {"vocab_size": rows, "eos_token_id": ends if len(ends) > 1 else ends[0]}
    named |= {"torch_dtype": str(dtype).removeprefix("torch.")} | decided
    (target / CONFIG).write_text(json.dumps(named, indent=2) + "\n")
    (target / TOKENIZER).write_text(words.definition, encoding="utf-8")
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", **words.named}
    if words.template:
        told["chat_template"] = words.template
    (target / SETTINGS).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
