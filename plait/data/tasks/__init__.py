"""The tasks: one file each, and the folder is the list of them."""

import importlib
import inspect
import pkgutil
from typing import Any

from plait.data.problem import Task
from plait.errors import unknown


def names() -> list[str]:
    """List the tasks by name."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str, **settings: Any) -> Task:
    """Make the task `name`; `load("chain", deepest=5)` is `chain.chain(deepest=5)`."""
    if name not in names():
        raise unknown("task", name, names())
    make = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    known = inspect.signature(make).parameters
    for key in settings:
        if key not in known:
            raise unknown(f"setting of {name}", key, known)
    task: Task = make(**settings)
    return task
