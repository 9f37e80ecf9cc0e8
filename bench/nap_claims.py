"""The paper's claims (arXiv:2602.23225) as sentences, from paired differences in the results.

A claim is confirmed or refuted where its 95 % interval lies on one side of zero, and otherwise
open. Intervals draw problems anew (bootstrap), with the seeds averaged first.
"""

from collections.abc import Callable, Iterable

import numpy as np

from plait.measure.mean import bootstrap

Results = dict[tuple[str, int], dict]
Cells = Callable[[Results, str, str], dict[int, dict]]
Rights = Callable[[Iterable[dict]], np.ndarray]
STREAMS = 3  # of the arm "nap"
FLOOR = 0.02  # accuracy under which a difference says little


def claims(results: Results, cells: Cells, rights: Rights) -> list[str]:
    """One sentence for each claim."""

    def gap(here: str, kind: str, there: str, other: str, budget: str) -> np.ndarray | None:
        """[problems]: how much more often `here` is right, seeds averaged; None if not run."""
        one, two = (
            cells(results, here, f"{kind}|{budget}"),
            cells(results, there, f"{other}|{budget}"),
        )
        seeds = sorted(one.keys() & two.keys())
        if not seeds:
            return None
        return (rights(one[s] for s in seeds) - rights(two[s] for s in seeds)).mean(0)

    keys = [key.split("|") for r in results.values() for key in r["cells"]]
    budgets = sorted({b for _, _, b in keys if b != "own"}, key=int)
    return [
        _raises(results, cells, budgets),
        _most_at_many(gap, budgets),
        _one_token(gap),
        _untrained(gap, budgets, results, cells),
    ]


def verdict(low: float, high: float) -> str:
    """What an interval says of a claim that expects a number above zero."""
    if low > 0:
        return "confirmed here"
    return "refuted here" if high < 0 else "open here: the interval holds zero"


def _points(values: np.ndarray, sign: int = 1) -> tuple[str, str]:
    """The mean in points with its interval, and the verdict on sign * mean > 0."""
    low, high = bootstrap(values, np.ones(len(values)))
    told = f"{100 * values.mean():+.1f} points (95 %: {100 * low:+.1f} to {100 * high:+.1f})"
    return told, verdict(*sorted((sign * low, sign * high)))


def _raises(results: Results, cells: Cells, budgets: list[str]) -> str:
    claim = "**Long-CoT raises ARness.**"
    said = []
    for budget in budgets:
        one, two = (cells(results, arm, f"own|confidence|{budget}") for arm in ("long_cot", "base"))
        seeds = sorted(one.keys() & two.keys())
        if seeds:
            apart = np.mean([_arness(one[s]) - _arness(two[s]) for s in seeds], 0)
            low, high = bootstrap(apart, np.ones(len(apart)))
            first = "" if said else f" {verdict(low, high).capitalize()}."
            told = f"{apart.mean():+.3f} ({low:+.3f} to {high:+.3f})"
            said.append(f"{first} {told} at {budget} per round")
    return claim + (";".join(said) + ", by confidence." if said else " Not run.")


def _arness(cell: dict) -> np.ndarray:
    """[problems], of the whole canvas at k = 1."""
    return np.array(cell["arness_per_mille"].split(), dtype=float) / 1000


def _most_at_many(gap: Callable[..., np.ndarray | None], budgets: list[str]) -> str:
    claim = f"**NAP gains most at {STREAMS} or more tokens per round** (over Long-CoT)."
    gains = {int(b): gap("nap", "own|nap", "long_cot", "own|confidence", b) for b in budgets}
    many = [g for b, g in gains.items() if g is not None and b >= STREAMS]
    few = [g for b, g in gains.items() if g is not None and b < STREAMS]
    if not many or not few:
        return f"{claim} Not run."
    told, found = _points(np.mean(many, 0) - np.mean(few, 0))
    above, below = _points(np.mean(many, 0))[0], _points(np.mean(few, 0))[0]
    return (
        f"{claim} {found.capitalize()}. Gain at {STREAMS} or more: {above}; below: {below}; "
        f"difference of the two: {told}."
    )


def _one_token(gap: Callable[..., np.ndarray | None]) -> str:
    claim = "**Forcing hurts at 1 token per round** (NAP's model)."
    apart = gap("nap", "own|nap", "nap", "own|confidence", "1")
    if apart is None:
        return f"{claim} Not run."
    told, found = _points(apart, -1)
    return f"{claim} {found.capitalize()}. Forced minus confidence: {told}."


def _untrained(
    gap: Callable[..., np.ndarray | None], budgets: list[str], results: Results, cells: Cells
) -> str:
    claim = "**Forcing hurts a model that was not trained for it** (base, on NAP's canvas)."
    every = [gap("base", "nap|nap", "base", "nap|confidence", b) for b in budgets]
    gaps = [g for g in every if g is not None]
    if not gaps:
        return f"{claim} Not run."
    told, found = _points(np.mean(gaps, 0), -1)
    keys = [f"nap|{m}|{b}" for m in ("confidence", "nap") for b in budgets]
    most = max(c["accuracy"] for key in keys for c in cells(results, "base", key).values())
    little = " Base is almost never right on this canvas, so this says little." * (most < FLOOR)
    return f"{claim} {found.capitalize()}. Forced minus confidence, all budgets: {told}.{little}"
