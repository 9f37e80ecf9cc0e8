"""`plait doctor`: what is installed here, and whether it can decode."""

import hashlib
import json
import os
import platform
import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from typer import Argument

from .. import __version__
from ..errors import PlaitError
from ._options import Json
from ._say import listed

NEEDED = ("torch", "numpy", "safetensors", "tokenizers", "jaxtyping", "rich", "typer")
BOX = Path(__file__).parents[1] / "models" / "box"  # named here since models.load brings torch
SUMS = "SHA256SUMS"  # beside the models in the box, as `sha256sum` writes it


def doctor(
    model: Annotated[str | None, Argument(help="Say instead whether this model fits.")] = None,
    as_json: Json = False,
) -> int:
    """Say what is installed here and whether it can decode, or whether a model fits."""
    if model is not None:
        return _fit(model, as_json)
    faults: list[str] = []
    versions = {name: _version(name) for name in NEEDED}
    faults += [f"{name} is not installed" for name, found in versions.items() if found is None]
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "plait": __version__,
        "packages": versions,
        "devices": [] if faults else _devices(),
        "models": _models(),
        "missing extras": _missing_extras(),
    }
    if not faults:
        faults += _model_faults(report["models"]) or _trial(report["models"][0]["name"])
    report |= {"faults": faults, "can decode": not faults}
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(_lines(report)))
    return 1 if faults else 0


def _fit(model: str, as_json: bool) -> int:
    """Print what a model needs, from its config alone, and what there is here."""
    import torch

    from ..models.fit import BITS, GIB, Fit, free
    from ..models.load import config_of

    fit = Fit.of(config_of(model))
    lengths = [n for n in (256, 1024, 4096, 16384) if n <= fit.config.context]
    lengths = lengths or [fit.config.context]
    cards = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
    places = {str(place): free(place) for place in (*cards, torch.device("cpu"))}
    report: dict[str, Any] = {"model": model, "weights": fit.weights, "free bytes": places}
    report["weight bytes"] = {p: fit.weight_bytes(p) for p in BITS}
    report["canvas bytes"] = {n: fit.canvas_bytes(n) for n in lengths}
    best = max(places.values())
    need = {p: b + report["canvas bytes"][lengths[0]] for p, b in report["weight bytes"].items()}
    report["fits"] = [p for p in BITS if need[p] <= best]
    if as_json:
        print(json.dumps(report, indent=2))
        return 0 if report["fits"] else 1
    print(f"{model}: {fit.weights / 1e9:.2f} billion weights, context {fit.config.context}")
    for precision, size in report["weight bytes"].items():
        rooms = [f"{where} {'yes' if size <= room else 'no'}" for where, room in places.items()]
        print(f"{precision:<10}{size / GIB:8.2f} GiB  fits: {', '.join(rooms)}")
    for length, size in report["canvas bytes"].items():
        print(f"{'canvas':<10}{size / GIB:8.2f} GiB  more for each row of {length} positions")
    for where, room in places.items():
        print(f"{'free':<10}{room / GIB:8.2f} GiB  on {where}")
    return 0 if report["fits"] else 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> list[str]:
    import torch

    cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    found = [f"{card.name}, {card.total_memory / 2**30:.0f} GiB" for card in cards]
    return [*found, f"CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads"]


def _models() -> list[dict[str, Any]]:
    """What the box holds: name, size, and whether the weights are those that were shipped."""
    sums = (BOX / SUMS).read_text() if (BOX / SUMS).is_file() else ""
    known = {line[66:]: line[:64] for line in sums.splitlines()}
    models = []
    for folder in sorted(p for p in BOX.iterdir() if (p / "config.json").is_file()):
        weights, hash = folder / "model.safetensors", "missing"
        if weights.is_file():
            with weights.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            recorded = known.get(f"{folder.name}/{weights.name}")
            hash = "not recorded" if recorded is None else "ok" if recorded == found else "differs"
        size = sum(p.stat().st_size for p in folder.iterdir())
        models.append({"name": folder.name, "bytes": size, "sha256": hash})
    return models


def _model_faults(models: list[dict[str, Any]]) -> list[str]:
    wrong = {
        "missing": "has no weights; install plait again",
        "differs": "has other weights than were shipped; install plait again",
    }
    faults = [f"{m['name']} {wrong[m['sha256']]}" for m in models if m["sha256"] in wrong]
    return faults if models else ["there is no model in the box; install plait again"]


def _trial(model: str) -> list[str]:
    """Decode a few tokens with `model`; return what went wrong."""
    import plait

    try:
        loaded = plait.load(model)
        tiny = loaded.layout(streams=1, length=4, summary=4)
        next(plait.generate(loaded, ["2 * 3 = ?"], layout=tiny, tokens_per_round=4))
    except PlaitError as error:
        return [str(error)]
    return []


def _missing_extras() -> dict[str, list[str]]:
    """Packages that are not installed, by the extra of plait that would bring them."""
    missing: dict[str, list[str]] = {}
    for line in metadata.requires("plait") or [] if find_spec("plait") else []:
        extra = re.search(r"""extra == ['"]([\w-]+)['"]""", line)
        package = re.match(r"[\w.-]+", line)
        if extra and package and _version(package[0]) is None:
            missing.setdefault(extra[1], []).append(package[0])
    return missing


def _lines(report: dict[str, Any]) -> list[str]:
    versions = {"plait": report["plait"], "python": report["python"], **report["packages"]}
    lines = [f"{name:<12}{found or 'not installed'}" for name, found in versions.items()]
    lines += [f"{'device':<12}{device}" for device in report["devices"]]
    for model in report["models"]:
        size = f"{model['bytes'] / 2**20:.1f} MiB"
        lines.append(f"{'model':<12}{model['name']}, {size}, hash {model['sha256']}")
    for extra, packages in report["missing extras"].items():
        command = f'pip install "plait[{extra}]"'
        lines.append(f"{'extra':<12}{extra} lacks {listed(packages)}: {command}")
    lines += [f"{'fault':<12}{fault}" for fault in report["faults"]]
    return [*lines, "", "plait can decode" if report["can decode"] else "plait cannot decode"]
