"""The benchmarks: one file each, and the folder is the list of them.

Each task of `plait/data/tasks` is a benchmark too: unseen problems drawn from a fixed seed.
"""

from ...data import tasks
from ...errors import unknown
from ...registry import Folder
from ..benchmark import Benchmark
from ..generated import Generated

_FOLDER = Folder("task", __name__, __file__)


def names() -> list[str]:
    """List the benchmarks by name."""
    return sorted({*_FOLDER.names(), *tasks.names()})


def load(name: str) -> Benchmark:
    """Make the benchmark `name`; `load("gsm8k")` is `gsm8k.gsm8k()`."""
    if name in tasks.names():
        return Generated(tasks.load(name), name)
    if name not in names():
        raise unknown("task", name, names())
    made: Benchmark = _FOLDER.load(name)
    return made
