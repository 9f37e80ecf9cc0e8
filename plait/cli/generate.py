"""`plait generate`: decode prompts, or a file of prompts."""

from pathlib import Path

from ..errors import PlaitError
from . import _options as o
from ._file import answer_file
from ._resume import check_place
from ._session import Request
from ._show import as_records, as_text


def generate(
    prompts: o.Prompts = None,
    model: o.ModelName = "plait-tiny",
    adapter: o.Adapter = None,
    quantize: o.Quantize = None,
    method: o.Method = None,
    inside: o.Inside = None,
    aux: o.Aux = None,
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
    cache: o.Cache = None,
    cache_settings: o.CacheSettings = None,
    as_json: o.Json = False,
    live: o.Live = None,
    trace: o.TraceFile = None,
    source: o.Input = None,
    target: o.Output = None,
    device: o.Device = None,
    dtype: o.Dtype = "float32",
    engine: o.Engine = False,
    batch_size: o.BatchSize = 8,
    infill: o.Infill = None,
    schema: o.Schema = None,
) -> int:
    """Decode prompts, or a file of prompts."""
    own = "schema" if schema is not None else "confidence" if infill is not None else "nap"
    request = Request.of(locals() | {"method": method or own})
    if source is None and target is None:
        return _prompts(request, prompts or [], trace, as_json, live)
    return _file(request, source, target, bool(prompts or as_json or live or trace))


def _file(request: Request, source: Path | None, target: Path | None, more: bool) -> int:
    if source is None or target is None:
        raise PlaitError("--input and --output go together: give both")
    if more:
        raise PlaitError("prompts, --json, --live and --trace do not go with --input")
    if not source.is_file():
        raise PlaitError(f"there is no input file '{source}'")
    check_place(target, source)
    return answer_file(request.open(), source, target)


def _prompts(
    request: Request, prompts: list[str], trace: Path | None, json: bool, live: bool | None
) -> int:
    if not prompts:
        raise PlaitError("there are no prompts: write them after 'generate', or give --input")
    if trace is not None and not trace.parent.is_dir():
        raise PlaitError(f"there is no folder '{trace.parent}' for the trace")
    session = request.open()
    for prompt in prompts:
        session.check(prompt)
    session.warn(prompts)
    answers = as_records(session, prompts) if json else as_text(session, prompts, live)
    if trace is None:
        for _ in answers:
            pass
        return 0
    from ..measure import trace_file
    from ..measure.label import labelled

    codec, layout = session.model.codec, session.layout
    traces = (labelled(a.trace, codec, layout, a.prompt) for a in answers)
    trace_file.write(trace, traces, session.conditions())
    return 0
