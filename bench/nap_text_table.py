"""docs/results/nap-text.md, from the JSON files that bench/nap_text.py left.

    python bench/nap_text_table.py docs/results/nap/text{,/sweep,/both-sides} \\
        > docs/results/nap-text.md

Each folder is a part of the page. Runs NAME-0, NAME-1, ... are seeds of one run. Differences are
paired, on the same problems and seeds, between the decoders that were best on the problems held out
of training (without such results, those that were run first): of all, and of those that write as
many tokens per round; and between the best of a run and its others.
"""

import itertools
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from nap_claims import drawn, in_points
from nap_table import accuracy, few, order, paired
from results import signs, split, told

from plait.measure.interval import Share

Cells = dict[tuple[str, str], dict[int, dict]]  # by run and decoder; by seed
Pair = tuple[np.ndarray, np.ndarray]  # [seeds, problems]: what is right, and among what

HEAD = """# NAP on real text, measured

GSM8K, from one autoregressive checkpoint. `ar` is that model fine-tuned as it is, and decoded
greedily; the other runs make it a diffusion model first. `mdm` writes one path, `long_cot` three in
a row, `nap` three side by side; each path is made of the annotated solution of a training problem.
`nap_wrong` is `nap` on records each of whose paths goes wrong in one step by a chance of `wrong`;
`nap_heard` reads such paths and does not learn to write them. `lora` is `mdm` as an adapter.
`valid` are training problems that were held out; each model was decoded on the test split once.
The runs of "sweep" are conversions, measured on `valid` alone, by which that of the first part was
chosen, and the causal model `warm`, from which some start; those of "both-sides" were made before,
without blocks.

    python bench/nap_text_table.py docs/results/nap/text{,/sweep,/both-sides} \\
        > docs/results/nap-text.md

[Training](../train.md#nap-on-real-text) has the commands that trained and decoded the runs of the
first two parts.

A decoder is METHOD:TOKENS PER ROUND:SETTINGS. Accuracy is the mean over seeds, with Wilson's 95 %
interval; where there are several seeds, the lowest and the highest follow. ARness is that of the
whole canvas at k = 1, then that of each stream and of the summary. Differences are in points, with
95 % bootstrap intervals over problems and seeds, of which one tells nothing about others. They are
between the decoders that were best on `valid`, of all and of those that write as many tokens per
round, and between the best of a run and its others.

Where streams are told apart, a problem counts once for each seed, so that the intervals of several
seeds are a little too narrow; those of the differences are not."""
OWN = ("name", "arm", "seed", "training")


def read(folder: Path, split: str) -> tuple[Cells, dict[str, dict]]:
    """The cells of a split, and the conditions of each run."""
    cells: Cells = defaultdict(dict)
    runs = {}
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


def tokens(decoder: str) -> int:
    """Tokens per round."""
    return int(split(decoder)[1] or 1)


def compared(cells: Cells, held_out: Cells) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """The runs and decoders whose difference is told."""
    best = chosen(cells, held_out)
    found = list(itertools.combinations(best.items(), 2))
    for budget in sorted({tokens(decoder) for _, decoder in cells}):
        like = {key: cell for key, cell in cells.items() if tokens(key[1]) == budget}
        found += itertools.combinations(chosen(like, held_out).items(), 2)
    found += [((run, best[run]), (run, d)) for run, d in cells if d != best[run]]
    return list(dict.fromkeys(found))


def conditions(runs: Mapping[str, dict]) -> str:
    """Those of most runs first; then in what the others differ."""
    groups: list[tuple[dict, list[str]]] = []
    for run, found in runs.items():
        facts = {name: value for name, value in found.items() if name not in OWN}
        for other, names in groups:
            if other == facts:
                names.append(run)
                break
        else:
            groups.append((facts, [run]))
    return told(sorted(groups, key=lambda group: -len(group[1])))


def training(runs: Mapping[str, dict], named: Sequence[str]) -> list[str]:
    """What each run was trained on, and for how long."""
    lines = ["| run | paths it draws from | steps | rows seen | seconds of training | last loss |"]
    lines.append("|---|---|---|---|---|---|")
    for run in named:
        facts, last = runs[run], runs[run]["training"]
        row = [run, ", ".join(facts["arm"]["kinds"]), last["step"], last["step"] * facts["rows"]]
        row += [f"{last['seconds']:.0f}", f"{float(last['loss']):.4f}"]
        lines.append(f"| {' | '.join(map(str, row))} |")
    return lines


def streams(cells: Cells) -> list[str]:
    """How often each stream is right, and the answer by how many and by which of them are."""
    lines, judged = [], {}
    for (run, decoder), found in cells.items():
        own = {seed: cell for seed, cell in found.items() if len(cell.get("stream_rights", "")) > 1}
        if not own:
            continue
        judged[run, decoder] = own
        each, *answers = by_streams(own)
        rates = " / ".join(f"{100 * right.mean():.1f}" for right, _ in each)
        by, alone = (" / ".join(share(*pair) for pair in part) for part in answers)
        of = "" if len(own) == len(found) else f" (of {few(own)})"
        lines.append(f"| {run} | {decoder} | {rates}{of} | {by} | {alone} |")
    names = (
        "each stream right, %",
        "answers that are right, %, where 0, 1, ... streams are",
        "where the first, second, ... alone is",
    )
    head = [f"| run | decoder | {' | '.join(names)} |", "|---|---|---|---|---|"]
    return ["", *head, *lines, *between(judged)] if lines else []


def by_streams(judged: Mapping[int, dict]) -> list[list[Pair]]:
    """Each stream; the answer by how many streams are right; and where one alone is."""
    right = np.array([[*map(signs, cell["stream_rights"])] for cell in judged.values()]) == 1
    answer = np.array([signs(cell["rights"]) for cell in judged.values()]) == 1
    number, every = right.sum(1), range(right.shape[1])
    each = [(right[:, k], np.ones_like(answer)) for k in every]
    by = [(answer, number == k) for k in range(len(every) + 1)]
    return [each, by, [(answer, (number == 1) & right[:, k]) for k in every]]


def between(judged: Cells) -> list[str]:
    """How runs by one decoder differ in that, on the problems and seeds that both have."""
    lines = []
    for (one, by), (two, other) in itertools.combinations(judged, 2):
        pair = judged[one, by], judged[two, other]
        seeds = sorted(pair[0].keys() & pair[1].keys())
        if by != other or not seeds:
            continue
        kept = [{seed: found[seed] for seed in seeds} for found in pair]
        if len({len(cell["stream_rights"]) for found in kept for cell in found.values()}) > 1:
            continue
        parts = zip(*map(by_streams, kept), strict=True)
        gaps = [[gap(*sides) for sides in zip(*part, strict=True)] for part in parts]
        gaps[1] = gaps[1][1:-1]  # where none or all are right there is little to tell
        after = few(kept[0]) and f" ({few(kept[0])})"
        lines.append(f"| {' | '.join([f'{one} - {two} by {by}{after}', *map(' / '.join, gaps)])} |")
    names = "each stream", "answers where 1, ... streams are right", "where one alone is"
    head = ["", f"| difference, in points | {' | '.join(names)} |", "|---|---|---|---|"]
    return [*head, *lines] if lines else []


def gap(here: Pair, there: Pair) -> str:
    """The difference of two shares, with its 95 % bootstrap interval over problems and seeds."""
    if not (here[1].any() and there[1].any()):
        return "-"
    samples = drawn(*here[0].shape)

    def of(right: np.ndarray, among: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # a sample may hold none
            return (right & among)[samples].sum((1, 2)) / among[samples].sum((1, 2))

    (right, among), (other, others) = here, there
    low, high = np.nanquantile(of(*here) - of(*there), [0.025, 0.975])
    return in_points(right[among].mean() - other[others].mean(), low, high)


def share(right: np.ndarray, among: np.ndarray) -> str:
    """What is right in %, with its interval, and of how many."""
    if not among.any():
        return "-"
    found = Share(int((right & among).sum()), int(among.sum()))
    low, high = found.interval()
    return f"{100 * found.value:.0f} ({100 * low:.0f}-{100 * high:.0f}) of {found.n}"


def page(folder: Path, split: str) -> list[str]:
    """The tables of a split; nothing if none of its cells is there."""
    cells, _ = read(folder, split)
    if not cells:
        return []
    n = max(cell["n"] for found in cells.values() for cell in found.values())
    kept = {k: {s: c for s, c in found.items() if c["n"] == n} for k, found in cells.items()}
    cells = {k: found for k, found in kept.items() if found}
    lines = [f"## {split}, {n} problems", ""]
    lines += ["| run | decoder | accuracy in % | ARness, rounds, seconds |", "|---|---|---|---|"]
    for (run, decoder), found in cells.items():
        lines.append(f"| {run} | {decoder} | {accuracy(found)} | {order(found)} |")
    lines += streams(cells)
    lines += ["", "| difference | in points |", "|---|---|"]
    for one, two in compared(cells, read(folder, "valid")[0]):
        title = " - ".join(f"{run} by {decoder}" for run, decoder in (one, two))
        lines.append(f"| {title} | {paired(cells[one], cells[two])} |")
    return [*lines, ""]


def part(folder: Path) -> list[str]:
    """The conditions, the training and the tables of a folder."""
    runs = read(folder, "test")[1]
    if not runs:
        raise SystemExit(f"{folder}: no results of bench/nap_text.py")
    lines = [conditions(runs), "", "## Training", "", *training(runs, list(runs)), ""]
    return lines + page(folder, "test") + page(folder, "valid")


def show(first: Path, *others: Path) -> str:
    """The page."""
    lines = [HEAD, "", *part(first)]
    for folder in others:
        lines += [f"# {folder.name}", "", *part(folder)]
    return "\n".join(lines)


if __name__ == "__main__":
    print(show(*map(Path, sys.argv[1:])).rstrip())
