"""One file per published decoding method; the folder is the registry."""

from typing import TYPE_CHECKING, Any

from ..registry import Folder

if TYPE_CHECKING:
    from ..decode import Decoder

FOLDER = Folder("method", __name__, __file__)
names, function = FOLDER.names, FOLDER.function


def load(name: str, **settings: Any) -> "Decoder":
    """Return the decoder of a method: `load("llada", block=16)`.

    Raises PlaitError for a method or a setting that does not exist.
    """
    decoder: Decoder = FOLDER.load(name, **settings)
    return decoder
