"""`plait bench`: how fast a model can run here, and how fast it does."""

from pathlib import Path
from typing import Annotated

from typer import Option

from ..errors import PlaitError, unknown
from . import _options as o


def bench(
    shape: Annotated[str, Option(help="tiny, smollm2, llada-8b or dream-7b.")] = "tiny",
    part: Annotated[
        list[str] | None, Option(help="A part only; may be repeated. Default: all but 'against'.")
    ] = None,
    against: Annotated[
        bool, Option("--against", help="Also run a plain reference loop, for a ratio.")
    ] = False,
    layers: Annotated[int | None, Option(min=1, help="Fewer layers than the model has.")] = None,
    small: Annotated[bool, Option("--small", help="Short canvases: see that it runs.")] = False,
    out: Annotated[Path | None, Option("--json", help="Write the figures to this file.")] = None,
    table: Annotated[
        list[Path] | None,
        Option(help="Measure nothing: print such a file as tables. May be repeated."),
    ] = None,
    device: o.Device = None,
    dtype: Annotated[str | None, Option(help="Default: bfloat16 on a GPU, else float32.")] = None,
) -> int:
    """Measure forward passes, cached steps, the head and whole decodes of random weights."""
    if table:
        from ..bench import table as tables

        print(tables.table([tables.read(path) for path in table]), end="")
        return 0
    from ..bench import report, shapes
    from ..bench.setting import Setting
    from ..models import fit
    from ..models.load import read_device, read_dtype

    place = read_device(device)
    kind = dtype or ("bfloat16" if place.type == "cuda" else "float32")
    parts = part or [name for name in report.PARTS if against or name != "against"]
    for name in parts:
        if name not in report.PARTS:
            raise unknown("part", name, report.PARTS)
    if against and "against" not in parts:
        parts = [*parts, "against"]
    if out is not None and not out.parent.is_dir():
        raise PlaitError(f"there is no folder '{out.parent}' for the figures")
    config = shapes.shape(shape, layers)
    fit.check(shape, config, place, kind)
    setting = Setting(config, place, read_dtype(kind), small)
    report.run(setting, shape, parts, out)
    return 0
