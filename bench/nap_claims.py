"""The paper's claims (arXiv:2602.23225) as sentences, from paired differences in the results.

A claim is confirmed or refuted where its 95 % interval lies on one side of zero, and otherwise
open. Intervals draw the training seeds and the problems anew (bootstrap), both models on the same.
"""

from collections.abc import Callable, Sequence

import numpy as np
from results import signs

Results = dict[tuple[str, int], dict]
Cells = Callable[[Results, str, str], dict[int, dict]]
BySeed = dict[int, np.ndarray]  # one number per problem
STREAMS = 3  # of the arm "nap"
FLOOR = 0.02  # accuracy under which a difference says little
DRAWS = 1000


def rights(cell: dict) -> np.ndarray:
    """[problems]: 1 where the answer is right."""
    return signs(cell["rights"]).astype(float)


def arness(cell: dict) -> np.ndarray:
    """[problems], of the whole canvas at k = 1."""
    return np.array(cell["arness_per_mille"].split(), dtype=float) / 1000


def apart(
    here: dict[int, dict],
    there: dict[int, dict],
    of: Callable[[dict], np.ndarray] = rights,
) -> BySeed:
    """How much more `here` has than `there`, on the same problems, by the seeds of both."""
    return {s: of(here[s]) - of(there[s]) for s in sorted(here.keys() & there.keys())}


def mean_of(every: Sequence[BySeed]) -> BySeed:
    """The mean of several, by the seeds that all have."""
    seeds = set.intersection(*(set(one) for one in every)) if every else set()
    return {seed: np.mean([one[seed] for one in every], 0) for seed in sorted(seeds)}


def interval(values: BySeed) -> tuple[float, float, float]:
    """The mean, and its 95 % percentile interval over seeds and problems drawn anew.

    That is cautious: chance in single answers is drawn twice.
    """
    table = np.array(list(values.values()))
    low, high = np.quantile(table[drawn(*table.shape)].mean((1, 2)), [0.025, 0.975])
    return float(table.mean()), float(low), float(high)


def drawn(seeds: int, problems: int) -> tuple[np.ndarray, np.ndarray]:
    """Which entries of a table [seeds, problems] stand in each of DRAWS samples."""
    rng = np.random.default_rng(0)
    rows = rng.integers(seeds, size=(DRAWS, seeds, 1))
    return rows, rng.integers(problems, size=(DRAWS, 1, problems))


def points(values: BySeed) -> str:
    """For example `+3.1 (+0.4 to +5.9)`."""
    return in_points(*interval(values))


def in_points(mean: float, low: float, high: float) -> str:
    """The same, of three numbers."""
    return f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def verdict(values: BySeed, sign: int = 1) -> str:
    """What an interval says of a claim that expects sign * mean > 0."""
    _, *ends = interval(values)
    low, high = sorted(sign * end for end in ends)
    seeds = f"{len(values)} seed{'s' if len(values) > 1 else ''}"
    if low > 0:
        return f"Confirmed here ({seeds})"
    return (
        f"Refuted here ({seeds})" if high < 0 else f"Open here ({seeds}): the interval holds zero"
    )


def claims(results: Results, cells: Cells) -> list[str]:
    """One sentence for each claim. Differences are in points, with their intervals."""

    def gap(here: str, kind: str, there: str, other: str, budget: str) -> BySeed:
        one = cells(results, here, f"{kind}|{budget}")
        return apart(one, cells(results, there, f"{other}|{budget}"))

    keys = [key.split("|") for r in results.values() for key in r["cells"]]
    budgets = sorted({b for _, _, b in keys if b != "own"}, key=int)
    return [
        _raises(results, cells, budgets),
        _most_at_many(gap, budgets),
        _one_token(gap),
        _untrained(gap, budgets, results, cells),
    ]


def _raises(results: Results, cells: Cells, budgets: list[str]) -> str:
    claim = "**Long-CoT raises ARness** (over base, by confidence)."
    found: dict[str, BySeed] = {}
    for budget in budgets:
        one, two = (cells(results, arm, f"own|confidence|{budget}") for arm in ("long_cot", "base"))
        found |= {budget: more} if (more := apart(one, two, arness)) else {}
    if not found:
        return f"{claim} Not run."
    every = mean_of(list(found.values()))
    each = "; ".join(f"{_shares(more)} at {budget} per round" for budget, more in found.items())
    return f"{claim} {verdict(every)}. Mean over budgets: {_shares(every)}; {each}."


def _shares(values: BySeed) -> str:
    mean, low, high = interval(values)
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


Gap = Callable[[str, str, str, str, str], BySeed]


def _most_at_many(gap: Gap, budgets: list[str]) -> str:
    claim = f"**NAP gains most at {STREAMS} or more tokens per round** (over Long-CoT)."
    gains = {int(b): gap("nap", "own|nap", "long_cot", "own|confidence", b) for b in budgets}
    many = mean_of([g for b, g in gains.items() if g and b >= STREAMS])
    few = mean_of([g for b, g in gains.items() if g and b < STREAMS])
    both = {seed: many[seed] - few[seed] for seed in sorted(many.keys() & few.keys())}
    if not both:
        return f"{claim} Not run."
    return (
        f"{claim} {verdict(both)}. Gain at {STREAMS} or more: {points(many)}; below: "
        f"{points(few)}; difference of the two: {points(both)}."
    )


def _one_token(gap: Gap) -> str:
    claim = "**Forcing hurts at 1 token per round** (NAP's model)."
    more = gap("nap", "own|nap", "nap", "own|confidence", "1")
    if not more:
        return f"{claim} Not run."
    return f"{claim} {verdict(more, -1)}. Forced minus confidence: {points(more)}."


def _untrained(gap: Gap, budgets: list[str], results: Results, cells: Cells) -> str:
    claim = "**Forcing hurts a model that was not trained for it** (base, on NAP's canvas)."
    every = [gap("base", "nap|nap", "base", "nap|confidence", b) for b in budgets]
    more = mean_of([one for one in every if one])
    if not more:
        return f"{claim} Not run."
    keys = [f"nap|{m}|{b}" for m in ("confidence", "nap") for b in budgets]
    most = max(c["accuracy"] for key in keys for c in cells(results, "base", key).values())
    little = " Base is almost never right on this canvas, so this says little." * (most < FLOOR)
    return (
        f"{claim} {verdict(more, -1)}. Forced minus confidence, all budgets: "
        f"{points(more)}.{little}"
    )
