"""The tables of docs/results/nap.md, from the JSON files that bench/nap_compare.py left.

Accuracy has the problems as its units: seeds answer the same ones, so that they are averaged first.
Differences are paired, with seeds and problems drawn anew. What is not run is said.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import nap_seqdep
import numpy as np
from nap_claims import BySeed, apart, claims, mean_of, points, rights

from plait.measure.interval import Share

Results = dict[tuple[str, int], dict]  # by arm and seed
NOT = "not run"
BASELINES = ("base", "single", "long_cot")
SEEDS = 3  # where there are fewer, a cell says so


def read(folder: Path, arms: Iterable[str]) -> Results:
    """Every file ARM-SEED.json of a folder."""
    found = {}
    for arm in arms:
        for path in sorted(folder.glob(f"{arm}-[0-9]*.json")):
            found[arm, int(path.stem.rpartition("-")[2])] = json.loads(path.read_text())
    return found


def cells(results: Results, arm: str, key: str) -> dict[int, dict]:
    """A cell of an arm, by the seeds that have it.

    NAP's own canvas is the one that other arms are crossed with.
    """
    key = key.replace("nap|", "own|", 1) if arm == "nap" and key.startswith("nap|") else key
    every = {seed: r["cells"].get(key) for (name, seed), r in results.items() if name == arm}
    return {seed: cell for seed, cell in every.items() if cell}


def interval(found: dict[int, dict]) -> tuple[float, float, float]:
    """Accuracy in [0, 1], the mean over seeds, and Wilson's 95 % interval for that."""
    table = np.array([rights(cell) for cell in found.values()])
    share = Share(float(table.mean(0).sum()), table.shape[1])
    return share.value, *share.interval()


def accuracy(found: dict[int, dict]) -> str:
    """For example `81.2 (79.0-83.3; 80.6-82.0)`: interval, then the lowest and highest seed."""
    if not found:
        return NOT
    mean, low, high = interval(found)
    seeds = [100 * rights(cell).mean() for cell in found.values()]
    spread = f"{min(seeds):.1f}-{max(seeds):.1f}" if len(seeds) > 1 else ""
    after = ", ".join(filter(None, [spread, few(found)]))
    return f"{100 * mean:.1f} ({100 * low:.1f}-{100 * high:.1f}{after and f'; {after}'})"


def few(found: BySeed | dict[int, dict]) -> str:
    """How many seeds there are, if they are few."""
    n = len(found)
    return f"{n} seed{'s' * (n > 1)}" if n < SEEDS else ""


def paired(here: dict[int, dict], there: dict[int, dict]) -> str:
    """How much more often `here` is right on the same problems and seeds, in points."""
    return more(apart(here, there))


def more(values: BySeed) -> str:
    """For example `+3.1 (+0.4 to +5.9; 2 seeds)`."""
    after = few(values)
    return f"{points(values)[:-1]}{after and f'; {after}'})" if values else NOT


def order(found: dict[int, dict]) -> str:
    """For example `.81 (.62 / .60 / .63 / .70), 41.2 rounds, 12.3 s`."""
    if not found:
        return NOT

    def mean(name: str) -> float:
        return sum(cell[name] for cell in found.values()) / len(found)

    inside = np.array([cell["arness_per_stream"] for cell in found.values()]).mean(0)
    streams = " / ".join(f"{value:.2f}" for value in inside)
    rounds, seconds = mean("rounds"), mean("seconds")
    return f"{mean('arness_global@1'):.2f} ({streams}), {rounds:.1f} rounds, {seconds:.1f} s"


def grid(head: str, budgets: Sequence[str], rows: dict[str, list[str]], *last: str) -> list[str]:
    """One Markdown table, without the rows of which nothing is run; none if none is.

    `last` are titles of columns after those of the budgets.
    """
    rows = {name: row for name, row in rows.items() if set(row) - {NOT, ""}}
    if not rows:
        return []
    titles = [head, *(f"{b} per round" for b in budgets), *last]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    return ["\n".join(lines + [f"| {name} | {' | '.join(row)} |" for name, row in rows.items()])]


def show(folders: Sequence[Path], arms: Iterable[str], figure: Path | None) -> None:
    """Print the page, or draw the figure."""
    every = {folder: read(folder, list(arms)) for folder in folders}
    every = {folder: results for folder, results in every.items() if results}
    if not every:
        raise SystemExit(f"{', '.join(map(str, folders))}: no results of bench/nap_compare.py")
    if figure is not None:
        from nap_figure import draw

        draw(every, figure)
        return
    parts = ["# NAP and its baselines, measured", DESIGN, READING]
    for folder in folders:
        results = every.get(folder)
        parts += [f"## {folder.name}", *(section(results) if results else ["Not run."])]
        if (folder / nap_seqdep.STORE).exists():
            parts += titled("SeqDep of the training sets", [nap_seqdep.table(folder)])
    print("\n\n".join(parts))


DESIGN = (
    "A base model is trained first, one for each seed, on fresh problems of both tasks, each with "
    "one right path in one stream. The arm `base` is that model as it is, as the paper's base is "
    "a model that its makers trained. All other arms go on from it, for the same steps, with the "
    "same learning rate, on the same records, whose answers are right and whose paths may be "
    "wrong: `single` on one path in one stream of the whole length, so that it is NAP with m = 1 "
    "too, `long_cot` on three paths in a row in that stream, and `nap` on three in three streams. "
    "What single has and base has not is the further training. A seed is that of the base and of "
    "the training that goes on from it. The other arms are NAP with one "
    "choice changed: `nap_2` and `nap_6` have two and six streams of the same length together, "
    "`nap_correct` is trained without the wrong paths, in `nap_blocked` streams never see each "
    "other, and `nap_cart`, `nap_rpim` and `nap_rpim_cart` are trained with the weights, the "
    "masks, or both, of the released code. Real text is in [nap-text.md](nap-text.md)."
)
READING = (
    "A cell is the mean over seeds (Wilson's 95 % interval with the problems as n; lowest and "
    "highest seed). fast_dllm decides by itself how many tokens a round writes: its one cell "
    "stands in the first column. `nap` as a method is parallel-forced decoding. ARness is that of "
    "the whole canvas at k = 1, then that of each stream and of the summary. Differences are in "
    "points, on the same problems and seeds, with 95 % bootstrap intervals that draw both anew. "
    "Of two or three seeds that is little: other seeds may lie further off. A cell of fewer than "
    "three says so."
)


def section(results: Results) -> list[str]:
    """What one folder shows."""
    names = list(dict.fromkeys(arm for arm, _ in results))
    keys = [key.split("|") for r in results.values() for key in r["cells"]]
    budgets = sorted({b for _, _, b in keys if b != "own"}, key=int)
    kinds = list(dict.fromkeys((c, m) for c, m, _ in keys))

    def table(show: Callable[[dict[int, dict]], str]) -> list[str]:
        rows = {}
        for arm in names:
            for canvas, method in kinds:
                columns = budgets if method != "fast_dllm" else ["own"]
                found = [f"{canvas}|{method}|{b}" for b in columns]
                row = [show(cells(results, arm, key)) for key in found if canvas == "own" or
                       arm != "nap"]  # fmt: skip
                where = ", on NAP's canvas" if canvas == "nap" else ""
                rows[f"{arm}, {method}{where}"] = row + [""] * (len(budgets) - len(row))
        return grid("model, method", budgets, rows)

    return [
        preface(results),
        "### The paper's claims",
        *(f"- {claim}" for claim in claims(results, cells)),
        *titled(
            "Data and decoding (the paper's Table 4), accuracy in %", crossed(results, budgets)
        ),
        *titled("Streams at one total length (Table 5), accuracy in %", streams(results, budgets)),
        *titled("Variants minus NAP, in points", variants(results, names, budgets)),
        *titled("Other paired differences in points", differences(results, names, budgets)),
        *titled("Accuracy in %", table(accuracy)),
        *titled("ARness, rounds, seconds", table(order)),
    ]


def titled(title: str, tables: list[str]) -> list[str]:
    """The tables with a title, if there are any."""
    return [f"### {title}", *tables] if tables else []


def preface(results: Results) -> str:
    """The conditions."""
    first = next(iter(results.values()))["conditions"]
    own = ("arm", "seed", "base")
    facts = ", ".join(f"{k} {v}" for k, v in first.items() if k not in own)
    seeds = sorted({seed for _, seed in results})
    left = {arm: r["data"] for (arm, _), r in results.items() if "left out" in r["data"]}
    missing = "".join(f" Of {arm}, {data}." for arm, data in left.items())
    return (
        f"Conditions: {facts}; seeds {', '.join(map(str, seeds))}. Training, with other work on "
        f"the same GPU: {spent(results)}.{missing}"
    )


def spent(results: Results) -> str:
    """How long the training of bases, and of the other arms, took."""
    told = []
    for name, is_base in (("base", True), ("other arms", False)):
        ends = [r["training"] for (arm, _), r in results.items() if (arm == "base") == is_base]
        if ends:
            seconds = [end["seconds"] for end in ends]
            told.append(f"{name} {min(seconds):.0f} to {max(seconds):.0f} s a model")
    return ", ".join(told)


def row(results: Results, arm: str, kind: str, budgets: Sequence[str]) -> list[str]:
    """Accuracy of an arm by canvas and method, such as own|nap."""
    return [accuracy(cells(results, arm, f"{kind}|{b}")) for b in budgets]


def crossed(results: Results, budgets: Sequence[str]) -> list[str]:
    """Whatever is trained against how NAP's canvas is decoded."""
    rows = {
        f"{arm}, {told}": row(results, arm, f"nap|{method}", budgets)
        for arm in (*BASELINES, "nap")
        for method, told in (("confidence", "confidence"), ("nap", "forced"))
    }
    return grid("trained as, decoded by", budgets, rows)


def streams(results: Results, budgets: Sequence[str]) -> list[str]:
    """More streams of the same length together."""
    rows = {
        f"m = {m}, {method}": row(results, arm, f"own|{method}", budgets)
        for m, arm in ((1, "single"), (2, "nap_2"), (3, "nap"), (6, "nap_6"))
        for method in ("confidence", "nap")
    }
    return grid("streams, method", budgets, rows)


def variants(results: Results, names: Sequence[str], budgets: Sequence[str]) -> list[str]:
    """What a variant changes, paired, by either decoder, and the mean of that over budgets."""
    rows = {}
    for arm, method in itertools.product(names, ("confidence", "nap")):
        if arm.startswith("nap_"):
            keys = [f"own|{method}|{b}" for b in budgets]
            gains = [apart(cells(results, arm, k), cells(results, "nap", k)) for k in keys]
            whole = mean_of(gains) if all(gains) else {}
            rows[f"{arm}, {method}"] = [more(gain) for gain in [*gains, whole]]
    return grid("variant, method", budgets, rows, "mean")


def differences(results: Results, names: Sequence[str], budgets: Sequence[str]) -> list[str]:
    """Paired differences in points, on the same problems and seeds."""
    pairs = [
        ("nap", "own|nap", "long_cot", "own|confidence"),
        ("nap", "own|confidence", "long_cot", "own|confidence"),
        ("nap", "own|nap", "single", "own|confidence"),
        ("long_cot", "own|confidence", "single", "own|confidence"),
        ("long_cot", "own|confidence", "base", "own|confidence"),
        ("single", "own|confidence", "base", "own|confidence"),
        *((arm, "nap|nap", arm, "nap|confidence") for arm in names if arm in BASELINES),
        *((arm, "own|nap", arm, "own|confidence") for arm in names),
        *(("nap", "own|nap", arm, "own|nap") for arm in names if arm in BASELINES),
    ]
    rows = {}
    for here, kind, there, other in pairs:
        told = f"{here} by {kind} - {there} by {other}".replace("own|", "")
        rows[told.replace("nap|nap", "forced on NAP's canvas").replace("nap|", "NAP canvas, ")] = [
            paired(cells(results, here, f"{kind}|{b}"), cells(results, there, f"{other}|{b}"))
            for b in budgets
        ]
    return grid("difference", budgets, rows)
