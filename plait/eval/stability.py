"""Does an answer depend on what should not matter? Two runs compared, and each change explained.

A change is explained where the two decodings part: on the canvas that both had until then, the
model in float32 says how far the two choices lie apart. Nothing but a rounding may decide between
choices that are as close as roundings are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..canvas import Canvas
from ..look import log_probability
from ..parts import Denoiser
from ..trace import COMMIT, Trace
from .results import Name, Sample

LAYERS = 8.0  # roundings that add up on the way through a network, about


@dataclass(frozen=True)
class Variant:
    """One way to run the same evaluation."""

    dtype: str
    seed: int
    batch: int
    shuffled: bool = False

    @property
    def name(self) -> str:
        """For example float32-seed0-batch4-shuffled."""
        order = "-shuffled" if self.shuffled else ""
        return f"{self.dtype}-seed{self.seed}-batch{self.batch}{order}"


def variants(
    dtypes: Sequence[str], seeds: Sequence[int], batches: Sequence[int]
) -> list[tuple[Variant, Variant | None, str]]:
    """All variants, what each is compared with, and by what the two differ.

    A batch is compared with the first batch size, in the same precision and with the same seed; a
    precision and a seed with the first of their kind.
    """
    found: list[tuple[Variant, Variant | None, str]] = []
    for dtype in dtypes:
        for seed in seeds:
            base = Variant(dtype, seed, batches[0])
            if dtype != dtypes[0]:
                found.append((base, replace(base, dtype=dtypes[0]), "precision"))
            else:
                first = replace(base, seed=seeds[0])
                found.append((base, first if first != base else None, "seed"))
            found += [(replace(base, batch=size), base, "batch") for size in batches[1:]]
            found.append((replace(base, batch=batches[-1], shuffled=True), base, "order"))
    return found


@dataclass(frozen=True)
class Change:
    """One answer that is not the same in two runs."""

    name: Name
    before: str
    after: str
    round: int  # in which they part
    gap: float | None  # nats between the two choices; None where there is no such pair
    tolerance: float  # nats that roundings may move a choice by

    @property
    def why(self) -> str:
        """ "tie", "rounding", or what cannot be explained by them."""
        if self.gap is None:
            return "a bar was crossed" if self.round >= 0 else "unexplained"
        if self.gap == 0:
            return "tie"
        return "rounding" if self.gap <= self.tolerance else "unexplained"


@dataclass(frozen=True)
class Run:
    """The samples of a run, and their traces by key."""

    samples: Mapping[Name, Sample]
    traces: Mapping[int, Trace]


def events(trace: Trace) -> np.ndarray:
    """What a decode did, without scores and times: round, kind, position, token per event."""
    return np.stack([trace.round, trace.kind, trace.position, trace.token], 1)


def same(one: Trace, other: Trace) -> bool:
    """Say whether two decodes did the same, event by event."""
    return np.array_equal(one.start, other.start) and np.array_equal(events(one), events(other))


def pairs(one: Run, other: Run) -> Iterable[tuple[Sample, Sample, Trace, Trace]]:
    """The items that both answered, with both traces."""
    for name, sample in one.samples.items():
        twin = other.samples[name]
        if sample.trace is not None and twin.trace is not None:
            yield sample, twin, one.traces[sample.key], other.traces[sample.key]


def explain(
    model: Denoiser, canvas: Canvas, one: Trace, other: Trace, dtype: torch.dtype
) -> tuple[int, float | None, float]:
    """Where two traces part: the round, the gap between their choices, and the tolerance, in nats.

    `canvas` is the one that both started from; the model should be in float32.
    """
    first, second = ({tuple(e) for e in events(t).tolist()} for t in (one, other))
    apart = first ^ second
    if not apart or len(one.start) != len(other.start):
        return -1, None, 0.0
    here = min(round for round, *_ in apart)
    tokens = torch.from_numpy(one.start.copy())
    past = one.round < here
    for position, token in zip(one.position[past].tolist(), one.token[past].tolist(), strict=True):
        tokens[position] = token
    canvas = replace(canvas, tokens=tokens[None].to(canvas.tokens.device))
    return here, *_distance(model, canvas, _chosen(one, here), _chosen(other, here), dtype)


def _chosen(trace: Trace, round: int) -> dict[int, int]:
    """Position to token of the commits of one round."""
    now = (trace.round == round) & (trace.kind == COMMIT)
    return dict(zip(trace.position[now].tolist(), trace.token[now].tolist(), strict=True))


@torch.inference_mode()
def _distance(
    model: Denoiser,
    canvas: Canvas,
    one: dict[int, int],
    other: dict[int, int],
    dtype: torch.dtype,
) -> tuple[float | None, float]:
    masked = canvas.masked
    logits = model(canvas, masked).float()
    logits = logits.index_fill(-1, torch.tensor([canvas.mask_id], device=logits.device), -torch.inf)
    place = {p: i for i, p in enumerate(masked[0].nonzero()[:, 0].tolist())}
    scale = float(logits[logits > -torch.inf].abs().max()) if len(logits) else 0.0
    tolerance = LAYERS * torch.finfo(dtype).eps * max(scale, 1.0)
    gaps = []
    for p in one.keys() & other.keys() & place.keys():
        if one[p] != other[p]:
            row = logits[place[p]]
            gaps.append(abs(float(row[one[p]] - row[other[p]])))
    best = log_probability(logits, logits.argmax(-1))
    mine, theirs = (place.keys() & a.keys() - b.keys() for a, b in ((one, other), (other, one)))
    gaps += [abs(float(best[place[p]] - best[place[q]])) for p in mine for q in theirs]
    return min(gaps, default=None), tolerance
