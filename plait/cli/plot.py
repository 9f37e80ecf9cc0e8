"""`plait plot`: figures of traces and of SeqDep rows."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ..errors import PlaitError


class Kind(StrEnum):
    """What to draw."""

    heat = "heat"
    arness = "arness"
    seqdep = "seqdep"


def plot(
    kind: Annotated[Kind, Argument(help="heat, arness (of traces) or seqdep (of its rows).")],
    sources: Annotated[
        list[Path], Argument(help="Trace files, or files that 'measure seqdep --output' wrote.")
    ],
    target: Annotated[Path, Option("--output", "-o", help="A .png, .svg or .pdf file.")],
    row: Annotated[int, Option(min=1, help="Which trace of the file, from 1 (heat).")] = 1,
) -> int:
    """Draw where rounds wrote, ARness against k, or SeqDep against length."""
    from ..measure import trace_file
    from ..view import plots

    if not target.parent.is_dir():
        raise PlaitError(f"there is no folder '{target.parent}' for the figure")
    if target.suffix not in plots.ENDINGS:
        raise PlaitError(f"'{target}': a figure ends on {', '.join(plots.ENDINGS)}")
    if kind is Kind.heat and len(sources) > 1:
        raise PlaitError("a heat map shows one trace: give one file")
    if kind is Kind.seqdep:
        figure = plots.dependence({path.stem: rows(path) for path in sources})
    else:
        runs = {path.stem: trace_file.read(path)[0] for path in sources}
        for path in sources:
            if len(runs[path.stem]) < (row if kind is Kind.heat else 1):
                raise PlaitError(f"{path} holds {len(runs[path.stem])} traces")
        one = runs[sources[0].stem]
        figure = plots.heat(one[row - 1]) if kind is Kind.heat else plots.arness(runs)
    plots.save(figure, target)
    return 0


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows that `measure seqdep --output` wrote; PlaitError names file and line."""
    if not path.is_file():
        raise PlaitError(f"there is no file '{path}'")
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            record = json.loads(line.decode("utf-8"))
        except ValueError:
            record = None
        if not isinstance(record, dict) or not {"tokens", "alone"} <= record.keys():
            raise PlaitError(f"{path}, line {number}: this is no row of 'plait measure seqdep'")
        found.append(record)
    if not found:
        raise PlaitError(f"{path} holds no rows")
    return found
