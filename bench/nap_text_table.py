"""The tables of bench/nap_text.py's results as Markdown: python bench/nap_text_table.py FOLDER.

Runs NAME-0, NAME-1, ... are seeds of one run. Differences are paired, on the same problems and
seeds, between the decoders that were best on the problems held out of training (without such
results, those that were run first).
"""

import itertools
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from nap_table import accuracy, order, paired

Cells = dict[tuple[str, str], dict[int, dict]]  # by run and decoder; by seed


def read(folder: Path, split: str) -> tuple[Cells, dict[str, dict]]:
    """The cells of a split, and the conditions of each run."""
    cells, runs = defaultdict(dict), {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        if "cells" not in result:
            continue
        run = re.sub(r"-\d+$", "", path.stem)
        runs[run] = result["conditions"] | {"training": result["training"]}
        for key, cell in result["cells"].items():
            where, decoder, _ = key.split("|")
            if where == split:
                cells[run, decoder][result["conditions"]["seed"]] = cell
    return dict(cells), runs


def chosen(cells: Cells, held_out: Cells) -> dict[str, str]:
    """The decoder of each run that did best on what was held out, or that stands first."""
    best: dict[str, tuple[float, str]] = {}
    for run, decoder in cells:
        found = held_out.get((run, decoder), {}).values()
        mean = sum(cell["accuracy"] for cell in found) / len(found) if found else -1.0
        best[run] = max(best.get(run, (-2.0, "")), (mean, decoder), key=lambda pair: pair[0])
    return {run: decoder for run, (_, decoder) in best.items()}


def page(folder: Path, split: str) -> list[str]:
    """The tables of a split; nothing if none of its cells is there."""
    cells, runs = read(folder, split)
    if not cells:
        return []
    n = max(cell["n"] for found in cells.values() for cell in found.values())
    kept = {k: {s: c for s, c in found.items() if c["n"] == n} for k, found in cells.items()}
    cells = {k: found for k, found in kept.items() if found}
    best = chosen(cells, read(folder, "valid")[0])
    lines = [f"## {split}, {n} problems", ""]
    lines += ["| run | decoder | accuracy in % | ARness, rounds, seconds |", "|---|---|---|---|"]
    for (run, decoder), found in cells.items():
        lines.append(f"| {run} | {decoder} | {accuracy(found)} | {order(found)} |")
    lines += ["", "| run | steps | seconds of training | last loss |", "|---|---|---|---|"]
    for run in best:
        last = runs[run]["training"]
        loss = float(last["loss"])
        lines.append(f"| {run} | {last['step']} | {last['seconds']:.0f} | {loss:.4f} |")
    lines += ["", "| difference | in points |", "|---|---|"]
    for one, two in itertools.combinations(best, 2):
        pair = [cells[run, best[run]] for run in (one, two)]
        lines.append(f"| {one} by {best[one]} - {two} by {best[two]} | {paired(*pair)} |")
    return [*lines, ""]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print("\n".join(page(place, "test") + page(place, "valid")))
