"""`plait caches`: the caches, and what each of them recomputes."""

import json
from dataclasses import asdict
from typing import Annotated

from typer import Argument

from .. import cache
from . import _catalogue
from ._options import Json
from .methods import page, table

NOTES = (
    "--cache NAME, and --cache-set name=value for its options.\n"
    "Exact caches change no token; the others approximate."
)


def caches(
    name: Annotated[str | None, Argument(help="Show this cache only.", show_default=False)] = None,
    as_json: Json = False,
) -> int:
    """List the caches, or show one."""
    found = [_catalogue.entry(n, cache.FOLDER) for n in ([name] if name else cache.names())]
    if as_json:
        print(json.dumps(asdict(found[0]) if name else [asdict(e) for e in found], indent=2))
    elif name:
        print(page(found[0], "--cache-set"))
    else:
        table("cache", found, NOTES)
    return 0
