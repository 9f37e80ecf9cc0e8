"""The families of checkpoints that plait loads. The folder is the registry, a file a family.

Each file holds `FAMILY`. It is chosen by `architectures` or `model_type` of config.json.
"""

from importlib import import_module
from pathlib import Path

from ...errors import unknown
from ..family import Family, Settings


def names() -> list[str]:
    """Return the names of all families."""
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


def load(name: str) -> Family:
    """Return the family of the file `name`."""
    family: Family = import_module(f"{__name__}.{name}").FAMILY
    return family


def of(settings: Settings) -> tuple[str, Family]:
    """Return the family of a config.json with its name; PlaitError if there is none."""
    every = {name: load(name) for name in names()}
    for kind in settings.kinds():
        for name, family in every.items():
            if kind in family.types:
                return name, family
    known = [kind for family in every.values() for kind in family.types]
    found = settings.model_type or next(iter(settings.kinds()), "")
    raise unknown(f"architecture in {settings.path}:", found, known)
