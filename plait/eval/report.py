"""From samples to figures, by one counting rule, and to a table that people read."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..measure.interval import Share
from .results import Sample


@dataclass(frozen=True)
class Figures:
    """The figures of some samples. Tokens are answer tokens; seconds are those of decoding."""

    right: int
    n: int
    accuracy: float
    interval95: tuple[float, float]  # Wilson
    rounds: float  # mean per answer, as all means here
    forwards: float
    query_tokens: float
    answer_tokens: float
    tokens_per_forward: float  # of all answers together
    tokens_per_second: float
    seconds: float  # per answer
    arness: float  # global@1
    unanswered: int  # items that did not fit the model


def figures(samples: Iterable[Sample]) -> Figures:
    """Add up samples."""
    rows = list(samples)
    done = [s for s in rows if s.trace is not None]
    share = Share(sum(s.correct for s in rows), len(rows))
    tokens, clock = sum(s.answer_tokens for s in done), sum(s.clock for s in rows)

    def mean(name: str) -> float:
        return _ratio(sum(s.values[name] for s in done), len(done))

    orders = [s.arness["global@1"] for s in done if s.arness["global@1"] is not None]
    return Figures(
        right=int(share.right),
        n=share.n,
        accuracy=share.value,
        interval95=share.interval(),
        rounds=mean("rounds"),
        forwards=mean("forwards"),
        query_tokens=mean("query_tokens"),
        answer_tokens=mean("answer_tokens"),
        tokens_per_forward=_ratio(tokens, sum(s.forwards for s in done)),
        tokens_per_second=_ratio(tokens, clock),
        seconds=_ratio(clock, len(done)),
        arness=_ratio(sum(orders), len(orders)),
        unanswered=len(rows) - len(done),
    )


def by_task(samples: Iterable[Sample]) -> dict[str, Figures]:
    """The figures of each task, in the order in which the tasks come."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.task, []).append(sample)
    return {task: figures(group) for task, group in groups.items()}


COLUMNS = (
    *("task", "n", "accuracy % (95 %)", "rounds", "forwards", "tokens"),
    *("tokens/forward", "tokens/s", "s/answer", "ARness"),
)


def table(found: Mapping[str, Figures], columns: Sequence[str] = COLUMNS) -> str:
    """The figures as Markdown, one row for each."""
    rows = [(name, *cells(figure)) for name, figure in found.items()]
    return markdown(columns, rows)


def cells(figure: Figures) -> tuple[str, ...]:
    """The columns of a table after the first."""
    n = f"{figure.n}" + (f", {figure.unanswered} too long" if figure.unanswered else "")
    values = (figure.rounds, figure.forwards, figure.answer_tokens)
    many = [told(value, 1) for value in values]
    few = (figure.tokens_per_forward, figure.tokens_per_second, figure.seconds, figure.arness)
    return n, percent(figure), *many, *(told(value, 2) for value in few)


def told(value: float, places: int) -> str:
    """A number, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{places}f}"


def percent(figure: Figures) -> str:
    """An accuracy with its interval: 97.2 (95.4-98.3)."""
    low, high = figure.interval95
    return f"{100 * figure.accuracy:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned for those who read it as text."""
    lines = [tuple(columns), *map(tuple, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    lines.insert(1, tuple("-" * width for width in widths))
    texts = [" | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(f"| {text} |" for text in texts)


def conditions(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """What a number has to stand with, on one line."""
    told = {k: v for k, v in {**settings, **facts}.items() if v not in (None, "", [], ())}
    hidden = ("command", "code", "data", "weights", "adapter_weights", "aux_weights")
    kept = {k: v for k, v in told.items() if k not in hidden}
    return ", ".join(f"{key} {value}" for key, value in kept.items())


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan
