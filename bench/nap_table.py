"""The tables of docs/results/nap.md, from the JSON files that bench/nap_compare.py left.

Intervals take the problems as the units: seeds answer the same ones, so that they are averaged
first. That is more cautious than to count every seed's answer by itself.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from plait.measure.interval import Difference, Share

Results = dict[tuple[str, int], dict]  # by arm and seed


def read(folder: Path, arms: Iterable[str]) -> Results:
    """Every file ARM-SEED.json of a folder."""
    found = {}
    for arm in arms:
        for path in sorted(folder.glob(f"{arm}-[0-9]*.json")):
            found[arm, int(path.stem.rpartition("-")[2])] = json.loads(path.read_text())
    return found


def cells(results: Results, arm: str, key: str) -> list[dict]:
    """A cell of an arm, once for each seed that has it."""
    every = [r["cells"].get(key) for (name, _), r in results.items() if name == arm]
    return [cell for cell in every if cell]


def rights(found: Sequence[dict]) -> np.ndarray:
    """[seeds, problems]: 1 where the answer is right."""
    return np.array([[int(sign) for sign in cell["rights"]] for cell in found])


def accuracy(found: Sequence[dict]) -> str:
    """For example `81.2 (79.0-83.3; 80.6-82.0)`: interval, then the lowest and highest seed."""
    if not found:
        return "not run"
    table = rights(found)
    share = Share(float(table.mean(0).sum()), table.shape[1])
    mean, (low, high) = share.value, share.interval()
    seeds = [100 * cell["accuracy"] for cell in found]
    return f"{100 * mean:.1f} ({100 * low:.1f}-{100 * high:.1f}; {min(seeds):.1f}-{max(seeds):.1f})"


def paired(here: Sequence[dict], there: Sequence[dict]) -> str:
    """How much more often `here` is right on the same problems, in points, with its interval."""
    if not here or len(here) != len(there):
        return "not run"
    apart = rights(here) - rights(there)
    gained, lost = (float((apart == sign).mean(0).sum()) for sign in (1, -1))
    found = Difference(gained, lost, apart.shape[1])
    mean, (low, high) = found.value, found.interval()
    return f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def order(found: Sequence[dict]) -> str:
    """For example `.81 (.62 / .60 / .63 / .70), 41.2 rounds, 12.3 s`."""
    if not found:
        return "not run"

    def mean(name: str) -> float:
        return sum(cell[name] for cell in found) / len(found)

    inside = np.array([cell["arness_per_stream"] for cell in found]).mean(0)
    streams = " / ".join(f"{value:.2f}" for value in inside)
    rounds, seconds = mean("rounds"), mean("seconds")
    return f"{mean('arness_global@1'):.2f} ({streams}), {rounds:.1f} rounds, {seconds:.1f} s"


def grid(head: str, names: Sequence[str], budgets: Sequence[str], rows: list[list[str]]) -> str:
    """One Markdown table."""
    lines = [f"| {' | '.join([head, *(f'{b} per round' for b in budgets)])} |"]
    lines.append("|---" * (len(budgets) + 1) + "|")
    lines += [f"| {name} | {' | '.join(row)} |" for name, row in zip(names, rows, strict=True)]
    return "\n".join(lines)


def table(folder: Path, arms: Iterable[str]) -> str:
    """The whole page."""
    results = read(folder, arms)
    if not results:
        raise SystemExit(f"{folder} holds no results of bench/nap_compare.py")
    keys = [key.split("|") for r in results.values() for key in r["cells"]]
    budgets = sorted({b for _, _, b in keys if b != "own"}, key=int)
    names = list(dict.fromkeys(arm for arm, _ in results))
    kinds = list(dict.fromkeys((c, m) for c, m, _ in keys))
    page = ["# NAP and its baselines, measured", preface(results)]
    for title, show in (("Accuracy in %", accuracy), ("ARness, rounds, seconds", order)):
        page.append(f"## {title}")
        told, rows = [], []
        for arm in names:
            for canvas, method in kinds:
                columns = [*budgets] if method != "fast_dllm" else ["own"]
                found = [cells(results, arm, f"{canvas}|{method}|{b}") for b in columns]
                if any(found):
                    where = ", on NAP's canvas" if canvas == "nap" else ""
                    told.append(f"{arm}, {method}{where}")
                    rows.append([show(f) for f in found] + [""] * (len(budgets) - len(columns)))
        page.append(grid("model, method", told, budgets, rows))
    page += differences(results, names, budgets)
    return "\n\n".join(page)


def preface(results: Results) -> str:
    """The conditions, and how to read a cell."""
    first = next(iter(results.values()))["conditions"]
    facts = ", ".join(f"{k} {v}" for k, v in first.items() if k not in ("arm", "seed"))
    seeds = sorted({seed for _, seed in results})
    times = [r["training"]["seconds"] / 60 for r in results.values()]
    return (
        f"Conditions: {facts}; seeds {', '.join(map(str, seeds))}; "
        f"{min(times):.1f} to {max(times):.1f} minutes of training for each model.\n\n"
        "A cell is the mean over seeds (Wilson's 95 % interval with the problems as n; lowest and "
        "highest seed). fast_dllm decides by itself how many tokens a round writes: its one cell "
        "stands in the first column. ARness is that of the whole canvas at k = 1, then that of "
        "each stream and of the summary."
    )


def differences(results: Results, names: Sequence[str], budgets: Sequence[str]) -> list[str]:
    """Paired differences in points, on the same problems and seeds."""
    pairs = [
        ("nap", "nap", "long_cot", "confidence"),
        ("long_cot", "confidence", "base", "confidence"),
    ]
    pairs += [(arm, "nap", arm, "confidence") for arm in names if arm.startswith("nap")]
    pairs += [(arm, "nap", "nap", "nap") for arm in names if arm.startswith("nap_")]
    told, rows = [], []
    for here, method, there, other in pairs:
        row = [
            paired(
                cells(results, here, f"own|{method}|{b}"), cells(results, there, f"own|{other}|{b}")
            )
            for b in budgets
        ]
        if set(row) != {"not run"}:
            told.append(f"{here} by {method} - {there} by {other}")
            rows.append(row)
    for arm in names:
        cross = [
            paired(cells(results, arm, f"nap|nap|{b}"), cells(results, arm, f"nap|confidence|{b}"))
            for b in budgets
        ]
        if set(cross) != {"not run"}:
            told.append(f"{arm}, on NAP's canvas: forced - confidence")
            rows.append(cross)
    if not rows:
        return []
    return ["## Paired differences in points", grid("difference", told, budgets, rows)]
