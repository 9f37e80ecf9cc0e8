"""The records that bench/nap_compare.py trains on: problems with six different paths each."""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from plait.data.problem import Problem, length, problems
from plait.data.tasks import chain
from plait.data.tasks import load as load_task
from plait.files import as_json, write_whole
from plait.models import box
from plait.models.codec import TokenizerCodec

CODEC = box.HERE / "plait-tiny" / box.CODEC
TOTAL = 204  # positions of all streams together
SUMMARY = 20  # holds the longest answer, (100 + 100) / (100 + 100), and its end
MOST = 6  # paths of a record
PART = 2000  # records that one process makes at a time
TRIES = 20  # of what may come out like something that is there


def slip(problem: Problem, rng: random.Random) -> str:
    """A path of a chain that misreads one gain or loss; empty if none can be written."""
    start, steps = problem.facts
    places = [i for i, (sign, _) in enumerate(steps) if sign in "+-"]
    for _ in range(TRIES if places else 0):
        i = rng.choice(places)
        sign, n = steps[i]
        read = max(1, n + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10)))
        told = (*steps[:i], (sign, read), *steps[i + 1 :])
        right = chain.totals(start, steps)[-1]
        if read != n and chain.totals(start, told) and chain.totals(start, told)[-1] != right:
            found = chain.ways(start, told)
            if found:
                return rng.choice(found).text
    return ""


def reordered(problem: Problem, rng: random.Random) -> str:
    """A path of a chain with the gains and losses of each run in any order; empty if too long."""
    start, steps = problem.facts
    order = tuple(step for run in chain.runs(steps) for step in rng.sample(run, len(run)))
    text = chain.one_by_one(start, order) if chain.totals(start, order) else ""
    return text if length(text) <= chain.LONGEST else ""


def drawn(problem: Problem, rng: random.Random) -> dict[str, bool]:
    """Different paths of a problem, at most six, and whether each is right."""
    paths = load_task(problem.task).paths(problem, rng, MOST)
    found = {path.text: path.correct for path in paths}
    for _ in range(TRIES if problem.task == "chain" else 0):
        text = reordered(problem, rng)
        if text and len(found) < MOST:
            found.setdefault(text, True)
    return found


def record(problem: Problem, rng: random.Random, wrong: float) -> dict | None:
    """A problem with six different paths; None if it has fewer.

    Each is replaced by one that misreads a number with probability `wrong` (chains only).
    """
    found = drawn(problem, rng)
    waiting, paths = list(found.items()), {}
    for _ in range(MOST):
        text = slip(problem, rng) if rng.random() < wrong else ""
        if text and text not in paths and text not in found:
            paths[text] = False
        elif waiting:
            right, flag = waiting.pop()
            paths[right] = flag
    if len(paths) < MOST:
        return None
    told = [{"text": text, "correct": right} for text, right in paths.items()]
    return {"prompt": problem.prompt, "paths": told, "answer": problem.answer}


def fitting(args: argparse.Namespace, number: int) -> Iterator[tuple[str, dict]]:
    """Keys and records whose every path fits the slots of six streams: all arms use the same."""
    codec, rng = TokenizerCodec.read(CODEC), random.Random(f"records/{args.task}/{number}")
    for problem in problems(load_task(args.task), "train", number, args.levels, distinct=True):
        row = record(problem, rng, args.wrong)
        texts = [path["text"] for path in row["paths"]] if row else [""]
        if (
            row
            and max(len(codec.encode(text)) for text in texts) < TOTAL // MOST
            and len(codec.encode(row["answer"])) < SUMMARY
        ):
            yield problem.key, row


def part(args: argparse.Namespace, size: int, number: int) -> list[tuple[str, dict]]:
    """The first `size` records of a part; they depend on its number alone."""
    return list(islice(fitting(args, number), size))


def parts(args: argparse.Namespace, numbers: Sequence[int]) -> list[list[tuple[str, dict]]]:
    """Several parts, by as many processes as there are cores."""
    make = partial(part, args, min(PART, args.records))
    if len(numbers) == 1:
        return [make(numbers[0])]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(make, numbers))


def records(args: argparse.Namespace) -> list[dict]:
    """Records of different problems, the same however many processes make them."""
    found: dict[str, dict] = {}
    done = 0
    while len(found) < args.records:
        before = len(found)
        more = -(-(args.records - before) // PART)
        for rows in parts(args, range(done, done + more)):
            for key, row in rows:
                found.setdefault(key, row)
        done += more
        if len(found) == before:
            raise SystemExit(f"there are no more than {before} problems of these levels")
    return list(found.values())[: args.records]


def records_file(args: argparse.Namespace) -> Path:
    """The training records; written once, the same for all arms and seeds."""
    path = args.out / "records.jsonl"
    if not path.exists():
        write_whole(path, "".join(as_json(row) + "\n" for row in records(args)))
    return path


def wrong_share(path: Path, records: int) -> float:
    """The share of the paths of a file that are wrong; ends the run if it has other records."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if len(rows) != records:
        raise SystemExit(f"{path} has {len(rows)} records and not {records}: remove it")
    flags = [path["correct"] for row in rows for path in row["paths"]]
    return 1 - sum(flags) / len(flags)
