"""Where a wrong product goes wrong first: what was written, how sure of it the model was, and when.

    python bench/first_errors.py --n 80 --device cpu --out docs/results/first-errors.json

Each stream is held against the true working of the same product in the same way: with the factor
and the mark of its lines that it has in the end. The first token that differs from it is the first
error of the canvas. `opening` is what decides the way: the first factor and the mark of a line.
With --openings the same problems are also decoded with the opening of each stream given.
"""

import argparse
import itertools
import math
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from in_the_box import SEED, answered
from results import begun, device, digest, keep

import plait
from plait.data.problem import Problem, problems
from plait.data.tasks import load as load_task
from plait.data.tasks.multiply import worked
from plait.layout import Layout
from plait.trace import COMMIT

WAY = re.compile(r"([1-9][0-9]*)\*([0-9])([=+])")  # how a stream begins


def true_text(stream: str, problem: Problem) -> str | None:
    """What the stream would be without an error; None where it does not say its way."""
    found, (a, b) = WAY.match(stream), problem.facts
    if found is None or int(found[1]) not in (a, b):
        return None
    one, other = (a, b) if int(found[1]) == a else (b, a)
    return worked(one, other, a * b, found[3] == "+", found[2] != str(other)[-1])


@dataclass(frozen=True)
class Write:
    """One token of a stream as it was written."""

    wrong: bool
    probability: float  # that the model gave it
    product: bool  # is it a digit of the product?
    known: bool  # was all of its stream's opening there before?
    share: float  # of all tokens that the true streams have, written before


def writes(model: plait.Model, answer: plait.Answer, problem: Problem) -> list[Write]:
    """What was written where a true working has tokens, in order; nothing of other streams."""
    trace = answer.trace
    wanted: dict[int, int] = {}  # the true token of each position
    openings: dict[int, set[int]] = {}  # positions by stream
    products: set[int] = set()
    for k, stream in enumerate(answer.streams):
        text = true_text(stream, problem)
        if text is None:
            continue
        ids = model.codec.encode(text)
        places = np.flatnonzero(trace.region == k)[: len(ids)].tolist()
        wanted |= dict(zip(places, ids, strict=True))
        openings[k] = set(places[: len(model.codec.encode(text.split(" ")[0]))])
        products |= set(places[-len(model.codec.encode(" " + problem.answer)) :])
    there: set[int] = set()
    found = []
    events = zip(
        trace.position.tolist(), trace.token.tolist(), trace.score, trace.kind, strict=True
    )
    for place, token, score, kind in events:
        if kind == COMMIT and place in wanted:
            known = openings[int(trace.region[place])] <= there
            told = token != wanted[place], math.exp(score), place in products, known
            found.append(Write(*told, len(there) / len(wanted)))
            there.add(place)
    return found


def early(found: list[Write]) -> float:
    """The share of tokens that were written before the opening of their stream was known."""
    return sum(not write.known for write in found) / len(found)


def opened(layout: Layout, problem: Problem) -> Layout:
    """The layout with the openings of three ways behind the headers of its three streams."""
    a, b = problem.facts
    ways = ((a, b, True), (b, a, True), (a, b, False))
    openings = [
        worked(one, other, a * b, carries, False).split(" ")[0] for one, other, carries in ways
    ]
    *streams, summary = layout.segments
    given = [replace(s, header=s.header + o) for s, o in zip(streams, openings, strict=True)]
    return replace(layout, segments=(*given, summary))


def wrong_with_openings(
    model: plait.Model, asked: list[Problem], method: str, budget: int
) -> list[int]:
    """The numbers of the problems that are wrong with the openings given."""
    wrong = []
    for number, problem in enumerate(asked):
        layout = opened(model.layout(), problem)
        _, (right,) = answered(model, [problem], method, 1, tokens_per_round=budget, layout=layout)
        wrong += [] if right else [number]
    return wrong


def cell(
    model: plait.Model, asked: list[Problem], method: str, args: argparse.Namespace
) -> dict[str, Any]:
    """What went wrong first, and how many problems are wrong with the openings given."""
    answers, right = answered(model, asked, method, args.batch, tokens_per_round=args.budget)
    told = [writes(model, a, p) for a, p in zip(answers, asked, strict=True)]
    good = [early(one) for one, ok in zip(told, right, strict=True) if ok and one]
    wrong = [one for one, ok in zip(told, right, strict=True) if not ok]
    first = [errors[0] for one in wrong if (errors := [w for w in one if w.wrong])]
    found: dict[str, Any] = {
        "wrong": len(wrong),
        "first errors": [asdict(write) for write in first],
        "before the opening, right answers": round(sum(good) / len(good), 4),
    }
    if args.openings:
        found["wrong with openings"] = wrong_with_openings(model, asked, method, args.budget)
    return found


def line(method: str, found: dict[str, Any], n: int) -> str:
    """A cell in words."""
    first = found["first errors"]
    told = (
        f"{method}: {found['wrong']} of {n} wrong; of {len(first)} first errors "
        f"{sum(not write['known'] for write in first)} came before the opening was known, as do "
        f"{found['before the opening, right answers']:.2f} of all tokens of right answers"
    )
    given = found.get("wrong with openings")
    return told if given is None else f"{told}; {len(given)} wrong with the openings given"


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--n", type=int, default=80, help="products with a factor of four digits")
    parser.add_argument("--batch", type=int, default=80)
    parser.add_argument("--methods", nargs="+", default=["nap"])
    parser.add_argument("--budget", type=int, default=3, help="tokens per round")
    parser.add_argument("--openings", action="store_true", help="also with the openings given")
    parser.add_argument("--out", type=Path, default=Path("first-errors.json"))
    args = parser.parse_args()
    model = plait.load(args.model, device=args.device)
    facts: dict[str, Any] = {
        "model": model.name,
        "weights": digest(args.model),
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
        found = result["cells"][method] = cell(model, asked, method, args)
        keep(args.out, result)
        print(line(method, found, args.n), flush=True)


if __name__ == "__main__":
    main()
