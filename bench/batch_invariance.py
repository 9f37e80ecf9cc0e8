"""Does an answer depend on the batch it was decoded in? Counts the rows in which it does.

    python bench/batch_invariance.py            # 200 prompts, batches of 1 and of 32

Each setting answers the same file of prompts twice, by the code behind `plait generate --input`.
A row differs if its line in the output (seconds aside) or any event of its trace does.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plait.cli._file import answer_file
from plait.cli._session import Request, Session
from plait.data import tasks
from plait.data.problem import problems
from plait.generate import Answer
from plait.trace import Trace

SETTINGS = (
    Request(method="nap"),
    Request(method="confidence"),
    Request(method="random", temperature=0.8),
)
ODD = (
    *("?", "hello", "7", "What is 7 * 8", "what is 7*8?", "WHAT IS 12 * 34?", "  3 * 5 = ?  "),
    *('say "hi"', "a\tb\nc", "<mask> <eos> <think 1>", "{}", "\\", "12 + 30 = ?", "\N{SNOWMAN}"),
    *("Wie viel ist 3 * 4?", "\u4e09\u4e58\u4ee5\u4e94", "1 " * 30, "9" * 40, "x" * 60, "? " * 45),
)


@dataclass(frozen=True)
class Recorded(Session):
    """A session that also keeps the traces of what it answers."""

    traces: list[Trace] = field(default_factory=list)

    def answers(self, prompts: Sequence[str], *args: Any, **options: Any) -> Iterator[Answer]:
        """Pass the answers on."""
        for answer in super().answers(prompts, *args, **options):
            self.traces.append(answer.trace)
            yield answer


def mixed_prompts(n: int) -> list[str]:
    """Unseen problems of all tasks in turn, and every tenth prompt an odd one."""
    streams = [problems(tasks.load(name), "test", 7, distinct=True) for name in tasks.names()]
    known, odd = itertools.cycle(streams), itertools.cycle(ODD)
    return [next(odd) if i % 10 == 9 else next(next(known)).prompt for i in range(n)]


def decoded(request: Request, prompts: list[str], folder: Path) -> list[tuple[dict, Trace]]:
    """Answer a file of prompts; return its rows without their seconds, and the traces."""
    source, target = folder / "in.jsonl", folder / f"out-{request.batch_size}.jsonl"
    source.write_text("".join(json.dumps({"prompt": p}) + "\n" for p in prompts))
    session = Recorded(**vars(request.open()))
    if answer_file(session, source, target):
        sys.exit("some prompts could not be answered")
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    assert [row["prompt"] for row in rows] == prompts
    return list(zip(rows, session.traces, strict=True))


def same(one: Trace, other: Trace) -> bool:
    """Say whether two traces agree in everything but time."""
    names = [f.name for f in fields(Trace) if f.name not in ("seconds", "spent")]
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


def differences(request: Request, prompts: list[str], batches: tuple[int, int]) -> int:
    """Count the prompts whose row or trace is not the same in batches of both sizes."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = (
            decoded(replace(request, batch_size=size), prompts, Path(folder)) for size in batches
        )
    pairs = zip(one, other, strict=True)
    return sum(a != b or not same(trace, twin) for (a, trace), (b, twin) in pairs)


def main() -> int:
    """Print one line per setting; exit code 1 if any row differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200, help="prompts")
    parser.add_argument("--batches", type=int, nargs=2, default=(1, 32))
    parser.add_argument("--tokens-per-round", type=int, default=16)
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    prompts, total = mixed_prompts(args.n), 0
    small, large = args.batches
    print(f"{args.n} prompts, batches of {small} and {large}, {args.tokens_per_round} per round,")
    print(f"{args.model} on {args.device}, {torch.get_num_threads()} threads:")
    for setting in SETTINGS:
        request = replace(
            setting,
            model=args.model,
            device=args.device,
            tokens_per_round=args.tokens_per_round,
        )
        start = time.perf_counter()
        count = differences(request, prompts, (small, large))
        seconds, total = time.perf_counter() - start, total + count
        name = f"{request.method}, temperature {request.temperature}"
        print(f"{name:28}{count} of {args.n} rows differ  ({seconds:.0f} s)", flush=True)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
