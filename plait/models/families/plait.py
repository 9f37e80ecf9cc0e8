"""plait's own models: config.json holds the fields of `Config`, weights have our names."""

from dataclasses import fields

from ...errors import PlaitError
from ..config import Config
from ..family import Family, Settings, Tokens

OTHERS = ("model_type", "layout", "tasks")  # what else a box says


def config(s: Settings) -> Config:
    """The fields of `Config` as they stand in the file."""
    wanted = {f.name: f.type for f in fields(Config)}
    shape = {k: v for k, v in s.values.items() if k in wanted and k not in OTHERS}
    for name, value in shape.items():
        if wanted[name] is float:
            good = isinstance(value, int | float)
        elif wanted[name] is int:
            good = (
                isinstance(value, int | float) and value == int(value) >= (name == "dropped") * -1
            )
        else:
            good = isinstance(value, bool if wanted[name] is bool else str)
        if not good:
            raise PlaitError(f"{s.path}: {name} = {value!r} is not a setting that can be used")
    try:
        return Config(**shape)
    except TypeError as error:
        raise PlaitError(f"{s.path}: {str(error).split(') ')[-1]}") from None


FAMILY = Family(("plait",), config, {}, Tokens("<mask>", "<eos>"))
