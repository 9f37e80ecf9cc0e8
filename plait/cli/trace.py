"""`plait trace`: look into trace files, compare them, import those of other programs."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ..errors import PlaitError
from ._options import Json
from ._table import table

if TYPE_CHECKING:
    from ..trace import Trace


class Action(StrEnum):
    """What to do."""

    show = "show"
    replay = "replay"
    diff = "diff"
    html = "html"
    bring = "import"


FileOption = Annotated[list[Path], Argument(help="Trace files; two for diff, one or two for html.")]
Target = Annotated[Path | None, Option("--output", "-o", help="The file to write.")]
Row = Annotated[int, Option(min=1, help="Which trace of a file, from 1 (replay, html).")]
Metrics = Annotated[list[str] | None, Option("--metric", help="Only this metric; may be repeated.")]
Rate = Annotated[float, Option(min=0.1, help="Rounds per second (replay).")]
Form = Annotated[
    str, Option(help="What is imported: canvases (one per step) or steps (one per token).")
]
MaskId = Annotated[int | None, Option(help="Id of the mask token (import).")]
EosId = Annotated[int | None, Option(help="Id that ends a text (import). Default: none.")]
PromptLength = Annotated[
    int | None, Option(min=0, help="Positions of the prompt (import). Default: those never masked.")
]
Tokenizer = Annotated[
    str | None, Option(help="Model folder or hub id whose tokenizer tells the texts (import).")
]


def trace(
    action: Annotated[Action, Argument(help="show, replay, diff, html or import.")],
    files: FileOption,
    target: Target = None,
    row: Row = 1,
    metric: Metrics = None,
    as_json: Json = False,
    rate: Rate = 12.0,
    form: Form = "canvases",
    mask_id: MaskId = None,
    eos_id: EosId = None,
    prompt_length: PromptLength = None,
    tokenizer: Tokenizer = None,
) -> int:
    """Look into trace files, compare two, replay them, or import other programs' records."""
    most = {Action.diff: 2, Action.html: 2}.get(action, 1)
    if len(files) > most or (action is Action.diff and len(files) < 2):
        raise PlaitError(f"plait trace {action.value} takes {most} file{'s' * (most > 1)}")
    if action is Action.show:
        return _show(files[0], metric, as_json)
    if action is Action.diff:
        return _diff(files[0], files[1], as_json)
    if action is Action.replay:
        return _replay(files[0], row, rate)
    out = _place(action, target, files)
    if action is Action.html:
        return _html(files, row, out)
    settings = {"mask_id": mask_id, "eos_id": eos_id, "prompt_length": prompt_length}
    return _import(files[0], out, form, settings, tokenizer)


def _place(action: Action, target: Path | None, files: list[Path]) -> Path:
    if target is None:
        raise PlaitError(f"plait trace {action.value} writes a file: name it with -o")
    if not target.parent.is_dir():
        raise PlaitError(f"there is no folder '{target.parent}' for the output")
    if target.is_dir() or any(target.exists() and target.samefile(f) for f in files if f.exists()):
        raise PlaitError(f"-o {target}: name a file that is not read")
    return target


def _read(path: Path) -> "tuple[list[Trace], dict[str, Any]]":
    from ..measure import trace_file

    traces, conditions = trace_file.read(path)
    if not traces:
        raise PlaitError(f"{path} holds no trace")
    return traces, conditions


def _one(path: Path, row: int) -> "tuple[Trace, dict[str, Any]]":
    traces, conditions = _read(path)
    if row > len(traces):
        raise PlaitError(f"{path} has rows 1 to {len(traces)}; there is no row {row}")
    return traces[row - 1], conditions


def _show(path: Path, wanted: list[str] | None, as_json: bool) -> int:
    from ..files import as_json as line_of
    from ..measure import metrics
    from ..measure.report import means, values

    traces, conditions = _read(path)
    names = wanted or metrics.names()
    each = [values(names, trace, f"{path}, row {n}", wanted is not None) for n, trace in
            enumerate(traces, 1)]  # fmt: skip
    if as_json:
        for n, found in enumerate(each, 1):
            print(line_of({"row": n, **found}))
        return 0
    print("; ".join(f"{k} {v}" for k, v in conditions.items() if not isinstance(v, dict | list)))
    print(f"{len(traces)} trace{'s' * (len(traces) > 1)}; means over them:\n")
    table(means(each))
    return 0


def _diff(one: Path, other: Path, as_json: bool) -> int:
    from ..files import as_json as line_of
    from ..measure.difference import difference

    (mine, _), (theirs, _) = _read(one), _read(other)
    if len(mine) != len(theirs):
        raise PlaitError(
            f"{one} holds {len(mine)} traces and {other} {len(theirs)}; "
            "compare runs of the same prompts"
        )
    rows = []
    for n, pair in enumerate(zip(mine, theirs, strict=True), 1):
        try:
            rows.append({"row": n, **difference(*pair)})
        except PlaitError as error:
            raise PlaitError(f"{one} and {other}, row {n}: {error}") from None
    if as_json:
        for row in rows:
            print(line_of(row))
    else:
        table(rows)
    return 0 if all(row["first_round"] is None for row in rows) else 1


def _replay(path: Path, row: int, rate: float) -> int:
    from rich.console import Console

    from ..view.replay import replay

    trace, _ = _one(path, row)
    replay(trace, Console(highlight=False), rate)
    return 0


def _html(files: list[Path], row: int, target: Path) -> int:
    from ..files import write_whole
    from ..view.page import page

    sides = [(path.name, *_one(path, row)) for path in files]
    write_whole(target, page(sides))
    return 0


def _import(
    source: Path, target: Path, form: str, settings: dict[str, Any], tokenizer: str | None
) -> int:
    from ..layout import plain
    from ..measure import history_file, trace_file
    from ..measure.label import labelled, words_of
    from ..models.codec import TokenizerCodec

    words = None if tokenizer is None else words_of(tokenizer)
    for key in ("mask_id", "eos_id"):
        if words is not None and settings[key] is None:
            settings[key] = words.id(words.named.get(key.replace("_id", "_token"), ""))
    traces = history_file.read(source, form, settings)
    if words is not None:
        traces = [
            labelled(t, TokenizerCodec(words.definition, t.mask_id, t.eos_id), plain(1))
            for t in traces
        ]
    trace_file.write(target, traces, {"imported": source.name, "form": form})
    print(f"{target} holds the traces of {len(traces)} row{'s' * (len(traces) > 1)}")
    return 0
