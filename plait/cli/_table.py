"""Rows of plain values as a table on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

MOST = 12  # items of a list that are shown


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows under their columns; what is the same in all rows stands above."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = list(dict.fromkeys(key for row in rows for key in row))
    same = [c for c in columns if len(rows) > 1 and len({str(row.get(c)) for row in rows}) == 1]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown = [c for c in columns if c not in same]
    for column in shown:
        grid.add_column(column.replace("_", " "), no_wrap=column == shown[0], overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_spelt(row.get(column))) for column in shown))
    console = Console(highlight=False)
    for column in same:
        console.print(f"{column.replace('_', ' ')}: {_spelt(rows[0][column])}")
    console.print(grid)


def listed(found: Mapping[str, Any]) -> None:
    """Print the figures of a report one below the other, those of an inner report with its name."""
    rows: list[dict[str, Any]] = []
    for key, value in found.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        rows += [{"measure": f"{key} {k}".strip(), "value": _cut(v)} for k, v in inner]
    table(rows)


def _cut(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST:
        return f"{' '.join(map(str, value[:MOST]))} ... ({len(value)} in all)"
    return value


def _spelt(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(map(_spelt, value))
    return "" if value is None else str(value)
