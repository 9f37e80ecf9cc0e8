"""The law that a decoding method writes when its model is exact, and how far off that is.

Every method of plait samples at temperature 1 from a `LawDenoiser`. Where its choices depend only
on the canvas and the draws, all draws are enumerated; where they depend on random numbers of
their own, or there are too many draws, many rows are sampled and the error is stated.
"""

import inspect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import methods
from ..budget import Budget
from ..canvas import Canvas
from ..decode import Decoder, Round, State, decode, holding, init, step
from ..errors import PlaitError
from ..nested import leaves
from ..parts import Sampler
from ..sample import Categorical
from ..trace import COMMIT, REWRITE, Trace
from .denoiser import LawDenoiser
from .laws import FiniteLaw, Word
from .sampling import CONFIDENCE, radius

MOST_ROWS = 2**14  # (partial word, joint draw) pairs that are enumerated: some seconds
BATCH = 256  # rows sampled together: joining the rows of a batch takes time in their square
MOST_ROUNDS = 8  # per position
SEEDS = (0, 1)  # a method whose steps differ between these uses random numbers of its own


@dataclass(frozen=True)
class Outcome:
    """What a method does to a law."""

    tv: float  # distance between what it writes and the law
    radius: float  # 0: enumerated, to the engine's float32 logits (1e-6); else at 99 %
    mean_rounds: float
    most_rounds: int
    space: int  # positions of the canvas; none of the methods has scratch beyond the word
    mean_writes: float  # positions written, those written again or over included


class _Undetermined(Exception):
    """The method's choices cannot be enumerated; the text says why."""


@dataclass(frozen=True)
class _Listening(Sampler):
    """Hears what a round would draw from."""

    heard: list[tuple[Float[Tensor, "N V"], Int[Tensor, " N"]]]  # probabilities, rows of the batch

    def __call__(
        self, logits: Float[Tensor, "N V"], seed: int, where: Int[Tensor, "N 3"]
    ) -> Int[Tensor, " N"]:
        """Return the likeliest tokens."""
        del seed
        self.heard.append((logits.double().softmax(-1), where[:, 0]))
        return logits.argmax(-1)


@dataclass(frozen=True)
class _Scripted(Sampler):
    """Draws what it is told, so that every draw can be had."""

    draws: Int[Tensor, " N"]

    def __call__(
        self, logits: Float[Tensor, "N V"], seed: int, where: Int[Tensor, "N 3"]
    ) -> Int[Tensor, " N"]:
        """Return the draws."""
        del logits, seed, where
        return self.draws


def survey(
    law: FiniteLaw, streams: Sequence[range] | None, budgets: Sequence[int], draws: int, seed: int
) -> list[dict[str, Any]]:
    """One row for each method of the folder and each budget (tokens per round).

    Methods without a budget are run once. A method that cannot run on the law's canvas gets a
    row that says why.
    """
    model, rows = LawDenoiser(law), []
    for name in methods.names():
        known = inspect.signature(methods.function(name)).parameters
        fixed = {"block": max(1, law.n // 2)} if "block" in known else {}
        for budget in budgets if "budget" in known else [None]:
            settings = {"budget": Budget(budget), **fixed} if budget else fixed
            row = {"method": name, "tokens_per_round": budget, **fixed}
            try:
                found, how = outcome(methods.load(name, **settings), model, streams, draws, seed)
            except PlaitError as error:
                rows.append({**row, "skipped": str(error)})
                continue
            rows.append({**row, **vars(found), "how": how})
    return rows


def outcome(
    decoder: Decoder, model: LawDenoiser, streams: Sequence[range] | None, draws: int, seed: int
) -> tuple[Outcome, str]:
    """The outcome of one decoder, and how it was found."""
    try:
        return enumerated(decoder, model, streams), "enumerated"
    except _Undetermined as reason:
        return sampled(decoder, model, streams, draws, seed), f"sampled: {reason}"


def sampled(
    decoder: Decoder, model: LawDenoiser, streams: Sequence[range] | None, draws: int, seed: int
) -> Outcome:
    """The outcome over `draws` rows, with random numbers of their own by their keys."""
    if draws < 1:
        raise PlaitError(f"draws is {draws}; it must be >= 1")
    decoder = replace(decoder, sampler=Categorical())
    counts: Counter[Word] = Counter()
    traces: list[Trace] = []
    for start in range(0, draws, BATCH):
        keys = range(start, min(draws, start + BATCH))
        done, new = decode(model, decoder, model.canvas(keys, streams), seed)
        counts.update(map(tuple, done.tokens.tolist()))
        traces += new
    chance = {word: count / draws for word, count in counts.items()}
    cells = model.law.symbols**model.law.n
    rounds = [trace.rounds for trace in traces]
    return Outcome(
        tv=_distance(model.law, chance),
        radius=radius(cells, draws, 1 - CONFIDENCE),
        mean_rounds=sum(rounds) / draws,
        most_rounds=max(rounds),
        space=model.law.n,
        mean_writes=sum(map(_writes, traces)) / draws,
    )


def _writes(trace: Trace) -> int:
    return int(np.isin(trace.kind, (COMMIT, REWRITE)).sum())


def _distance(law: FiniteLaw, chance: dict[Word, float]) -> float:
    gaps = (abs(chance.get(w, 0.0) - float(law[w])) for w in {**chance, **law.mass})
    return math.fsum(gaps) / 2


def enumerated(decoder: Decoder, model: LawDenoiser, streams: Sequence[range] | None) -> Outcome:
    """The outcome over all draws; rows that are alike after a round are merged."""
    if decoder.judge is not None:
        raise _Undetermined("the method draws on several canvases in one round")
    canvas = model.canvas([0], streams)
    state, weight = init(decoder, canvas), torch.ones(1, dtype=torch.float64)
    chance: dict[Word, float] = defaultdict(float)
    rounds, writes, count, spent = 0.0, 0.0, 0, 0
    while len(weight):
        count += 1
        if count > MOST_ROUNDS * model.law.n:
            raise _Undetermined(f"after {count} rounds it has not ended for every draw")
        row, draws, p = _draws(decoder, model, canvas, state, MOST_ROWS - spent)
        spent += len(row)
        canvas, state = canvas.rows(row), state.rows(row)
        done, state = _step(decoder, model, canvas, draws, state)
        weight = weight[row] * p
        rounds += float(weight.sum())
        writes += float(weight @ (done.commit | done.rewrite).sum(1).double())
        canvas, state, weight = _merge(done.canvas, state, weight)
        busy = canvas.masked.any(1) | holding(decoder, canvas, state)
        for word, q in zip(canvas.tokens[~busy].tolist(), weight[~busy].tolist(), strict=True):
            chance[tuple(word)] += q
        going = busy.nonzero()[:, 0]
        canvas, state, weight = canvas.rows(going), state.rows(going), weight[going]
    return Outcome(_distance(model.law, chance), 0.0, rounds, count, model.law.n, writes)


def _draws(
    decoder: Decoder, model: LawDenoiser, canvas: Canvas, state: State, most: int
) -> tuple[Int[Tensor, " R"], Int[Tensor, " N"], Float[Tensor, " R"]]:
    """Every joint draw of every row: (row of the canvas, its draws in a line, probability)."""
    heard: list[tuple[Tensor, Tensor]] = []
    named = replace(canvas, key=torch.arange(len(canvas.key)))
    step(model, replace(decoder, sampler=_Listening(heard)), named, state)
    if len(heard) != 1 or heard[0][0].isnan().any():
        raise _Undetermined("a round does not draw once from one probability at each position")
    [(chance, owner)] = heard
    choices: list[list[list[tuple[int, float]]]] = [[] for _ in canvas.key]
    for row, ps in zip(owner.tolist(), chance.tolist(), strict=True):
        choices[row].append([(s, p) for s, p in enumerate(ps) if p])
    count = sum(math.prod(map(len, places)) for places in choices)
    if count > most:
        raise _Undetermined(f"there are more than {MOST_ROWS} joint draws")
    index: list[int] = []
    line: list[int] = []
    weight: list[float] = []
    for row, places in enumerate(choices):
        for draw in itertools.product(*places):
            index.append(row)
            line += [s for s, _ in draw]
            weight.append(math.prod(p for _, p in draw))
    return torch.tensor(index), torch.tensor(line), torch.tensor(weight, dtype=torch.float64)


def _step(
    decoder: Decoder, model: LawDenoiser, canvas: Canvas, draws: Int[Tensor, " N"], state: State
) -> tuple[Round, State]:
    """One round with scripted draws, which must not depend on the seed."""
    decoder = replace(decoder, sampler=_Scripted(draws))
    (done, after), (other, _) = (step(model, decoder, canvas, state, seed) for seed in SEEDS)
    if done.canvas.tokens.shape != canvas.tokens.shape:
        raise _Undetermined("the method changes the length of the canvas")
    if not torch.equal(done.canvas.tokens, other.canvas.tokens):
        raise _Undetermined("the method uses random numbers of its own")
    return done, after


def _merge(
    canvas: Canvas, state: State, weight: Float[Tensor, " R"]
) -> tuple[Canvas, State, Float[Tensor, " M"]]:
    """One row for each distinct pair of tokens and memory, with the summed weight."""
    flat = [leaf.reshape(len(weight), -1) for leaf in (canvas.tokens, *leaves(state.memo))]
    raw = [np.ascontiguousarray(leaf.numpy()).view(np.uint8) for leaf in flat if leaf.numel()]
    _, first, group = np.unique(
        np.concatenate(raw, 1), axis=0, return_index=True, return_inverse=True
    )
    keep = torch.from_numpy(first)
    summed = torch.zeros(len(keep), dtype=torch.float64)
    summed.index_add_(0, torch.from_numpy(group.reshape(-1)), weight)
    return canvas.rows(keep), state.rows(keep), summed
