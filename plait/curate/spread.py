"""A teacher on the workers of a Ray cluster, by Ray Data: the same paths, from more machines.

Workers ask and judge. What a worker was asked when it died is asked again. Keeping what came, and
making records of it, stay with the process that asks.
"""

import contextlib
import functools
import json
import logging
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import PlaitError, missing
from ..eval.spread import Place, joined
from . import teachers
from .check import judged
from .sample import Question
from .teachers import Gathered, Teacher

if TYPE_CHECKING:
    import pyarrow as pa

SHARE = 16  # questions that go to a worker together


@dataclass(frozen=True)
class Remote:
    """A teacher that workers load: its name, and its settings as JSON."""

    name: str
    settings: str
    place: Place

    def __call__(self, questions: Sequence[Question], count: int, seed: int) -> Gathered:
        """Yield (number of the question, its judged paths) as workers return them."""
        import pyarrow as pa
        from ray import data

        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        packed = [pickle.dumps(question) for question in questions]
        table = pa.table({"number": range(len(packed)), "question": packed})
        shares = [table.slice(i, SHARE) for i in range(0, len(packed), SHARE)]
        ask = functools.partial(_ask, teacher=self, count=count, seed=seed)
        gpus = 1 if self.place.device == "cuda" else 0
        done = data.from_arrow(shares).map_batches(
            ask, batch_size=None, batch_format="pyarrow", num_gpus=gpus
        )
        for row in done.iter_rows():
            if row["error"]:
                raise PlaitError(row["error"])
            yield row["number"], pickle.loads(row["paths"])


@contextlib.contextmanager
def spread(address: str, name: str, settings: dict[str, Any]) -> Iterator[Teacher]:
    """The teacher `name` on the cluster at an address ("local" starts one here).

    A teacher with a `device` gets one GPU per worker where this machine has one and `device` does
    not say otherwise. Raises PlaitError if there is no cluster, or no Ray Data.
    """
    import torch

    device = settings.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    on = str(device).partition(":")[0] if "device" in teachers.options_of(name) else "cpu"
    with joined(address):
        try:
            import pyarrow as pa  # noqa: F401
            from ray import data  # noqa: F401
        except ImportError:
            raise missing("--ray", "Ray Data", "ray") from None
        yield Remote(name, json.dumps(settings, sort_keys=True), Place.here(on))


def _ask(rows: "pa.Table", teacher: Remote, count: int, seed: int) -> "pa.Table":
    """The judged paths of some questions, on a worker.

    A user's error comes last, as a row of its own: Ray Data would tell it as its own, as text.
    """
    import pyarrow as pa

    questions = [pickle.loads(packed) for packed in rows["question"].to_pylist()]
    numbers, found = rows["number"].to_pylist(), []
    try:
        teacher.place.meet()
        for i, paths in _load(teacher.name, teacher.settings)(questions, count, seed):
            packed = pickle.dumps([*judged(questions[i], paths)])
            found.append({"number": numbers[i], "paths": packed, "error": ""})
    except PlaitError as error:
        found.append({"number": -1, "paths": b"", "error": str(error)})
    kinds = {"number": pa.int64(), "paths": pa.binary(), "error": pa.string()}
    return pa.Table.from_pylist(found, pa.schema(kinds))


@functools.lru_cache(1)
def _load(name: str, settings: str) -> Teacher:
    """The teacher, loaded once for each worker."""
    return teachers.load(name, **json.loads(settings))
