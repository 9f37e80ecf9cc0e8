"""Traces: what a decode did, in the order in which it did it. All measures read traces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int

from .canvas import Canvas

if TYPE_CHECKING:
    from .decode import Round

COMMIT, FILL, RETRACT = 0, 1, 2


@dataclass(frozen=True)
class Trace:
    """The decode of one row, as columns with one entry per event.

    Events are in time order; within a round commits come by falling score, then fills (positions
    closed because their region had ended: no decision of the model), then retractions.
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
    kind: np.ndarray  # [E]: COMMIT, FILL or RETRACT
    rounds: int
    forwards: int
    query_tokens: int  # positions recomputed, summed over forwards
    seconds: float  # from the start of its batch to the end of its last round

    def replay(self) -> Int[np.ndarray, " L"]:
        """Return the tokens after the last round, rebuilt from the events."""
        tokens = self.start.copy()
        for position, token in zip(self.position, self.token, strict=True):
            tokens[position] = token
        return tokens

    def answer_tokens(self) -> int:
        """Tokens before the first end of their region: the only ones that speed may count."""
        final, count = self.replay(), 0
        for region in range(int(self.region.max()) + 1):
            ids = final[self.region == region]
            ends = np.flatnonzero(ids == self.eos_id)
            count += int(ends[0]) if len(ends) else len(ids)
        return count


class Recorder:
    """Collects rounds while a batch is decoded."""

    def __init__(self, canvas: Canvas, seed: int) -> None:
        self._canvas, self._seed = canvas, seed
        rows = range(len(canvas.tokens))
        self._events: list[list[np.ndarray]] = [[] for _ in rows]
        self._work = np.zeros((len(rows), 3), dtype=np.int64)  # rounds, forwards, query tokens
        self._seconds = [0.0 for _ in rows]

    def add(self, done: "Round", rows: list[int], seconds: float) -> None:
        """Record one round of the rows `rows` of the canvas."""
        before = done.view.round.tolist()
        table = events(done)
        bounds = np.searchsorted(table[:, 0], np.arange(len(rows) + 1))
        for i, row in enumerate(rows):
            part = table[bounds[i] : bounds[i + 1], 1:]
            self._events[row].append(np.insert(part, 0, before[i], axis=1))
            self._work[row] += (1, 1, int(self._canvas.length[row]))
            self._seconds[row] = seconds

    def traces(self) -> list[Trace]:
        """Return one trace per row of the canvas."""
        return [self._trace(row) for row in range(len(self._events))]

    def _trace(self, row: int) -> Trace:
        canvas, length = self._canvas, int(self._canvas.length[row])
        table = np.concatenate([np.zeros((0, 5)), *self._events[row]])
        round, kind, position, token, score = table.T
        rounds, forwards, query_tokens = self._work[row].tolist()
        return Trace(
            start=canvas.tokens[row, :length].cpu().numpy(),
            region=canvas.region[row, :length].cpu().numpy(),
            mask_id=canvas.mask_id,
            eos_id=canvas.eos_id,
            seed=self._seed,
            key=int(canvas.key[row]),
            round=round.astype(np.int32),
            position=position.astype(np.int32),
            token=token.astype(np.int32),
            score=score.astype(np.float32),
            kind=kind.astype(np.int8),
            rounds=rounds,
            forwards=forwards,
            query_tokens=query_tokens,
            seconds=self._seconds[row],
        )


def events(done: "Round") -> np.ndarray:
    """Return the events of one round: [E, 5] of row, kind, position, token, score; sorted."""
    parts = []
    for kind, mask in ((COMMIT, done.commit), (FILL, done.fill), (RETRACT, done.retract)):
        row, place = mask.nonzero(as_tuple=True)
        token, score = done.canvas.tokens[row, place], done.view.chosen[row, place]
        if kind != COMMIT:
            score = torch.zeros_like(score)
        columns = [row, torch.full_like(row, kind), place, token, score]
        parts.append(torch.stack([c.double() for c in columns], 1))
    table = torch.cat(parts).cpu().numpy()
    return table[np.lexsort((table[:, 2], -table[:, 4], table[:, 1], table[:, 0]))]
