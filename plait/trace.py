"""Traces: what a decode did, in the order in which it did it. All measures read traces."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from .canvas import Canvas

if TYPE_CHECKING:
    from .decode import Round
    from .meter import Tally

KINDS = ("commit", "rewrite", "retract", "fill")
COMMIT, REWRITE, RETRACT, FILL = range(len(KINDS))


@dataclass(frozen=True)
class Label:
    """What a trace needs to be read by people: texts."""

    prompt: str = ""
    segments: tuple[str, ...] = ()  # name of each region
    pieces: dict[int, str] = field(default_factory=dict)  # text of each token that occurs


@dataclass(frozen=True)
class Trace:
    """The decode of one row, as columns with one entry per event.

    Events are in time order; within a round commits come by falling score, then tokens written
    over, then retractions, then fills (positions closed because their region had ended: no
    decision of the model).
    """

    start: Int[np.ndarray, " L"]  # tokens before the first round
    region: Int[np.ndarray, " L"]
    mask_id: int
    eos_id: int
    seed: int
    key: int
    round: np.ndarray  # [E]
    position: np.ndarray  # [E]
    token: np.ndarray  # [E]; a retraction's is the mask
    score: np.ndarray  # [E] float32: log-probability of the token, nats
    kind: np.ndarray  # [E]: COMMIT, REWRITE, RETRACT or FILL
    rounds: int
    forwards: int  # network passes; every candidate looked at counts
    query_tokens: int  # positions recomputed, summed over forwards
    seconds: float  # from when it joined the batch to the end of its last round
    # after each round, so far: forwards, query tokens, seconds; no rows where it is not known
    spent: Float[np.ndarray, "T 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    label: Label | None = None
    stops: tuple[int, ...] = ()  # ids that end a region besides `eos_id`

    @property
    def ends(self) -> frozenset[int]:
        """All ids that end a region."""
        return frozenset((self.eos_id, *self.stops))

    def replay(self) -> Int[np.ndarray, " L"]:
        """Return the tokens after the last round, rebuilt from the events."""
        tokens = self.start.copy()
        for position, token in zip(self.position, self.token, strict=True):
            tokens[position] = token
        return tokens

    def answer_tokens(self) -> int:
        """Tokens before the first end of their region: the only ones that speed may count.

        A mask that was never written is none.
        """
        final, count = self.replay(), 0
        for region in range(int(self.region.max()) + 1):
            ids = final[self.region == region]
            ends = np.flatnonzero(np.isin(ids, list(self.ends)))
            said = ids[: ends[0]] if len(ends) else ids
            count += int((said != self.mask_id).sum())
        return count


class Recorder:
    """Collects the rounds of rows while they are decoded."""

    def __init__(self, seed: int, meter: "Tally") -> None:
        self._seed, self._meter = seed, meter
        self._start: list[np.ndarray] = []  # of each row, its tokens without padding
        self._events: list[list[np.ndarray]] = []
        self._joined: list[float] = []  # clock times
        self._spent: list[list[tuple[float, ...]]] = []

    def join(self, canvas: Canvas) -> list[int]:
        """Take up the rows of a canvas; return the numbers that they get."""
        first, now = len(self._start), time.perf_counter()
        for tokens, length in zip(canvas.tokens.cpu().numpy(), canvas.length.tolist(), strict=True):
            self._start.append(tokens[:length])
            self._events.append([])
            self._joined.append(now)
            self._spent.append([])
        return list(range(first, len(self._start)))

    def add(self, done: "Round", rows: list[int]) -> None:
        """Record one round, just finished, of the rows with the numbers `rows`."""
        table, now = events(done), time.perf_counter()
        bounds = np.searchsorted(table[:, 0], np.arange(len(rows) + 1))
        cost = self._meter.forwards, self._meter.query_tokens
        for i, (row, key) in enumerate(zip(rows, done.canvas.key.tolist(), strict=True)):
            part = table[bounds[i] : bounds[i + 1], 1:]
            self._events[row].append(np.insert(part, 0, len(self._spent[row]), axis=1))
            seconds = round(now - self._joined[row], 6)
            self._spent[row].append((*(count[key] for count in cost), seconds))

    def trace(self, row: int, final: Canvas) -> Trace:
        """Return the trace of a row, given its canvas after the last round, without padding.

        Where positions moved, events are told in the places of the final canvas. What was written
        at a position that was cut away later leaves no event.
        """
        start, region = self._start[row], final.region[0].cpu().numpy()
        names = final.ids[0].cpu().numpy()
        place = np.full(int(names.max(initial=-1)) + 1, -1)
        place[names] = np.arange(len(names))
        table = np.concatenate([np.zeros((0, 5)), *self._events[row]])
        self._events[row] = []  # asked for once; a long flow must not keep them all
        position = table[:, 2].astype(np.int64)
        here = (position < len(place)) & (place[np.minimum(position, len(place) - 1)] >= 0)
        when, kind, position, token, score = table[here].T
        spent = np.array(self._spent[row], dtype=float).reshape(-1, 3)
        old = names < len(start)
        return Trace(
            start=np.where(old, start[np.where(old, names, 0)], final.mask_id),
            region=region,
            mask_id=final.mask_id,
            eos_id=final.eos_id,
            stops=final.stops,
            seed=self._seed,
            key=(key := int(final.key[0])),
            round=when.astype(np.int32),
            position=place[position.astype(np.int64)].astype(np.int32),
            token=token.astype(np.int32),
            score=score.astype(np.float32),
            kind=kind.astype(np.int8),
            rounds=len(spent),
            forwards=self._meter.forwards[key],
            query_tokens=self._meter.query_tokens[key],
            seconds=float(spent[-1, 2]) if len(spent) else 0.0,
            spent=spent,
        )


def events(done: "Round") -> np.ndarray:
    """Return the events of one round: [E, 5] of row, kind, position, token, score; sorted."""
    canvas, view = done.view.canvas, done.view
    masks = torch.stack((done.commit, done.rewrite, done.retract, done.fill)).cpu().numpy()
    kind, row, place = masks.nonzero()
    drawn = kind <= REWRITE
    token = np.where(kind == RETRACT, canvas.mask_id, canvas.eos_id)
    token = np.where(drawn, view.draw.cpu().numpy()[row, place], token)
    score = np.where(drawn, view.chosen.cpu().numpy()[row, place], 0)
    names = place if canvas.id is None else canvas.id.cpu().numpy()[row, place]
    order = np.lexsort((names, -score, kind, row))
    return np.stack([row, kind, names, token, score], 1).astype(float)[order]
