"""The figure of a frontier: accuracy against rounds, forwards, seconds and tokens per second."""

from collections.abc import Sequence
from pathlib import Path

from ..view.colours import COLOURS, MARKS
from ..view.plots import blank
from .frontier import Cell

PANELS = {
    "rounds": "rounds",
    "forwards": "forward passes",
    "seconds": "seconds per answer",
    "tokens_per_second": "answer tokens per second",
}


def draw(path: Path, cells: Sequence[Cell], title: str, note: str) -> None:
    """Write the figure; PlaitError if matplotlib is not installed."""
    figure = blank(9, 7.2)
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    methods = list(dict.fromkeys(cell.method for cell in cells))
    for axes, (name, label) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        for i, method in enumerate(methods):
            found = [cell.figures for cell in cells if cell.method == method]
            found.sort(key=lambda f: f.rounds)
            accuracy = [100 * f.accuracy for f in found]
            ends = [(100 * low, 100 * high) for low, high in (f.interval95 for f in found)]
            below = [a - low for a, (low, _) in zip(accuracy, ends, strict=True)]
            above = [high - a for a, (_, high) in zip(accuracy, ends, strict=True)]
            axes.errorbar(
                [getattr(f, name) for f in found],
                accuracy,
                yerr=(below, above),
                label=method,
                color=COLOURS[i % len(COLOURS)],
                marker=MARKS[i % len(MARKS)],
                markersize=5,
                linewidth=1.4,
                elinewidth=0.7,
                capsize=2,
            )
        axes.set(xscale="log", xlabel=label, ylabel="accuracy, %")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.25, which="both")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(f"{title}\n{note}", fontsize=10)
    figure.savefig(path, dpi=150)
