"""Accuracy against tokens per round, by arm and decoder, with intervals: docs/figures/nap.png."""

from pathlib import Path
from typing import Any

from nap_table import Results, cells, interval

from plait.view import plots
from plait.view.colours import COLOURS, MARKS

ARMS = ("base", "single", "long_cot", "nap")
METHODS = ("confidence", "nap", "ar", "random", "llada", "fast_dllm")
BESIDE = 0.08  # tokens per round
TITLES = {"base": "base: as it is", "single": "one path",
          "long_cot": "Long-CoT: three paths in a row", "nap": "NAP: three streams"}  # fmt: skip


def draw(every: dict[Path, Results], path: Path) -> None:
    """One row of panels per task, one panel per arm, one line per decoder."""
    figure = plots.blank(12, 3.1 * len(every) + 0.5)
    panels = figure.subplots(len(every), len(ARMS), sharex=True, sharey="row", squeeze=False)
    for (folder, results), line in zip(every.items(), panels, strict=True):
        for arm, axes in zip(ARMS, line, strict=True):
            for i, method in enumerate(METHODS):
                curve(axes, results, arm, method, i)
            axes.set_title(TITLES[arm], fontsize=10)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel(f"{folder.name}: right answers, %")
    for axes in panels[-1]:
        axes.set_xlabel("tokens per round")
    told = {}
    for axes in panels.flat:
        handles, labels = axes.get_legend_handles_labels()
        told |= dict(zip(labels, handles, strict=True))
    figure.legend(told.values(), told, loc="outside lower center", ncols=6, frameon=False)
    plots.save(figure, path)


def curve(axes: Any, results: Results, arm: str, method: str, number: int) -> None:
    """A decoder's accuracies with their 95 % intervals, a little beside those of the others.

    fast_dllm has no budget; its place is what a round wrote, the end of each slot counted.
    """
    points = []
    keys = {k for r in results.values() for k in r["cells"] if k.startswith(f"own|{method}|")}
    for key in keys:
        found = cells(results, arm, key)
        if found:
            budget = key.rpartition("|")[2]
            means = [cell["tokens_per_forward"] for cell in found.values()]
            beside = BESIDE * (number - (len(METHODS) - 1) / 2)
            place = float(budget) + beside if budget != "own" else sum(means) / len(means)
            points.append((place, *(100 * value for value in interval(found))))
    if not points:
        return
    x, mean, low, high = zip(*sorted(points), strict=True)
    below = [m - value for m, value in zip(mean, low, strict=True)]
    above = [value - m for m, value in zip(mean, high, strict=True)]
    axes.errorbar(x, mean, yerr=(below, above), color=COLOURS[number], marker=MARKS[number],
                  markersize=4, linewidth=1.2, capsize=2, label=method)  # fmt: skip
