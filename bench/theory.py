"""Figures of docs/theory.md: `python bench/theory.py` writes docs/figures/theory-*.png.

Needs matplotlib. Every point is an exact run or a row of `plait theory bounds`.
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from plait.theory import bounds, builders
from plait.theory.bounds.k_local import lower
from plait.theory.compile import MODES, compile
from plait.theory.constructions import parity_remask, parity_revision
from plait.theory.depth import minimal_depth
from plait.theory.library import one_hot
from plait.theory.pushforward import push

FIGURES = Path(__file__).parent.parent / "docs" / "figures"
NAMES = {"cot": "chain of thought", "remask": "remasking", "revision": "revision"}


def space() -> None:
    """Positions in use over rounds, for the majority of 9 coins in the three modes."""
    circuit = builders.majority(9)
    axes = _axes("round", "positions revealed after it")
    for mode, marker in zip(MODES, "os^", strict=True):
        program, certificate = compile(circuit, mode)
        live = [r.live for r in push(program).rounds]
        label = f"{NAMES[mode]} (L = {certificate.length})"
        axes.plot(range(1, len(live) + 1), live, marker=marker, label=label, alpha=0.8)
    axes.set_title(f"Majority of 9 coins: N = {circuit.size}, d = {circuit.depth}, w = 9")
    _save(axes, "space")


def rounds() -> None:
    """Rounds against n for even parity and one-hot, with and without revision."""
    sizes = [2**i for i in range(1, 7)]
    axes = _axes("n", "rounds")
    for k, style in ((2, "-"), (3, "--"), (8, ":")):
        floor = [lower(n, k) for n in sizes]
        axes.plot(
            sizes, floor, style, color="tab:red", label=f"parity, no revision, k = {k} (bound)"
        )
    small = range(2, 7)
    depth = [minimal_depth(one_hot(n)).worst for n in small]
    axes.plot(
        small, depth, "x-", color="tab:purple", label="one-hot, no revision (least, searched)"
    )
    axes.plot(
        sizes, [parity_remask(n).rounds for n in sizes], "s-", label="parity, remasking, k = 3"
    )
    axes.plot(
        sizes, [parity_revision(n).rounds for n in sizes], "^-", label="parity, revision, k = 2"
    )
    axes.set_xscale("log", base=2)
    axes.set_title("Rounds with and without revision")
    axes.set_ylim(top=10.5)
    _save(axes, "rounds")


def rates() -> None:
    """Steps to a token error rate and to a sequence error rate, against the length."""
    rows = bounds.table("error_rates", 128)
    axes = _axes("length", "steps needed")
    sizes = [row["n"] for row in rows]
    axes.plot(sizes, [r["steps_to_sequence_error"] for r in rows], "o-", label="SER at most 0.2")
    label = "excess of 0.05 bits per token"
    axes.plot(sizes, [r["steps_to_token_error"] for r in rows], "s-", label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_title("Random unmasking of a chain that never writes 11")
    _save(axes, "rates")


def _axes(x: str, y: str) -> Axes:
    _, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return axes


def _save(axes: Axes, name: str) -> None:
    axes.set_ylim(bottom=axes.get_ylim()[0] if axes.get_yscale() == "log" else 0)
    axes.legend(fontsize=8, loc="upper left")
    FIGURES.mkdir(parents=True, exist_ok=True)
    axes.figure.savefig(FIGURES / f"theory-{name}.png", dpi=140)  # type: ignore[union-attr]
    print(FIGURES / f"theory-{name}.png")


if __name__ == "__main__":
    space()
    rounds()
    rates()
