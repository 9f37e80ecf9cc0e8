"""One file per cache: what each calls stale. The folder is the registry."""

from typing import TYPE_CHECKING

from ..registry import Folder

if TYPE_CHECKING:
    from ..refresh import Cache

FOLDER = Folder("cache", __name__, __file__)
names, function = FOLDER.names, FOLDER.function


def load(name: str, **settings: object) -> "Cache":
    """Return a cache: `load("dual", refresh=8)`.

    Raises PlaitError for a cache or a setting that does not exist.
    """
    cache: Cache = FOLDER.load(name, **settings)
    return cache
