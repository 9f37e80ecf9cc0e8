"""Accuracy on real text against rounds, by run and decoder, with intervals.

python bench/nap_text_figure.py docs/results/nap/text docs/figures/nap-text.png
"""

import sys
from pathlib import Path

from nap_table import interval
from nap_text_table import Cells, read

from plait.view import plots
from plait.view.colours import COLOURS, MARKS

TITLES = {"ar": "causal", "mdm": "one path", "long_cot": "three paths in a row",
          "nap": "NAP: three streams"}  # fmt: skip


def draw(cells: Cells, split: str, path: Path) -> None:
    """One point for each decoder, which stands beside it; a colour and a mark for each run."""
    figure = plots.blank(8, 4.5)
    axes = figure.subplots()
    for number, (run, title) in enumerate(TITLES.items()):
        points = []
        for (name, decoder), found in cells.items():
            if name == run:
                rounds = sum(cell["rounds"] for cell in found.values()) / len(found)
                mean, low, high = (100 * value for value in interval(found))
                points.append((rounds, mean, mean - low, high - mean))
                aside = {"ha": "right", "xytext": (-6, 3)} if run == "mdm" else {"xytext": (6, 3)}
                axes.annotate(decoder, (rounds, mean), textcoords="offset points", size=7, **aside)
        if points:
            x, y, below, above = zip(*sorted(points), strict=True)
            axes.errorbar(x, y, yerr=(below, above), color=COLOURS[number], linestyle="none",
                          marker=MARKS[number], markersize=6, capsize=2, label=title)  # fmt: skip
    (n,) = {cell["n"] for found in cells.values() for cell in found.values()}
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.1)
    axes.set_xlabel("rounds per answer, the mean")
    axes.set_ylabel(f"right of {n} {split} problems, %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    plots.save(figure, path)


if __name__ == "__main__":
    draw(read(Path(sys.argv[1]), "test")[0], "test", Path(sys.argv[2]))
