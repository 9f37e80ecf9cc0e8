"""`plait stability`: does an answer depend on batch, order, precision or seed, and why?"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from .. import files
from ..errors import PlaitError
from . import _evaluation as e
from . import _options as o
from ._options import options_of
from ._say import INTERRUPTED, say
from ._session import Request, Session

if TYPE_CHECKING:
    from ..eval.stability import Change, Run, Variant

COLUMNS = ("method", "run", "against", "differ by", "n", "answers", "decodings")
WHY = ("tie", "rounding", "a bar was crossed", "unexplained")


@dataclass(frozen=True)
class Comparison:
    """Two runs of a method, and what differs."""

    method: str
    run: str
    against: str
    by: str
    n: int
    decodings: int  # items in which any token, place or round differs
    changes: "list[Change]"  # of answers


def stability(
    model: e.Model = "plait-tiny",
    tasks: e.Tasks = "chain,countdown,multiply,sudoku4",
    methods: Annotated[str, Option(help="With commas.")] = "nap",
    batches: Annotated[str, Option(help="Batch sizes, with commas.")] = "1,4,32",
    dtypes: Annotated[str, Option(help="Precisions, with commas.")] = "float32,bfloat16",
    seeds: Annotated[str, Option(help="With commas.")] = "0,1",
    tokens_per_round: o.TokensPerRound = None,
    temperature: o.Temperature = 0.0,
    streams: o.Streams = None,
    length: o.Length = None,
    summary: o.Summary = None,
    device: o.Device = None,
    limit: e.Limit = 8,
    data_dir: e.DataDir = None,
    out: e.Folder = Path("stability"),
    allow_code: e.AllowCode = False,
    chat: e.Chat = True,
    as_json: o.Json = False,
) -> int:
    """Run one evaluation in many ways, and explain every answer that changes."""
    from ..eval.stability import variants

    asked = Request.of(locals())
    runs = variants(e.split(dtypes), e.whole("--seeds", seeds), e.whole("--batches", batches))
    questions = e.Questions.read(tasks, limit, data_dir, allow_code, chat)
    requests = [_request(asked, method) for method in e.split(methods)]
    e.check_place(out)
    if not requests or not runs:
        raise PlaitError("there is nothing to do: give --methods, --batches, --dtypes and --seeds")
    found: list[Comparison] = []
    try:
        sessions = {
            dtype: questions.ready(replace(requests[0], dtype=dtype).open())
            for dtype in dict.fromkeys(variant.dtype for variant, *_ in runs)
        }
        for request in requests:
            found += _method(questions, sessions, request, runs, out)
    except KeyboardInterrupt:
        say(f"stopped; run the same command again to continue {out}")
        return INTERRUPTED
    _tell(found, out, as_json)
    return 0


def _request(asked: Request, method: str) -> Request:
    own = "budget" not in options_of(method)
    request = replace(asked, method=method)
    request = replace(request, tokens_per_round=None) if own else request
    request.decoding()
    return request


def _method(
    questions: e.Questions,
    sessions: dict[str, Session],
    request: Request,
    runs: "Sequence[tuple[Variant, Variant | None, str]]",
    out: Path,
) -> list[Comparison]:
    """Every run of a method, compared as soon as there is what it is compared with."""
    done: dict[Variant, Run] = {}
    found = []
    for variant, base, by in runs:
        own = replace(request, seed=variant.seed, batch_size=variant.batch, dtype=variant.dtype)
        session = replace(sessions[variant.dtype], request=own, decoding=own.decoding())
        items = list(questions.items)
        if variant.shuffled:
            Random(0).shuffle(items)
        folder = out / "runs" / request.method / variant.name
        done[variant] = _run(replace(questions, items=items), session, folder)
        if base is not None:
            found.append(_compare(sessions, request, done, variant, base, by))
    return found


def _run(questions: e.Questions, session: Session, folder: Path) -> "Run":
    from ..eval.results import TRACES
    from ..eval.stability import Run
    from ..measure import trace_file

    what = f"{folder.parent.name} {folder.name}"
    samples = {sample.name: sample for sample in questions.samples(session, folder, what=what)}
    traces, _ = trace_file.read(folder / TRACES)
    return Run(samples, {trace.key: trace for trace in traces})


def _compare(
    sessions: dict[str, Session],
    request: Request,
    done: "dict[Variant, Run]",
    variant: "Variant",
    base: "Variant",
    by: str,
) -> Comparison:
    from ..eval.stability import Change, explain, pairs, same
    from ..models.load import read_dtype

    exact = sessions[base.dtype]
    both = list(pairs(done[base], done[variant]))
    changes = []
    for before, after, one, other in both:
        if before.answer == after.answer:
            continue
        canvas = exact.layout.build(exact.model.codec, [before.prompt], [before.key])
        reason = explain(
            exact.model.denoiser,
            canvas.to(exact.model.device),
            one,
            other,
            read_dtype(variant.dtype),
        )
        changes.append(Change(before.name, before.answer, after.answer, *reason))
    decodings = sum(not same(one, other) for _, _, one, other in both)
    return Comparison(request.method, variant.name, base.name, by, len(both), decodings, changes)


def _tell(found: list[Comparison], out: Path, as_json: bool) -> None:
    from ..eval.report import markdown

    rows = []
    for one in found:
        why = [change.why for change in one.changes]
        counts = (one.n, len(one.changes), one.decodings, *(why.count(kind) for kind in WHY))
        rows.append((one.method, one.run, one.against, one.by, *map(str, counts)))
    page = f"{markdown((*COLUMNS, *WHY), rows)}\n{_listed(found)}"
    record = files.as_json({"comparisons": [_record(one) for one in found]})
    files.write_whole(out / "stability.json", record + "\n")
    files.write_whole(out / "stability.md", page)
    print(record if as_json else page, end="\n" if as_json else "")
    say(f"all runs, and what changed, are in {out}")


def _record(one: Comparison) -> dict[str, Any]:
    changes = [asdict(change) | {"why": change.why} for change in one.changes]
    return asdict(one) | {"answers": len(changes), "changes": changes}


def _listed(found: list[Comparison]) -> str:
    """Every change on a line: what it was, what it became, and why."""
    lines = []
    for one, change in itertools.chain.from_iterable(((c, x) for x in c.changes) for c in found):
        gap = "" if change.gap is None else f", {change.gap:.2g} nats apart"
        lines.append(
            f"- {one.method} {one.run}: {' '.join(change.name)}: '{change.before}' became "
            f"'{change.after}' in round {change.round} ({change.why}{gap})\n"
        )
    return "\n" + "".join(lines) if lines else ""
