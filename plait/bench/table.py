"""Figures of benchmarks as tables, with the goals that the project has set itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PlaitError

Report = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A number that a part of a report should reach: at least `low`, or at most `high`."""

    name: str
    part: str
    keys: tuple[str, ...]
    low: float | None = None
    high: float | None = None

    def line(self, report: Report) -> str | None:
        """A row of the table; None if the report does not know the number."""
        value: Any = report.get(self.part, {})
        for key in self.keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, (int, float)):
            return None
        if self.low is not None:
            wanted, met = f"at least {self.low:g}", value >= self.low
        else:
            assert self.high is not None
            wanted, met = f"at most {self.high:g}", value <= self.high
        return f"| {self.name} | {wanted} | {value:g} | {'yes' if met else 'no'} |"


def read(path: Path) -> Report:
    """The figures in a file that `plait bench --json` wrote; PlaitError if it is none."""
    try:
        report = json.loads(path.read_text())
        assert "device" in report["conditions"]
    except (ValueError, KeyError, TypeError, AssertionError):
        raise PlaitError(f"{path} holds no figures of 'plait bench --json'") from None
    return dict(report)


def _faster(name: str, part: str, key: str, low: float) -> Goal:
    return Goal(f"times faster, {name}", part, (key, "engine is faster by"), low=low)


LLADA = (
    *(
        Goal(f"forward, {n} positions: share of the floor", "forward", (n, "share"), low=low)
        for n, low in (("512", 0.83), ("1024", 0.86), ("2048", 0.86))
    ),
    *(
        Goal(f"8 bits, {n} positions: times faster", "eight", (n, "times faster"), low=1.4)
        for n in ("1024", "2048")
    ),
    *(
        Goal(f"cached step, {n} of 1,174 positions: ms", "step", (n, "ms"), high=high)
        for n, high in (("1 x 32", 6.0), ("3 x 32", 6.0), ("8 x 32", 7.0))
    ),
    Goal("cached steps: slowest over fastest", "step", ("slowest over fastest",), high=1.2),
    *(
        Goal(f"round without its forward, {n}: share", "rounds", (n, key), high=high)
        for key in ("rest, share of forward",)
        for n, high in (("no cache, 512", 0.05), ("no cache, 1024", 0.05), ("dual", 0.15))
    ),
    *(
        _faster(f"{text} than the reference loop", "against", text, low)
        for text, low in (
            ("256 tokens, 1 per round, no cache", 2),
            ("1024 tokens, 4 per round, no cache", 2),
            ("256 tokens, 1 per round, dual", 4),
            ("1024 tokens, 4 per round, dual", 4),
        )
    ),
    Goal("memory besides weights, keys and values, 32 x 1,024: GB", "memory", ("rest GB",), high=1),
    Goal(
        "1,319 problems of 256 tokens: minutes", "gsm8k", ("minutes for 1,319 problems",), high=15
    ),
)
BOX = (
    *(
        _faster(f"{n} than the plain loop, model in the box, batch 32", "box", n, 2)
        for n in ("no cache", "dual")
    ),
    Goal("rows equal to the plain loop's in float32", "same", ("float32", "equal rows"), low=1),
)


def table(reports: Sequence[Report]) -> str:
    """All reports as Markdown: conditions, goals where there are any, and what was measured."""
    reports = [_hot(report) for report in reports]
    return "\n".join(line for report in reports for line in _one(report)).rstrip() + "\n"


def _hot(report: Report) -> Report:
    """With full passes also as shares of the ceiling of a hot device; arithmetic bounds them."""
    by = report.get("ceilings", {})
    if "TFLOP/s, hot" not in by or "error" in report.get("forward", {}):
        return report
    rise = by["TFLOP/s"] / by["TFLOP/s, hot"]
    rows = report.get("forward", {}).items()
    return report | {
        "forward": {n: row | {"share, hot": round(row["share"] * rise, 3)} for n, row in rows}
    }


def _one(report: Report) -> list[str]:
    told = report["conditions"]
    made = [f"## {told.get('shape', told.get('code', 'other code'))}, {told['device']}", ""]
    made += [", ".join(f"{key} {value}" for key, value in told.items()) + ".", ""]
    goals = (LLADA if told.get("shape") == "llada-8b" else ()) + BOX
    full = "canvases" not in told  # goals say of what size, and --small makes all smaller
    lines = [line for goal in goals if full and (line := goal.line(report))]
    if lines:
        made += ["| what | goal | found | met |", "|---|---|---|---|", *lines, ""]
    for part, found in report.items():
        if part != "conditions":
            made += [f"### {part}", "", *_part(found), ""]
    return made


def _part(found: dict[str, Any]) -> list[str]:
    """One part: rows of equal columns as a table, all else as a list."""
    rows = {k: v for k, v in found.items() if isinstance(v, dict) and _numbers(v)}
    made = []
    shown: list[str] = []
    for name, row in rows.items():
        columns = [key for key in row if key != "ways"]
        if columns != shown:
            shown = columns
            made += ["", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        made.append(f"| {name} | {' | '.join(str(row[key]) for key in columns)} |")
    rest = [f"- {key}: {_told(value)}" for key, value in found.items() if key not in rows]
    return [*made[1:], *([""] if made and rest else []), *rest]


def _numbers(row: dict[str, Any]) -> bool:
    """Are these columns, and not the names of operations with what they took?"""
    return any(isinstance(value, (int, float)) for value in row.values())


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"`{key}` {told}" for key, told in value.items())
    return str(value)
