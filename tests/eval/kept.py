"""What a folder of results holds, for comparisons."""

import json
from pathlib import Path

from plait.measure import trace_file

TASKS = "countdown,multiply"  # short enough for the small model
TIMES = {"clock", "seconds", "trace"}


def samples(folder: Path) -> dict[tuple[str, str], dict]:
    """The samples by item, without what depends on time; each stands there once."""
    rows = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    found = {(r["task"], r["id"]): {k: v for k, v in r.items() if k not in TIMES} for r in rows}
    assert len(found) == len(rows)
    return found


def figures(folder: Path) -> dict:
    tasks = json.loads((folder / "results.json").read_text())["tasks"]
    timed = ("seconds", "tokens_per_second")
    return {t: {k: v for k, v in f.items() if k not in timed} for t, f in tasks.items()}


def traces(folder: Path) -> dict[int, tuple]:
    """The traces by key; each belongs to the sample whose line says where it is."""
    found, header = trace_file.read(folder / "traces.jsonl.gz")
    assert header == json.loads((folder / "settings.json").read_text())
    kept = {t.key: (t.replay().tolist(), t.position.tolist(), t.rounds) for t in found}
    assert len(kept) == len(found)
    return kept


def same(one: Path, other: Path) -> bool:
    return (samples(one), figures(one), traces(one)) == (
        samples(other),
        figures(other),
        traces(other),
    )
