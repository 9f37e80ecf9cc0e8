"""`plait audit`: a report on a training set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from . import _options as o
from ._table import listed
from .measure import Header, Prompt, ScorerName, Source, lines

Against = Annotated[
    list[Path] | None, Option("--against", help="A test set to look for; may be repeated.")
]
Segments = Annotated[
    str | None,
    Option(help="As of 'plait measure'. Default: path if all records have paths."),
]
Sample = Annotated[int, Option(min=1, help="Records that SeqDep is measured on.")]


def audit(
    source: Source,
    against: Against = None,
    scorer: ScorerName = None,
    segments: Segments = None,
    prompt: Prompt = "{prompt}",
    header: Header = r"\nSolution:\n",
    sample: Sample = 100,
    as_json: o.Json = False,
    device: o.Device = None,
    dtype: o.Dtype = "float32",
) -> int:
    """Report on a training set: lengths, duplicates, right answers, contamination, SeqDep."""
    from ..files import as_json as line_of
    from ..measure.audit import audit as report
    from ..measure.audit import contamination, named, words
    from ..measure.corpus import prompts, read
    from ..measure.dependence import Settings

    records = read(source)
    tests = {name: prompts(path) for name, path in named(against or []).items()}
    found: dict[str, Any] = report(records, words)
    for name, problems in tests.items():
        found[f"against {name}"] = contamination(records, problems)
    if scorer is not None:
        kind = segments or ("path" if all(len(r.paths) > 1 for r in records) else "step")
        settings = Settings(kind, lines(prompt), lines(header) if kind == "path" else "")
        found["seqdep"] = _seqdep(records[:sample], str(source), settings, scorer, device, dtype)
    if as_json:
        print(line_of(found))
        return 0
    listed(found)
    return 0


def _seqdep(
    records: Sequence[Any],
    source: str,
    settings: Any,
    name: str,
    device: str | None,
    dtype: str,
) -> dict[str, Any]:
    """SeqDep of some records with its controls, under what it was measured."""
    import torch

    from ..measure.dependence import examine, summaries
    from ..measure.scorers import load_scorer

    scorer = load_scorer(name, device, dtype)
    with torch.inference_mode():
        rows = list(examine(records, scorer.encode, scorer, settings, source=source))
    found: dict[str, Any] = {"scorer": name, "dtype": dtype, "segments": settings.segments}
    for row in summaries(rows):
        for key in ("texts", "tokens_per_segment", "seqdep", "interval95", "per_token"):
            found[f"{row['order']} {key}"] = row[key]
    return found
