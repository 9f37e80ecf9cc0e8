"""How far a checkpoint is from its task before any training, by the way it is converted.

    python bench/nap_text_start.py --model SMOLLM2 --data-dir DATA --rows 16 --multiple 128 \\
        --device cpu --out runs/text

Takes the options of bench/nap_text.py. Each start sees the rows of the arm `mdm`, of which a share
of the positions is masked, and is asked for the masked tokens of the text (ends are left out): the
mean of their negative log-likelihoods, in nats per token. `causal` is the checkpoint as it is,
which tells each token from all before it. Results are OUT/starts.json.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from nap_text import parse
from nap_text_ar import IGNORED, Rows, codec
from nap_text_arms import ARMS, recipe
from results import begun, keep
from transformers import AutoConfig, AutoModelForCausalLM

from plait.train.objective import Objective
from plait.train.origin import origin
from plait.train.records import Kept, RecordBatches, fitting
from plait.train.trainer import Denoise

CONDITIONS = ("rows", "seed", "streams", "length", "variants", "multiple", "device")
LEVELS = (0.25, 0.5, 0.75, 1.0)  # the share of positions that is masked
STARTS: dict[str, dict[str, Any]] = {
    "both sides": {"shift": False, "block": 0},
    "both sides, shift": {"shift": True, "block": 0},
    "blocks of 16": {"shift": False, "block": 16},
    "blocks of 16, shift": {"shift": True, "block": 16},
    "blocks of 4": {"shift": False, "block": 4},
    "blocks of 4, shift": {"shift": True, "block": 4},
    "blocks of 1, shift": {"shift": True, "block": 1},
}


@torch.no_grad()
def converted(args: argparse.Namespace, start: dict[str, Any], kept: Kept) -> dict[str, float]:
    """Nats per masked token of the text at each level."""
    made = recipe(ARMS["mdm"], argparse.Namespace(**{**vars(args), **start}))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        source = origin(made, Path(folder), made.rows.slots, ())
        words = source.codec.bare()
        model = Denoise(source.net.to(args.device).eval(), Objective(), made.view)
        data = RecordBatches(made.rows, kept.problems, words, view=made.view, seed=args.seed)
        for level in LEVELS:
            data.corruption = made.corruption.fixed(level)
            batch = {name: x.to(args.device) for name, x in data.number(0).items()}
            batch["masked"] &= batch["target"] != words.eos_id
            found[f"{level}"] = round(float(model(**batch)["loss"]), 3)
    return found


@torch.no_grad()
def causal(args: argparse.Namespace, kept: Kept) -> dict[str, float]:
    """Nats per token of the text, each from all before it."""
    words, made = codec(args.model), recipe(ARMS["ar"], args)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).to(args.device)
    rows = Rows(RecordBatches(made.rows, kept.problems, words, seed=args.seed))
    batch = {name: x.to(args.device) for name, x in next(iter(rows)).items()}
    labels = batch.pop("labels")
    labels = labels.masked_fill(labels == words.eos_id, IGNORED)[:, 1:]
    logits = model(**batch).logits[:, :-1].float()
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    return {"left to right": round(float(loss), 3)}


def main() -> None:
    """Measure each start that the file does not hold yet."""
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    args.device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    context = AutoConfig.from_pretrained(args.model).max_position_embeddings
    kept = fitting(recipe(ARMS["mdm"], args).rows, codec(args.model), context)  # by every start
    facts = {name: getattr(args, name) for name in CONDITIONS}
    path = args.out / "starts.json"
    result = begun(path, facts | {"dtype": "float32", "torch": torch.__version__})
    for name in ("causal", *STARTS):
        if name not in result["cells"]:
            start = STARTS.get(name)
            found = causal(args, kept) if start is None else converted(args, start, kept)
            result["cells"][name] = found
            keep(path, result)
            print(f"{name:22}", " ".join(f"{k}: {v:.2f}" for k, v in found.items()), flush=True)


if __name__ == "__main__":
    main()
