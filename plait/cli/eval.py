"""`plait eval`: how many problems a model solves, and what it costs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .. import files
from . import _evaluation as e
from . import _options as o
from ._say import INTERRUPTED, say
from ._session import Request, Session

if TYPE_CHECKING:
    from ..eval.results import Sample


def eval(
    model: e.Model = "plait-tiny",
    tasks: e.Tasks = "chain,countdown,multiply,sudoku4",
    method: e.Method = "nap",
    inside: o.Inside = None,
    aux: o.Aux = None,
    adapter: o.Adapter = None,
    quantize: o.Quantize = None,
    streams: o.Streams = None,
    length: o.Length = None,
    summary: o.Summary = None,
    cross: o.Cross = None,
    tokens_per_round: o.TokensPerRound = None,
    rounds: o.Rounds = None,
    temperature: o.Temperature = 0.0,
    top_p: o.TopP = 1.0,
    top_k: o.TopK = 0,
    end_penalty: o.EndPenalty = 0.0,
    early_stop: o.EarlyStop = None,
    seed: o.Seed = 0,
    settings: o.Settings = None,
    device: o.Device = None,
    dtype: o.Dtype = "float32",
    engine: o.Engine = False,
    batch_size: o.BatchSize = 8,
    limit: e.Limit = None,
    data_dir: e.DataDir = None,
    out: e.Folder = Path("results"),
    allow_code: e.AllowCode = False,
    chat: e.Chat = True,
    ray: e.Ray = None,
    as_json: o.Json = False,
) -> int:
    """Evaluate a model on benchmarks, and keep every sample, trace and setting."""
    request = Request.of(locals())
    questions = e.Questions.read(tasks, limit, data_dir, allow_code, chat)
    request.decoding()
    e.check_place(out)
    session = questions.ready(request.open())
    e.warn(session, questions.items)
    try:
        with e.workers(session, questions, ray) as answering:
            samples = questions.samples(session, out, answering)
    except KeyboardInterrupt:
        say(f"stopped; run the same command again to continue {out}")
        return INTERRUPTED
    _tell(questions, session, samples, out, as_json)
    return 0


def _tell(
    questions: e.Questions, session: Session, samples: "list[Sample]", out: Path, as_json: bool
) -> None:
    """Write results.json and print the table."""
    from ..eval import facts, report
    from ..eval.results import RESULTS, measured

    found = report.by_task(samples)
    settings, told = questions.settings(session), facts.of_run(questions.items)
    told = measured(out, told | {"batch_size": session.request.batch_size})
    record = {"settings": settings, "run": told, "tasks": {k: asdict(f) for k, f in found.items()}}
    text = files.as_json(record)
    files.write_whole(out / RESULTS, json.dumps(json.loads(text), indent=1) + "\n")
    if as_json:
        print(text)
        return
    print(report.table(found))
    print(f"\nConditions: {report.conditions(settings, told)}.")
    say(f"samples, traces and settings are in {out}")
