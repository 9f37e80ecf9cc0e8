"""Where a wrong product goes wrong first: what was written, how sure of it the model was, and when.

    python bench/first_errors.py --n 80 --out docs/results/first-errors.json

Each stream is held against the true working of the same product in the same way: with the factor
and the mark of its lines that it has in the end. The first token that differs from it is the first
error of the canvas. `opening` is what decides the way: the first factor and the mark of a line.
"""

import argparse
import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from in_the_box import SEED, answered
from results import begun, device, keep

import plait
from plait.data.problem import Problem, problems
from plait.data.tasks import load as load_task
from plait.data.tasks.multiply import worked
from plait.trace import COMMIT

WAY = re.compile(r"([1-9][0-9]*)\*([0-9])([=+])")  # how a stream begins


def true_text(stream: str, problem: Problem) -> str | None:
    """What the stream would be without an error; None where it does not say its way."""
    found, (a, b) = WAY.match(stream), problem.facts
    if found is None or int(found[1]) not in (a, b):
        return None
    one, other = (a, b) if int(found[1]) == a else (b, a)
    return worked(one, other, a * b, found[3] == "+", found[2] != str(other)[-1])


def first_error(model: plait.Model, answer: plait.Answer, problem: Problem) -> dict | None:
    """The first wrong token of the streams; None if each stream is right, or says no way."""
    trace = answer.trace
    wanted: dict[int, int] = {}  # the true token of each position
    openings: dict[int, set[int]] = {}  # positions by stream
    products: dict[int, set[int]] = {}
    for k, stream in enumerate(answer.streams):
        text = true_text(stream, problem)
        if text is None:
            continue
        ids = model.codec.encode(text)
        places = np.flatnonzero(trace.region == k)[: len(ids)]
        wanted |= dict(zip(places.tolist(), ids, strict=True))
        begin = len(model.codec.encode(text.split(" ")[0]))
        openings[k] = set(places[:begin].tolist())
        products[k] = set(places[-len(model.codec.encode(" " + problem.answer)) :].tolist())
    written: set[int] = set()
    events = zip(
        trace.position.tolist(), trace.token.tolist(), trace.score, trace.kind, strict=True
    )
    for place, token, score, kind in events:
        if kind == COMMIT and wanted.get(place, token) != token:
            own = int(trace.region[place])
            return {
                "probability": round(math.exp(score), 3),
                "in the product": place in products[own],
                "opening known": openings[own] <= written,
                "share written": round(len(written) / len(wanted), 3),
            }
        written.add(place)
    return None


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--n", type=int, default=80, help="products with a factor of four digits")
    parser.add_argument("--batch", type=int, default=80)
    parser.add_argument("--methods", nargs="+", default=["nap", "ar"])
    parser.add_argument("--budget", type=int, default=3, help="tokens per round")
    parser.add_argument("--out", type=Path, default=Path("first-errors.json"))
    args = parser.parse_args()
    model = plait.load(args.model, device=args.device)
    facts: dict[str, Any] = {
        "model": model.name,
        "device": device(model),
        "torch": torch.__version__,
    }
    facts |= {"problems": args.n, "problem_seed": SEED, "tokens per round": args.budget}
    result = begun(args.out, facts)
    stream = problems(load_task("multiply"), "test", SEED, level=[4], distinct=True)
    asked = list(itertools.islice(stream, args.n))
    for method in args.methods:
        if method in result["cells"]:
            continue
        answers, right = answered(model, asked, method, args.batch, tokens_per_round=args.budget)
        wrong = [(a, p) for a, p, r in zip(answers, asked, right, strict=True) if not r]
        found = [error for a, p in wrong if (error := first_error(model, a, p))]
        result["cells"][method] = {"wrong": len(wrong), "first errors": found}
        keep(args.out, result)
        early = sum(not error["opening known"] for error in found)
        product = sum(error["in the product"] for error in found)
        print(
            f"{method}: {len(wrong)} of {args.n} wrong; of {len(found)} first errors {early} came "
            f"before the opening was known, {product} in digits of the product",
            flush=True,
        )


if __name__ == "__main__":
    main()
