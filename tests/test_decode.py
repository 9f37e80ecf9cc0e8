"""What the engine guarantees, whatever the parts answer."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot, streams
from tiny import EOS, Digits, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.layout import plain
from plait.length import EndAtEos, Full
from plait.parts import Change, Length, Plan, Reviser, Revision, Schedule, Selector, Stop, nothing
from plait.trace import COMMIT, FILL, RETRACT, REWRITE


@dataclass(frozen=True)
class Everything(Selector):
    """Asks for all positions, given ones included."""

    def __call__(self, view, memo):
        return torch.ones_like(view.open), memo


@dataclass(frozen=True)
class Never(Selector):
    def __call__(self, view, memo):
        return nothing(view.canvas), memo


@dataclass(frozen=True)
class Shut(Schedule):
    """Opens nothing."""

    def __call__(self, canvas, round, memo):
        quota = torch.ones_like(round)[:, None]
        return Plan(nothing(canvas), torch.zeros_like(canvas.region), quota), memo


@dataclass(frozen=True)
class Undo(Reviser):
    """Erases or writes over what was there before, every round, given positions included."""

    rewrite: bool = False

    def __call__(self, view, commit, memo):
        all_of_it = torch.ones_like(commit) if self.rewrite else ~commit
        none = torch.zeros_like(commit)
        return Revision(none, all_of_it) if self.rewrite else Revision(all_of_it, none), memo


@dataclass(frozen=True)
class After(Stop):
    rounds: int = 3

    def __call__(self, view, memo):
        return view.round >= self.rounds, memo


@dataclass(frozen=True)
class Grow(Length):
    """In round 1, two masks after the first free position and the last one cut away."""

    def __call__(self, canvas, view, memo):
        first = (~canvas.given).int().cumsum(1) == 1
        first &= ~canvas.given & (view.round == 1)[:, None]
        last = torch.arange(canvas.tokens.shape[1]) == canvas.length[:, None] - 1
        return Change(nothing(canvas), 2 * first.long(), last & (view.round == 1)[:, None]), memo


def base(**parts):
    return replace(methods.load("confidence", budget=Budget(tokens_per_round=2)), **parts)


def test_no_selector_can_write_outside_the_plan():
    start = canvas()
    decoder = replace(methods.load("llada", block=4), selector=Everything(), length=Full())
    done, traces = decode(Tiny(), decoder, start)
    assert torch.equal(done.tokens[start.given], start.tokens[start.given])
    for trace in traces:
        assert set(np.bincount(trace.round).tolist()) == {4, 1}  # 29 positions, blocks of 4


def test_a_shy_selector_or_a_shut_schedule_still_ends():
    for decoder in (base(selector=Never()), base(schedule=Shut())):
        _, traces = decode(Tiny(), decoder, canvas())
        assert all((trace.kind == COMMIT).any() for trace in traces)
        assert all(np.diff(np.unique(trace.round)).max() == 1 for trace in traces)


def test_endless_revision_ends_and_replays():
    start = canvas(one_slot(6))
    done, traces = decode(Tiny(), base(reviser=Undo(), length=Full()), start)
    assert torch.equal(done.tokens[start.given], start.tokens[start.given])
    for row, trace in enumerate(traces):
        assert trace.rounds > 4 * 6
        assert (trace.kind == RETRACT).sum() > 0
        assert (trace.replay() == done.tokens[row, : done.length[row]].numpy()).all()


@dataclass(frozen=True)
class Most(Reviser):
    """Takes back all commits but the leftmost, and holds a row for one more round at its end."""

    def __call__(self, view, commit, memo):
        return Revision(commit & (commit.cumsum(1) > 1), torch.zeros_like(commit)), memo

    def limit(self, canvas):
        return torch.full_like(canvas.length, 5)

    def holds(self, canvas, round, memo):
        return ~canvas.masked.any(1)


def test_what_is_written_and_taken_back_in_one_round_leaves_no_event():
    start = canvas(one_slot(6))
    _, traces = decode(Tiny(), base(reviser=Most(), length=Full()), start)
    for trace in traces:
        assert (trace.kind == COMMIT).all()
        assert trace.round.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_reviser_can_hold_a_full_row_but_not_for_ever():
    start = canvas(one_slot(3))
    _, traces = decode(Tiny(), base(reviser=Most(), length=Full()), start)
    assert all(t.rounds == 5 and t.round.max() == 2 for t in traces)


@dataclass(frozen=True)
class Idle(Never):
    at_least = 0


def test_a_selector_may_pass_until_the_limit_of_revision():
    start = canvas(one_slot(3))
    _, traces = decode(Tiny(), base(selector=Idle(), reviser=Most(), length=Full()), start)
    assert all(t.round.tolist() == [5, 6, 7] for t in traces)


def test_nothing_grows_beyond_the_context():
    start = replace(canvas(one_slot(7)), context=int(canvas(one_slot(7)).length.max()) + 1)
    done, _ = decode(Tiny(), base(length=Grow()), start)
    assert (done.length == torch.minimum(start.length + 1, torch.tensor(start.context))).all()


def test_rewriting_keeps_positions_written():
    decoder = base(reviser=Undo(rewrite=True), length=Full())
    decoder = replace(decoder, stop=Placed())
    done, traces = decode(Tiny(), decoder, canvas(one_slot(8)))
    for row, trace in enumerate(traces):
        assert (trace.kind == REWRITE).sum() > 0
        assert trace.rounds == 4
        assert (trace.replay() == done.tokens[row, : done.length[row]].numpy()).all()


class Placed(Stop):
    """Stops nothing, but makes the engine look at written positions."""

    needs = frozenset({"placed"})

    def __call__(self, view, memo):
        written = ~view.canvas.masked & ~view.canvas.given
        assert torch.isfinite(view.placed[written]).all()
        assert (view.placed[view.canvas.masked | view.canvas.given] == -torch.inf).all()
        return torch.zeros_like(view.round, dtype=torch.bool), memo


def test_a_stop_fills_the_rest_with_the_candidates():
    start = canvas(one_slot(12))
    _, traces = decode(Tiny(), base(stop=After(3), length=Full()), start)
    for trace in traces:
        assert trace.rounds == 4
        assert np.bincount(trace.round).tolist() == [2, 2, 2, 6]


def test_positions_that_move_take_their_tokens_and_events_along():
    model, start = Tiny(), canvas(one_slot(7))
    done, traces = decode(model, base(length=Grow()), start)
    assert (done.length == start.length + 1).all()
    for row, trace in enumerate(traces):
        end = int(done.length[row])
        final = done.tokens[row, :end]
        prompt = int(start.length[row]) - 7
        assert torch.equal(final[:prompt], start.tokens[row, :prompt])
        assert (trace.replay() == final.numpy()).all()
        assert (trace.region == done.region[row, :end].numpy()).all()
        fresh = np.isin(trace.position, [prompt + 1, prompt + 2])
        assert (trace.round[fresh] >= 2).all()  # nobody wrote there before they existed


def test_rows_that_move_do_not_depend_on_their_batch():
    model = Tiny()
    together, _ = decode(model, base(length=Grow()), canvas(one_slot(7)))
    for row, prompt in enumerate(["123", "4567f", "9", "1"]):
        one = one_slot(7).build(Digits(), [prompt], keys=[row])
        alone, _ = decode(model, base(length=Grow()), one)
        assert torch.equal(alone.tokens[0], together.tokens[row, : together.length[row]])


def test_what_follows_an_end_is_closed_and_changes_no_answer():
    eager = Tiny()
    eager.head.bias.data[EOS] += 1.2
    layout = streams()
    ended, traces = decode(eager, methods.load("ar"), canvas(layout))
    assert sum((trace.kind == FILL).any() for trace in traces) >= 2
    for row in range(len(traces)):
        for region in range(4):
            ids = ended.tokens[row][ended.region[row] == region].tolist()
            end = ids.index(EOS) if EOS in ids else len(ids)
            assert set(ids[end:]) <= {EOS}
    left, traces = decode(eager, replace(methods.load("ar"), length=EndAtEos()), canvas(plain(9)))
    full, _ = decode(eager, replace(methods.load("ar"), length=Full()), canvas(plain(9)))
    read = plain(9).read
    for row in range(4):
        assert read(Digits(), left, row) == read(Digits(), full, row)


def test_forwards_and_query_tokens_are_counted_per_row():
    start = canvas()
    _, traces = decode(Tiny(), methods.load("ar", budget=Budget(rounds=5)), start)
    for row, trace in enumerate(traces):
        assert trace.forwards == trace.rounds <= 5
        assert trace.query_tokens == trace.rounds * int(start.length[row])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_fixes_the_text(seed):
    decoder = methods.load("random", budget=Budget(tokens_per_round=3))
    one, _ = decode(Tiny(), decoder, canvas(), seed)
    two, _ = decode(Tiny(), decoder, canvas(), seed)
    assert torch.equal(one.tokens, two.tokens)
