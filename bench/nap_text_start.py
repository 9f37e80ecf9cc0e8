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
from nap_text_arms import ARMS, recipe, records_file
from results import begun, keep
from transformers import AutoModelForCausalLM

from plait.train.objective import Objective
from plait.train.origin import origin
from plait.train.records import RecordBatches, fitting
from plait.train.trainer import Denoise

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
def converted(args: argparse.Namespace, start: dict[str, Any]) -> dict[str, float]:
    """Nats per masked token of the text at each level."""
    made = recipe(ARMS["mdm"], argparse.Namespace(**{**vars(args), **start}))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        begun_from = origin(made, Path(folder), made.rows.slots, ())
        net, words = begun_from.net.to(args.device).eval(), begun_from.codec.bare()
        kept = fitting(made.rows, words, net.config.context)
        model = Denoise(net, Objective(), made.view)
        for level in LEVELS:
            how = (made.corruption.fixed(level), made.view)
            data = RecordBatches(made.rows, kept.problems, words, *how, seed=args.seed)
            batch = {name: x.to(args.device) for name, x in data.number(0).items()}
            batch["masked"] &= batch["target"] != words.eos_id
            found[f"{level}"] = round(float(model(**batch)["loss"]), 3)
    return found


@torch.no_grad()
def causal(args: argparse.Namespace) -> dict[str, float]:
    """Nats per token of the text, each from all before it."""
    words, made = codec(args.model), recipe(ARMS["ar"], args)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).to(args.device)
    kept = fitting(made.rows, words, model.config.max_position_embeddings)
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
    records_file(ARMS["mdm"], args)
    facts = {"rows": args.rows, "seed": args.seed, "device": args.device}
    path = args.out / "starts.json"
    result = begun(path, facts | {"dtype": "float32", "torch": torch.__version__})
    for name in ("causal", *STARTS):
        if name not in result["cells"]:
            found = causal(args) if name == "causal" else converted(args, STARTS[name])
            result["cells"][name] = found
            keep(path, result)
            print(f"{name:22}", " ".join(f"{k}: {v:.2f}" for k, v in found.items()), flush=True)


if __name__ == "__main__":
    main()
