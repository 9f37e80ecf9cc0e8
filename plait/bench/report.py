"""Run the parts of a benchmark one by one; a part that fails does not lose the others."""

import gc
import json
import platform
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from . import decodes, passes, same, ties
from .box import box
from .eight import eight
from .setting import Setting
from .slots import slots

Part = Callable[[Setting], dict[str, Any]]
PARTS: dict[str, Part] = {
    "ceilings": passes.ceilings,
    "kernels": passes.kernels,
    "forward": passes.forward,
    "step": passes.step,
    "rounds": decodes.rounds,
    "eight": eight,
    "decode": decodes.decode,
    "against": decodes.against,
    "memory": decodes.memory,
    "gsm8k": decodes.gsm8k,
    "streams": decodes.streams,
    "same": same.same,
    "ties": ties.ties,
    "box": box,
    "slots": slots,
    "head": passes.head,
    "profile": passes.profile,
}


def conditions(s: Setting, name: str) -> dict[str, Any]:
    """What a reader must know to repeat the numbers."""
    gpu = s.gpu
    return {
        "plait": __version__,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if gpu else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "dtype": str(s.dtype).removeprefix("torch."),
        "shape": name,
        "layers": s.config.layers,
        "weights": "random",
        **({"canvases": "short"} if s.small else {}),
    }


def run(s: Setting, name: str, parts: Sequence[str], out: Path | None) -> dict[str, Any]:
    """Measure the parts; write what is known after each of them to `out`, if given."""
    report: dict[str, Any] = {"conditions": conditions(s, name)}
    for part in parts:
        start = time.perf_counter()
        try:
            found = PARTS[part](s)
        except Exception as error:  # the others may still run
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        s.latest = None
        gc.collect()  # what a part has captured must not count as the memory of the next
        if s.gpu:
            torch.cuda.empty_cache()
        report[part] = found
        print(f"{part} ({time.perf_counter() - start:.1f} s)", flush=True)
        for line in lines(found):
            print("  " + line, flush=True)
        write(report, out)
    for name, ratio in ratios(report).items():
        print(f"{name}: the engine is {ratio} times faster than the reference loop", flush=True)
    write(report, out)
    return report


def write(report: dict[str, Any], out: Path | None) -> None:
    """Write what is known so far, in one piece."""
    if out is not None:
        half = out.with_suffix(".tmp")
        half.write_text(json.dumps(report, indent=1))
        half.replace(out)


def lines(found: dict[str, Any]) -> list[str]:
    """A part as text, one line per entry; the ways that were chosen are for the file."""
    made = []
    for key, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items() if k != "ways")
        made.append(f"{key}: {value}")
    return made


def ratios(report: dict[str, Any]) -> dict[str, float]:
    """How many times faster the engine was than the reference loop; also added to the report."""
    ours, theirs = report.get("decode", {}), report.get("against", {})
    found = {}
    for name in sorted(ours.keys() & theirs.keys() - {"error"}):
        found[name] = round(theirs[name]["seconds"] / ours[name]["seconds"], 2)
        theirs[name]["engine is faster by"] = found[name]
    return found
