"""SeqDep over a corpus: cut, score with controls, one row per text."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import PlaitError, unknown
from .corpus import Record
from .scorer import Scorer
from .segment import check, cut, paths
from .seqdep import IN_NATS, Case, Text, summary

CONTROLS = ("shuffled", "swapped")  # the same segments in another order; another text's before
Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Settings:
    """All that a value of SeqDep depends on besides the scorer and the texts."""

    segments: str = "step"
    prompt: str = "{prompt}\n"  # how a prompt is written before the text
    header: str = ""  # stands before each segment; not scored
    controls: tuple[str, ...] = CONTROLS
    seed: int = 0  # of the shuffles

    def __post_init__(self) -> None:
        check(self.segments)
        for control in self.controls:
            if control not in CONTROLS:
                raise unknown("control", control, CONTROLS)

    def conditions(self) -> dict[str, Any]:
        """The settings, with the unit and the normalisation."""
        return {**asdict(self), "unit": "nats", "normalisation": "sum over a segment's tokens"}


def text_of(record: Record, encode: Encode, settings: Settings) -> Text:
    """A record as token ids; PlaitError if it cannot be cut or encoded."""
    if settings.segments == "path":
        if len(record.paths) < 2:
            raise PlaitError(
                f"segments 'path' need at least 2 paths, and the record has {len(record.paths)}"
            )
        segments = paths(encode, [*record.paths, record.summary])
    else:
        segments = cut(settings.segments, encode, record.whole())
    prompt = encode(settings.prompt.replace("{prompt}", record.prompt))
    return Text(prompt, segments, encode(settings.header) if settings.header else [])


def examine(
    records: Sequence[Record],
    encode: Encode,
    scorer: Scorer,
    settings: Settings,
    done: frozenset[int] = frozenset(),
    source: str = "the corpus",
    batch: int = 1,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each record whose line is not in `done`, in order.

    Rows are those of `seqdep.gains` with the `line`; a text of one segment has no SeqDep and
    gives a row without gains. The text for the swapped control is the next record's. `batch`
    texts, controls counted, share a forward pass. PlaitError names file and line.
    """
    waiting: list[tuple[dict[str, Any], Case | None]] = []
    for place, record in enumerate(records):
        if record.line in done:
            continue
        try:
            case = _case(records, place, encode, settings)
        except PlaitError as error:
            raise PlaitError(f"{source}, line {record.line}: {error}") from None
        row: dict[str, Any] = {"line": record.line, "prompt": record.prompt}
        if len(case.text.segments) < 2:
            tokens = [len(segment) for segment in case.text.segments]
            waiting.append(({**row, "tokens": tokens, "alone": []}, None))
        else:
            waiting.append((row, case))
        if sum(len(case.trees()) for _, case in waiting if case) >= batch:
            yield from _scored(waiting, scorer, batch, source)
            waiting = []
    yield from _scored(waiting, scorer, batch, source)


def _case(records: Sequence[Record], place: int, encode: Encode, settings: Settings) -> Case:
    record, other = records[place], None
    text = text_of(record, encode, settings)
    if "swapped" in settings.controls and len(records) > 1:
        other = text_of(records[(place + 1) % len(records)], encode, settings)
    seed = settings.seed * 1_000_003 + record.line if "shuffled" in settings.controls else None
    return Case(text, other, seed)


def _scored(
    waiting: Sequence[tuple[dict[str, Any], Case | None]], scorer: Scorer, batch: int, source: str
) -> Iterator[dict[str, Any]]:
    """The rows with their gains."""
    trees = [tree for _, case in waiting if case for tree in case.trees()]
    try:
        found = [one for i in range(0, len(trees), batch) for one in scorer(trees[i : i + batch])]
    except PlaitError as error:
        if len(waiting) > 1:  # one by one, to name the line
            for one in waiting:
                yield from _scored([one], scorer, batch, source)
            return
        raise PlaitError(f"{source}, line {waiting[0][0]['line']}: {error}") from None
    for row, case in waiting:
        if case is not None:
            count = len(case.trees())
            row, found = row | case.read(found[:count]), found[count:]
        yield row


def summaries(rows: Sequence[dict[str, Any]], unit: str = "nats") -> list[dict[str, Any]]:
    """`seqdep.summary` of the texts as they are and of each control, in nats or bits.

    Raises PlaitError if no text has two segments.
    """
    scale = math.log(2) if unit == "bits" else 1.0
    every = [(order, summary(rows, order)) for order in ("joint", *CONTROLS)]
    found = [{"order": name, **_scaled(told, scale)} for name, told in every if told["texts"]]
    if not found:
        raise PlaitError("no record has two segments: there is no dependence to measure")
    return found


def _scaled(values: dict[str, Any], scale: float) -> dict[str, Any]:
    def change(value: Any) -> Any:
        return [v / scale for v in value] if isinstance(value, list | tuple) else value / scale

    return {k: change(v) if k in IN_NATS else v for k, v in values.items()}
