"""plait's own models: config.json holds the fields of `Config`, weights have our names."""

from dataclasses import fields

from ...errors import PlaitError
from ..config import Config
from ..family import Family, Settings, Tokens, usable

OTHERS = ("model_type", "layout", "tasks")  # what else a box says


def config(s: Settings) -> Config:
    """The fields of `Config` as they stand in the file."""
    wanted = {f.name for f in fields(Config)}
    shape = {k: v for k, v in s.values.items() if k in wanted and k not in OTHERS}
    try:
        return Config(**usable(Config, shape, s.path))
    except TypeError as error:
        raise PlaitError(f"{s.path}: {str(error).split(') ')[-1]}") from None


FAMILY = Family(("plait",), config, {}, Tokens("<mask>", "<eos>"))
