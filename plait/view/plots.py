"""Figures of traces and of SeqDep, in colours that colour-blind readers can tell apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlaitError, missing
from ..files import replacing
from ..measure.arness import global_arness, local_arness
from ..measure.seqdep import seqdep, summary
from ..trace import COMMIT, RETRACT, REWRITE, Trace
from .colours import COLOURS, MARKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")
KS = (1, 2, 3, 4, 6, 8)
BINS = 8  # of text lengths, equally full


def blank(width: float, height: float) -> "Figure":
    """An empty figure in inches; PlaitError if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("a figure", "matplotlib", "plots") from None
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of the name; whole or not at all."""
    if path.suffix not in ENDINGS:
        raise PlaitError(f"'{path}': a figure ends on {', '.join(ENDINGS)}")
    from matplotlib import rc_context

    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix)  # same data, same file
    told = {dated: None} if dated else {}
    with replacing(path) as part, rc_context({"svg.hashsalt": "plait"}):
        figure.savefig(part, format=path.suffix[1:], dpi=150, metadata=told)


def heat(trace: Trace) -> "Figure":
    """Position against round: where each round wrote, coloured by how sure the model was.

    Dark is sure, so that sure marks stand out from white; grey is not known.
    """
    figure = blank(8, 4.5)
    from matplotlib import colormaps

    axes = figure.subplots()
    place = np.cumsum(trace.region >= 0) - 1  # among free positions
    wrote, back = np.isin(trace.kind, (COMMIT, REWRITE)), trace.kind == RETRACT
    points = axes.scatter(
        place[trace.position[wrote]], trace.round[wrote] + 1, c=np.exp(trace.score[wrote]),
        cmap=colormaps["viridis_r"].with_extremes(bad="0.7"), plotnonfinite=True,
        vmin=0, vmax=1, marker="s", s=_size(trace), linewidths=0,
    )  # fmt: skip
    if back.any():
        axes.scatter(
            place[trace.position[back]], trace.round[back] + 1, c="#d55e00", marker="x", s=14,
            linewidths=0.8, label="taken back",
        )  # fmt: skip
        axes.legend(frameon=False, loc="lower right")
    for edge in np.flatnonzero(np.diff(trace.region[trace.region >= 0])):
        axes.axvline(edge + 0.5, color="0.6", linewidth=0.8)
    axes.set(xlabel="position (free ones only)", ylabel="round", ylim=(trace.rounds + 0.5, 0.5))
    _whole(axes.yaxis)
    figure.colorbar(points, label="probability of the token")
    return figure


def _size(trace: Trace) -> float:
    """Marker area, in points squared: as wide as a position is, within limits."""
    return float(np.clip(400 / max(int((trace.region >= 0).sum()), 1), 1, 6) ** 2)


def arness(runs: Mapping[str, Sequence[Trace]]) -> "Figure":
    """Global and local ARness against k, one line per run, means over its traces."""
    figure = blank(9, 3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for i, (name, traces) in enumerate(runs.items()):
        style = _style(i)
        for axes, measure in ((left, global_arness), (right, local_arness)):
            means = [np.nanmean([measure(trace, k) for trace in traces]) for k in KS]
            axes.plot(KS, means, label=name, **style)
    left.set(xlabel="k", ylabel="ARness", title="global@k", ylim=(-0.03, 1.03), xticks=KS)
    right.set(xlabel="k", title="local@k", xticks=KS)
    return _finished(figure, (left, right))


def dependence(rows: Mapping[str, Sequence[dict[str, Any]]], per_token: bool = True) -> "Figure":
    """SeqDep against length, and by place in the text (dashed: the same segments shuffled).

    Points are texts; lines join means over equally many texts, with 95 % bootstrap intervals.
    """
    figure = blank(10, 4.2)
    left, right = figure.subplots(1, 2)
    for i, (name, found) in enumerate(rows.items()):
        style = _style(i)
        texts = [row for row in found if len(row["alone"]) > 1]
        if not texts:
            raise PlaitError(f"{name}: no text has two segments")
        length = np.array([sum(row["tokens"]) for row in texts])
        value = np.array([np.mean(seqdep(row)) for row in texts])
        left.scatter(length, value, s=5, alpha=0.25, color=style["color"], linewidths=0)
        points = [_bin([texts[i] for i in part]) for part in _parts(length)]
        middle, mean, low, high = np.array(points).T
        left.errorbar(middle, mean, yerr=(mean - low, high - mean), capsize=2, label=name, **style)
        key = "profile_per_token" if per_token else "profile"
        for order, line in (("joint", "-"), ("shuffled", "--")):
            values = summary(texts, order).get(key, [])
            right.plot(range(2, len(values) + 2), values, **style | {"linestyle": line})
    left.set(xlabel="tokens of the text", ylabel="SeqDep, nats per segment")
    _whole(right.xaxis)
    unit = "nats per token" if per_token else "nats"
    right.set(xlabel="segment", ylabel=f"gain from what stands before, {unit}")
    return _finished(figure, (left, right), left)


def _parts(length: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(length, kind="stable")
    return [part for part in np.array_split(order, min(BINS, max(1, len(order) // 5))) if len(part)]


def _bin(rows: Sequence[dict[str, Any]]) -> tuple[float, float, float, float]:
    """Mean length, SeqDep, and its interval."""
    told = summary(rows)
    return told["tokens_per_text"], told["seqdep"], *told["interval95"]


def _style(i: int) -> dict[str, Any]:
    return {
        "color": COLOURS[i % len(COLOURS)],
        "marker": MARKS[i % len(MARKS)],
        "markersize": 5,
        "linewidth": 1.4,
    }


def _whole(axis: Any) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def _finished(figure: "Figure", every: Sequence[Any], named: Any = None) -> "Figure":
    for axes in every:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = (every[0] if named is None else named).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure
