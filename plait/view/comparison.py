"""A table that sets decoding methods side by side on the same problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from ..generate import Answer

COLUMNS = (
    *("right", "rounds", "forwards", "tokens/\nforward"),
    *("ARness\nglobal", "ARness inside\neach segment", "s"),
)


@dataclass(frozen=True)
class Run:
    """One method's answers to all problems."""

    name: str
    right: int
    answers: "Sequence[Answer]"

    def cells(self) -> list[str]:
        """Sums over the problems; ARness is a mean over them."""
        answers = self.answers
        forwards = sum(a.forwards for a in answers)
        tokens = sum(a.answer_tokens for a in answers)
        inside = zip(*(a.arness["per_stream"] for a in answers), strict=True)
        return [
            self.name,
            f"{self.right} of {len(answers)}",
            str(sum(a.rounds for a in answers)),
            str(forwards),
            f"{tokens / forwards:.2f}",
            f"{fmean(a.arness['global@1'] for a in answers):.2f}",
            " ".join(f"{fmean(values):.2f}" for values in inside),
            f"{sum(a.seconds for a in answers):.1f}",
        ]


def comparison(runs: Sequence[Run]) -> Table:
    """One line per run."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for run in runs:
        table.add_row(*run.cells())
    return table
