"""Recipes: a Python function per training run that returns its whole configuration.

`python -m plait.train NAME --set model.layers=9` changes one field of what NAME returns.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import PlaitError, unknown
from ..models import box
from ..models.transformer import Config
from .canvas_data import Rows
from .objective import Objective


@dataclass(frozen=True)
class Optimiser:
    """AdamW and its learning rate: warm-up by steps, then constant, then linear to zero."""

    rate: float = 2e-3  # at its highest
    warmup: int = 200  # steps
    cooldown: float = 0.7  # share of the run at the end in which the rate falls
    betas: tuple[float, float] = (0.9, 0.98)
    decay: float = 0.1  # of matrices; vectors have none
    clip: float = 1.0  # norm of the gradient

    def factor(self, step: int, share: float) -> float:
        """Learning rate relative to the highest, `share` of the run being over."""
        return min(1.0, (step + 1) / self.warmup, (1 - share) / self.cooldown)


@dataclass(frozen=True)
class Recipe:
    """All that decides the result of a training run, hardware and data on disk aside."""

    model: Config
    codec: Path  # tokenizer.json
    rows: Rows = Rows()
    objective: Objective = Objective()
    optimiser: Optimiser = Optimiser()
    average: float = 0.999  # decay of the average of weights, per step
    steps: int = 1_000_000
    minutes: float = 0.0  # 0 = no limit; whichever of steps and minutes is over first
    compiled: bool = True  # on CUDA only
    graphed: bool = False  # whole steps as CUDA graphs; on one CUDA device only
    half: bool = False  # residual stream in bfloat16; on CUDA only
    save_every: float = 2.0  # minutes
    log_every: int = 50  # steps
    seed: int = 0


def plait_tiny() -> Recipe:
    """The model in the box: 11 M parameters that solve our own tasks in parallel streams."""
    return Recipe(
        model=Config(vocab=768, width=320, layers=9, heads=5, kv_heads=5, hidden=896, context=304),
        codec=box.HERE / "plait-tiny" / box.CODEC,
        rows=Rows(positions=43_264),
        objective=Objective(weight="inverse", normaliser="free"),
        optimiser=Optimiser(rate=1.5e-3),
        graphed=True,
        half=True,
    )


def toy() -> Recipe:
    """A run of seconds on a CPU, for tests and for a first look."""
    return Recipe(
        model=Config(vocab=768, width=32, layers=2, heads=2, kv_heads=1, hidden=64, head_dim=16),
        codec=box.HERE / "plait-tiny" / box.CODEC,
        rows=Rows(positions=2496, workers=0),
        optimiser=Optimiser(rate=1e-2, warmup=5),
        average=0.9,
        steps=20,
        log_every=5,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {"plait_tiny": plait_tiny, "toy": toy}


def load(name: str, settings: list[str] | None = None) -> Recipe:
    """The recipe `name` with `settings` like "model.layers=9" applied."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    changes: dict[str, str] = {}
    for setting in settings or []:
        path, equals, text = setting.partition("=")
        if not equals:
            raise PlaitError(f"'{setting}' is not of the form field=value")
        changes[path] = text
    return change(RECIPES[name](), changes)


def change(part: Any, texts: Mapping[str, str]) -> Any:
    """A copy of the dataclass `part` with fields, named like "model.layers", read from texts.

    All change together, since some values only fit each other.
    """
    known = [f.name for f in fields(part)]
    inner: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        name, _, rest = path.partition(".")
        inner.setdefault(name, {})[rest] = text
    new = {}
    for name, changes in inner.items():
        if name not in known:
            raise unknown("setting", name, known)
        old = getattr(part, name)
        if is_dataclass(old) == ("" in changes):
            raise PlaitError(f"setting '{name}' {'has' if '' in changes else 'has no'} fields")
        new[name] = _value(name, old, changes[""]) if "" in changes else change(old, changes)
    return replace(part, **new)


def _value(name: str, old: Any, text: str) -> Any:
    """`text` read as a value of the type of `old`."""
    if isinstance(old, str | Path):
        return type(old)(text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(old, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(old):
        raise PlaitError(f"setting '{name}' is a {type(old).__name__}, which '{text}' is not")
    return value
