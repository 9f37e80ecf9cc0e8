"""Rounds of a decoder on the engine: on a GPU each round is one CUDA graph.

A round is the one of `plait.decode` with another forward pass. It starts from what the last one
left on the device and leaves what the next one starts from: which positions to recompute and to
look at is known before a round begins, so that its shapes can be padded to buckets, and nothing
inside a round waits for the host.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder, State, act, init, planned
from ..look import scope
from ..models.kv import unpacked
from ..nested import leaves, mapped, overwrite
from ..parts import Mask, View
from ..refresh import renewed
from .forward import Bank, Forward, picked
from .head import Choice, choose
from .records import Log, Now, Once
from .sizes import bucket, doubled, gathered, together, widest
from .tune import aside, warm
from .weights import Weights

# Rows that go through the layers together, what they recompute and look at, and how far they go.
Part = tuple[slice | Int[Tensor, " B"], Int[Tensor, "B N"], Int[Tensor, "B M"], slice]
Wide = Int[Tensor, " W"] | None
Size = tuple[int, int, list[int]]  # room in a row to recompute and to look at; rows for themselves


@dataclass
class Rounds:
    """Slots for a fixed number of rows, which are decoded round by round.

    Between rounds another row may take the slot of one that is done: the host writes it over what
    the next round starts from, and the graphs do not know.

    With `apart` rows run one by one, and what needs no computing is left out. The host then waits
    for the device: that is for CPUs, where padding costs more than it saves.
    """

    weights: Weights
    decoder: Decoder
    canvas: Canvas
    seed: int = 0
    graphs: bool = False
    apart: bool = False
    now: Now = field(init=False)

    def __post_init__(self) -> None:
        self.canvas = self.canvas.each(torch.clone)
        c, (rows, length) = self.weights.config, self.canvas.tokens.shape
        self.forward = Forward(self.weights, length)
        cache = self.decoder.cache
        self._cache = cache and cache.fit(c.block if c.attention == "block" else 0)
        shared = cache is None
        # A shared bank has room for so many rows, however few positions a round recomputes.
        few = 1 if self.apart else together(rows, length)
        self._some = few if shared else rows
        self.bank = Bank.empty(self.weights, self._some, length, shared)
        whole = self.canvas.group is None and self.canvas.blind is None
        self._whole = whole and bool(self.canvas.real.all())  # no padding in any slot so far
        self._groups = not whole
        # Rows of a pass of their own, by how many: where graphs read them.
        self._wide: dict[int, Int[Tensor, " N"]] = {}
        self._replays: dict[tuple[int, int, int], tuple[Callable[[], None], Log]] = {}
        self._pool: Any = None
        fresh = self._ahead(self.canvas, init(self.decoder, self.canvas))
        self.now = mapped(torch.clone, fresh)  # graphs write into it, and no two may share

    @property
    def slots(self) -> int:
        """How many rows it decodes."""
        return len(self.canvas.tokens)

    def takes(self, canvas: Canvas) -> bool:
        """Do rows of this canvas fit into the slots?"""
        return _kind(self.canvas) == _kind(canvas)

    def join(self, slots: Int[Tensor, " N"], canvas: Canvas) -> None:
        """Put the rows of a canvas into some slots; for all others nothing changes.

        What was captured stays in use, but for the first row with padding among rows without: they
        attended to all there is, and graphs that leave something out are captured anew. ValueError
        if the rows do not fit.
        """
        if not self.takes(canvas):
            raise ValueError("these slots were made for canvases of another size")
        if self._whole and not bool(canvas.real.all()):
            self._whole, self._replays, self._pool = False, {}, None
        fresh = self._ahead(canvas, init(self.decoder, canvas))
        if not self.graphs:  # one round leaves what the next one reads, and some of it twice
            self.now = mapped(torch.clone, self.now)
        overwrite(self.canvas, slots, canvas)
        overwrite(self.now, slots, fresh)

    def wanted(self) -> tuple[Size, list[int]]:
        """What the next round needs room for, and the rows that are not done.

        Waits for the device.
        """
        recomputed, looked_at, busy = zip(*self.now.count.tolist(), strict=True)
        order = sorted(range(self.slots), key=lambda row: -recomputed[row])
        some = 0
        if self.decoder.cache is not None and not self.apart:
            some = widest(list(recomputed), self.canvas.tokens.shape[1])
        size = max(1, recomputed[order[some]]), max(looked_at), order[:some]
        return size, [row for row, is_busy in enumerate(busy) if is_busy]

    def step(self, n: int, m: int, wide: Sequence[int] = ()) -> Log:
        """Do one round, with room for `n` recomputed and `m` looked-at positions in each row.

        The rows `wide` have room for all their positions, in a pass of their own.
        """
        length, device = self.canvas.tokens.shape[1], self.canvas.tokens.device
        if device.type == "cuda":
            n, m = min(bucket(n), length), min(doubled(m), length)
        rows: Wide = None
        if wide:
            if len(wide) not in self._wide:
                self._wide[len(wide)] = torch.empty(len(wide), dtype=torch.long, device=device)
            rows = self._wide[len(wide)].copy_(torch.tensor(wide))
        if not self.graphs:
            self.now, log = self._round(self.now, n, m, rows)
            return log
        size = n, m, len(wide)
        if size not in self._replays:
            self._replays[size] = self._captured(n, m, rows)
        replay, log = self._replays[size]
        replay()
        return log

    def _captured(self, n: int, m: int, wide: Wide) -> tuple[Callable[[], None], Log]:
        """A round as a CUDA graph, and where it leaves its log. The state does not move."""
        warm(partial(self._round, self.now, n, m, wide))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=aside()):
            after, log = self._round(self.now, n, m, wide)
            old, new = leaves(self.now), leaves(after)
            homes = {x.data_ptr() for x in old}
            new = [x.clone() if x.data_ptr() in homes else x for x in new]
            for home, value in zip(old, new, strict=True):
                home.copy_(value)
        self._pool = graph.pool()
        return graph.replay, log

    def _ahead(self, canvas: Canvas, state: State) -> Now:
        """Plan the next round."""
        memo = dict(state.memo)
        plan, open = planned(self.decoder, canvas, state.round, memo)
        busy = canvas.masked.any(1, keepdim=True)
        stale, seen = canvas.real, canvas.real
        if self._cache is not None:
            valid = torch.zeros_like(open) if memo["kept"] is None else memo["kept"]
            own = (canvas, open, state.round, valid, memo["cache"])
            refresh, memo["cache"] = renewed(self._cache, *own)
            stale, memo["kept"] = refresh.stale, valid | refresh.stale  # the bank is the engine's
            open = open & stale
            seen = seen if refresh.seen is None else refresh.seen
        stale = stale & busy
        where = scope(canvas, open, self.decoder.needs) & stale
        count = [x.sum(1) for x in (self._queried(where, stale), where, busy)]
        after = State(memo, state.round)
        return Now(canvas.tokens, after, plan, open, stale, seen, torch.stack(count, 1))

    def _queried(
        self, where: Bool[Tensor, "B L"], stale: Bool[Tensor, "B L"]
    ) -> Bool[Tensor, "B L"]:
        """As `Transformer.queried`: logits that are shifted come from the position before."""
        if not self.weights.config.shift:
            return stale
        before = torch.cat((where[:, 1:], torch.zeros_like(where[:, :1])), 1)
        before[:, 0] |= where[:, 0]
        return stale | before

    def _round(self, now: Now, n: int, m: int, wide: Wide) -> tuple[Now, Log]:
        """The round itself: look, act, plan the next."""
        canvas = Once(**(vars(self.canvas) | {"tokens": now.tokens}))
        view = self._look(canvas, now, n, m, wide)
        memo = dict(now.state.memo)
        if self.decoder.cache is not None:
            memo["cache"] = self.decoder.cache.after(view, memo["cache"])
        done, state = act(self.decoder, view, State(memo, now.state.round))
        bits = (done.commit, done.rewrite, done.retract, done.fill)
        each = torch.arange(len(bits), device=done.commit.device, dtype=torch.int32)
        change = (torch.stack(bits, -1).int() << each).sum(-1, dtype=torch.int32)
        log = Log(change, view.draw.int(), view.chosen, now.count[:, 0].clone())
        return self._ahead(done.canvas, state), log

    def _look(self, canvas: Canvas, now: Now, n: int, m: int, wide: Wide) -> View:
        """The forward pass, and what the head says of it."""
        where = scope(canvas, now.open, self.decoder.needs) & now.stale
        queried, length = self._queried(where, now.stale), canvas.tokens.shape[1]
        visible, found, homes = self._visible(canvas, now), [], []
        size = n, m, wide
        parts = self._each(queried, where) if self.apart else self._all(queried, where, *size)
        for rows, at, sel, span in parts:
            first = rows.start if isinstance(rows, slice) else rows
            seen = None if visible is None else visible[rows, span, span]
            inputs = canvas.tokens[rows, span], canvas.pos[rows, span], at, self.bank, seen
            source = (sel - 1).clamp(min=0) if self.weights.config.shift else sel
            place = unpacked(at, length).gather(1, source.clamp(max=length - 1))
            home = 0 if self.decoder.cache is None else first
            found.append(self.forward.final(*self.forward(*inputs, home, place.clamp(min=0))))
            homes.append(picked(sel, length + 1, first))
        choice = choose(torch.cat(found), self.weights.head, canvas.mask_id)
        return self._view(canvas, now, torch.cat(homes), choice)

    def _all(
        self,
        queried: Bool[Tensor, "B L"],
        where: Bool[Tensor, "B L"],
        n: int,
        m: int,
        wide: Wide,
    ) -> Iterator[Part]:
        """As many rows at once as fit, padded to a common size; then the wide ones likewise."""
        span = slice(where.shape[1])
        parts: list[tuple[Wide, Mask, Mask, int]] = [(None, queried, where, n)]
        if wide is not None:
            thin = [x.index_fill(0, wide, value=False) for x in (queried, where)]
            own = (wide, queried[wide], where[wide], span.stop)
            parts = [(None, thin[0], thin[1], n), own]
        for rows, recomputed, seen, room in parts:
            at, sel = gathered(recomputed, room), gathered(seen, m)
            some = min(self._some, together(*at.shape))
            for first in range(0, len(at), some):
                these = slice(first, first + some)
                yield these if rows is None else rows[these], at[these], sel[these], span

    def _each(self, queried: Bool[Tensor, "B L"], where: Bool[Tensor, "B L"]) -> Iterator[Part]:
        """Rows that are not done, one by one and each at its own length, as in the plain loop."""
        for row, length in enumerate(self.canvas.length.tolist()):
            at, sel = (x[row, :length].nonzero().T for x in (queried, where))
            if at.numel():
                yield slice(row, row + 1), at, sel, slice(length)

    def _visible(self, canvas: Canvas, now: Now) -> Bool[Tensor, "B #L L"] | None:
        if self._groups:
            return canvas.visible() & now.seen[:, None]
        if (self._whole or self.apart) and not hides(self.decoder):
            return None
        return now.seen[:, None]

    def _view(self, canvas: Canvas, now: Now, homes: Int[Tensor, " N"], choice: Choice) -> View:
        """The choices, each at its place on the canvas; after each row is a spare place."""
        rows, length = canvas.tokens.shape

        def spread(values: Shaped[Tensor, " N"], empty: float) -> Shaped[Tensor, "B L"]:
            full = values.new_full((rows * (length + 1),), empty).scatter_(0, homes, values)
            return full.view(rows, -1)[:, :-1]

        extra: dict[str, Any] = {}
        if "second" in self.decoder.needs:
            extra["second"] = spread(choice.second, -torch.inf)
        if "entropy" in self.decoder.needs:
            extra["entropy"] = spread(choice.entropy, torch.inf)
        return View(
            canvas,
            now.plan,
            now.open,
            self.seed,
            now.state.round,
            draw=spread(choice.token, canvas.mask_id),
            chosen=spread(choice.chosen, -torch.inf),
            **extra,
        )


def _kind(canvas: Canvas) -> dict[str, Any]:
    """What two canvases have in common if a row of one can stand in the other."""
    return {k: v.shape[1:] if isinstance(v, Tensor) else v for k, v in vars(canvas).items()}


def hides(decoder: Decoder) -> bool:
    """Does the cache of a decoder leave positions out of attention?"""
    return bool(decoder.cache and decoder.cache.hides)
