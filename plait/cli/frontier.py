"""`plait frontier`: accuracy against speed, for several methods and budgets."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from .. import files
from ..errors import PlaitError
from . import _evaluation as e
from . import _options as o
from ._options import options_of
from ._say import INTERRUPTED, say
from ._session import Request, Session

if TYPE_CHECKING:
    from ..eval.frontier import Cell

Methods = Annotated[
    str, Option(help="With commas; METHOD:option=value:option=value sets options of one.")
]
Budgets = Annotated[str, Option("--tokens-per-round", help="With commas.")]


@dataclass(frozen=True)
class Plan:
    """A cell that is wanted."""

    spelt: str  # the method as the user wrote it
    budget: int | None
    request: Request


def frontier(
    model: e.Model = "plait-tiny",
    task: Annotated[str, Option(help="A benchmark, or several with commas.")] = "sudoku4",
    methods: Methods = "nap,confidence,ar,random",
    tokens_per_round: Budgets = "1,2,4,8",
    adapter: o.Adapter = None,
    quantize: o.Quantize = None,
    streams: o.Streams = None,
    length: o.Length = None,
    summary: o.Summary = None,
    temperature: o.Temperature = 0.0,
    seed: o.Seed = 0,
    device: o.Device = None,
    dtype: o.Dtype = "float32",
    batch_size: o.BatchSize = 8,
    limit: e.Limit = None,
    data_dir: e.DataDir = None,
    out: e.Folder = Path("frontier"),
    allow_code: e.AllowCode = False,
    chat: e.Chat = True,
    as_json: o.Json = False,
) -> int:
    """Draw accuracy against rounds, forwards, seconds and tokens per second."""
    asked = Request.of({k: v for k, v in locals().items() if k != "tokens_per_round"})
    plans = wanted(asked, methods, tokens_per_round)
    questions = e.Questions.read(task, limit, data_dir, allow_code, chat)
    e.check_place(out)
    session = questions.ready(plans[0].request.open())
    e.warn(session, questions.items)
    try:
        cells = [_cell(questions, session, plan, out) for plan in plans]
    except KeyboardInterrupt:
        say(f"stopped; run the same command again to continue {out}")
        return INTERRUPTED
    _tell(questions, session, cells, out, as_json)
    return 0


def wanted(asked: Request, methods: str, budgets: str) -> list[Plan]:
    """The cells, method by method; PlaitError for a name, an option or a number that is none."""
    numbers = e.whole("--tokens-per-round", budgets)
    plans = []
    for spelt in e.split(methods):
        name, *settings = spelt.split(":")
        request = replace(asked, method=name, settings=tuple(settings))
        own = "budget" not in options_of(name)
        for budget in [None] if own else numbers:
            plans.append(Plan(spelt, budget, replace(request, tokens_per_round=budget)))
            plans[-1].request.decoding()
    if not plans:
        raise PlaitError("there is nothing to do: give --methods, and --tokens-per-round")
    return plans


def _cell(questions: e.Questions, session: Session, plan: Plan, out: Path) -> "Cell":
    """Answer what a cell lacks; it has a folder of its own, so that a new one costs only itself."""
    from ..eval.frontier import Cell

    session = replace(session, request=plan.request, decoding=plan.request.decoding())
    method, _, options = plan.spelt.partition(":")
    empty = Cell(method, options, plan.budget, ())
    tasks = "+".join(benchmark.name for benchmark in questions.benchmarks)
    folder = out / "cells" / tasks / empty.name.replace("/", "_")
    return replace(empty, samples=tuple(questions.samples(session, folder, what=empty.name)))


def _tell(
    questions: e.Questions, session: Session, cells: "list[Cell]", out: Path, as_json: bool
) -> None:
    """Write table, record and figure, and print one of the first two."""
    from ..eval import facts, report
    from ..eval.figure import draw
    from ..eval.frontier import record, table

    name = "+".join(benchmark.name for benchmark in questions.benchmarks)
    told = facts.of_run(questions.items) | {"batch_size": session.request.batch_size}
    settings = {
        k: v
        for k, v in questions.settings(session).items()
        if k not in ("method", "tokens_per_round", *options_of(session.request.method))
    }
    text = files.as_json(record(cells, settings | told))
    page = f"{table(cells)}\n\nConditions: {report.conditions(settings, told)}.\n"
    files.write_whole(out / f"{name}.json", text + "\n")
    files.write_whole(out / f"{name}.md", page)
    print(text if as_json else page, end="\n" if as_json else "")
    n = cells[0].figures.n
    note = f"{n} problems, 95 % intervals, {session.model.device.type}, {session.request.dtype}"
    try:
        draw(out / f"{name}.png", cells, f"{session.model.name} on {name}", note)
        say(f"table and figure are {out / name}.md, .json and .png")
    except PlaitError as error:
        say(f"{error}; the table is {out / name}.md")
