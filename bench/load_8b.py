"""Load the shapes of LLaDA-8B and Dream-7B with random weights: seconds and peak memory.

python bench/load_8b.py                       one GPU, bfloat16: writes 16 GB, then loads it
python bench/load_8b.py --quantize int4       the same, with smaller weights
python bench/load_8b.py --device cpu --small  the same path in a second, for tests

The files are written first and so lie in the page cache: the time is that of a second load, and a
first one adds the time of the disk. The peak counts from an empty device to the loaded model.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models

import plait
from plait.models import families, fit
from plait.models.checkpoint import CONFIG, WEIGHTS, part
from plait.models.family import Settings
from plait.models.tokens import TOKENIZER
from plait.models.transformer import Transformer

SHARD = 4 * 2**30  # bytes
SHAPES: dict[str, dict[str, Any]] = {
    "LLaDA-8B": {
        "model_type": "llada",
        "d_model": 4096,
        "n_heads": 32,
        "n_kv_heads": 32,
        "n_layers": 32,
        "mlp_hidden_size": 12288,
        "vocab_size": 126464,
        "max_sequence_length": 4096,
        "rope_theta": 500000.0,
        "mask_token_id": 126336,
    },
    "Dream-7B": {
        "model_type": "Dream",
        "hidden_size": 3584,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "num_hidden_layers": 28,
        "intermediate_size": 18944,
        "vocab_size": 152064,
        "max_position_embeddings": 131072,
        "rope_theta": 1000000.0,
        "mask_token_id": 151666,
    },
}
SMALL = {
    "LLaDA-8B": {"d_model": 64, "n_heads": 4, "n_kv_heads": 4, "n_layers": 2}
    | {"mlp_hidden_size": 96, "vocab_size": 99, "mask_token_id": 98},
    "Dream-7B": {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    | {"num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 99, "mask_token_id": 98},
}


def write(folder: Path, settings: dict[str, Any], device: torch.device) -> int:
    """Write a checkpoint of random bfloat16 weights in shards; return its bytes."""
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps(settings))
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>")])
    tokenizer.save(str(folder / TOKENIZER))
    read = Settings(settings, folder / CONFIG)
    family = families.of(read)[1]
    with torch.device("meta"):
        wanted = Transformer(family.config(read)).state_dict()
    homes: dict[str, str] = {}
    shard: dict[str, torch.Tensor] = {}
    size = total = 0

    def flush() -> None:
        file = f"model-{len(set(homes.values())) + 1:05d}.safetensors"
        save_file(shard, folder / file)
        homes.update(dict.fromkeys(shard, file))
        shard.clear()

    for ours, weight in wanted.items():
        made = torch.randn(weight.shape, device=device, dtype=torch.bfloat16) * 0.02
        if size + made.nbytes > SHARD:
            flush()
            size = 0
        shard[part(family, ours).names[0]] = made.cpu()
        size, total = size + made.nbytes, total + made.nbytes
    flush()
    index = {"metadata": {"total_size": total}, "weight_map": homes}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    return total


def measure(folder: Path, device: torch.device, dtype: str, quantize: str | None) -> dict[str, Any]:
    """Load the checkpoint and decode a little; return seconds and bytes."""
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    start = time.perf_counter()
    model = plait.load(str(folder), device=str(device), dtype=dtype, quantize=quantize)
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() - before if cuda else None
    start = time.perf_counter()
    prompt = "x " * 8
    (answer,) = plait.generate(
        model, [prompt], method="llada", layout=plait.plain(32), rounds=8, batch_size=1
    )
    return {
        "load seconds": round(seconds, 2),
        "peak bytes on the device": peak,
        "peak resident bytes of the process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        * 1024,
        "decode seconds (8 rounds, 32 positions, not warm)": round(time.perf_counter() - start, 2),
        "rounds": answer.rounds,
    }


def main() -> None:
    """Print one JSON line per model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--dtype", default="bfloat16")
    options.add_argument("--quantize", default=None)
    options.add_argument("--folder", default=None, help="where 16 GB fit")
    options.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    options.add_argument("--small", action="store_true")
    asked = options.parse_args()
    device = torch.device(asked.device)
    for name in asked.models:
        shape = SHAPES[name] | (SMALL[name] if asked.small else {})
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            total = write(Path(folder) / name, shape, device)
            found = measure(Path(folder) / name, device, asked.dtype, asked.quantize)
        peak = found["peak bytes on the device"]
        report = {"model": name, "device": asked.device, "dtype": asked.dtype}
        report |= {"quantize": asked.quantize, "torch": torch.__version__, "weight bytes": total}
        report |= found | {"peak / weights": peak and round(peak / total, 3)}
        report |= {"GiB of weights": round(total / fit.GIB, 2)}
        print(json.dumps(report), flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
