"""Facts of methods that commit what is sure: their limit is the one-token decoder, and by hand."""

import math

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from hand import free, view
from tiny import Tiny

from plait import methods
from plait.decode import Decoder, decode
from plait.errors import PlaitError
from plait.guide import PenaliseEnd
from plait.methods.credit import KEPT, Credit, Memo
from plait.methods.entropy_bound import EntropyBudget
from plait.methods.hierarchical import BestOfRuns, runs
from plait.methods.klass import Stable
from plait.methods.slow_fast import SlowFast
from plait.nested import take
from plait.parts import by_index
from plait.schedule import Blocks
from plait.score import confidence, entropy
from plait.select import Threshold


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("entropy_bound", {"gamma": 0.0}),
        ("hierarchical", {"threshold": 1.1, "low": 1.1}),
        ("credit", {"threshold": 1.1, "alpha": 0.0}),
        ("klass", {"kl": 0.0}),
        ("klass", {"threshold": 1.1}),
        ("klass", {"patience": 1000}),
        ("dawn", {"threshold": 1.1, "induced": 1.1, "low": 1.1}),
    ],
)
@pytest.mark.parametrize("block", [8, 100])
def test_the_limit_is_one_token_per_round(name, limit, block):
    done, traces = decode(Tiny(), methods.load(name, block=block, **limit), canvas(one_slot()))
    plain, reference = decode(Tiny(), methods.load("llada", block=block), canvas(one_slot()))
    assert torch.equal(done.tokens, plain.tokens)
    for one, other in zip(traces, reference, strict=True):
        assert (one.position == other.position).all()
        assert one.rounds == other.rounds


@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_credit_without_weight_is_the_threshold(threshold):
    done, traces = decode(
        Tiny(), methods.load("credit", alpha=0.0, block=8, threshold=threshold), canvas()
    )
    plain, reference = decode(
        Tiny(), methods.load("fast_dllm", block=8, threshold=threshold), canvas()
    )
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in reference]


class Constant:
    """Gives token 5 the odds `odds` against token 6 everywhere, and nothing else a chance."""

    vocab = 17

    def __init__(self, odds: float) -> None:
        self.row = torch.full((17,), -torch.inf)
        self.row[5], self.row[6] = math.log(odds), 0.0

    def __call__(self, canvas, where):
        return self.row.expand(int(where.sum()), 17)


def test_credit_grows_by_its_formula():
    """p = 0.6. Round r: C = sum of 0.6^0.2 x 0.8^k for k < r; odds 1.5 (1 + C)^0.7."""
    guide, start = Credit(alpha=0.7, beta=0.8, gamma=0.2), canvas(one_slot(4), ["1"])
    memo = guide.init(start)
    for rounds in range(1, 6):
        logits, memo = guide(Constant(1.5), start, start.masked, memo)
        c = sum(0.6**0.2 * 0.8**k for k in range(rounds))
        assert (logits[:, 5] - logits[:, 6]).exp().tolist() == pytest.approx(
            [1.5 * (1 + c) ** 0.7] * 4, rel=1e-5
        )
    written = start.write(start.pos == 2, torch.full_like(start.tokens, 5))
    _, memo = guide(Constant(1.5), written, written.masked, memo)
    logits, memo = guide(Constant(1.5), start, start.masked, memo)
    odds = (logits[:, 5] - logits[:, 6]).exp().tolist()
    assert odds[1] == pytest.approx(1.5 * (1 + 0.6**0.2) ** 0.7, rel=1e-5)  # it starts afresh
    assert odds[0] > odds[1]


def test_credit_commits_what_persists():
    """At threshold 0.75 odds of 3 are needed; 1.5 (1 + C)^0.7 is 2.35, 2.95, then 3.39."""
    decoder = methods.load("credit", threshold=0.75, block=8)
    _, [trace] = decode(Constant(1.5), decoder, canvas(one_slot(8), ["1"]))
    assert np.bincount(trace.round).tolist() == [1, 1, 6]


def test_the_longest_prefix_within_the_entropy_budget():
    """Entropies .02 .04 .05 .5 in order: sum - max = 0, .02, .06, .11."""
    seen = view([0.9, 0.95, 0.93, 0.7], entropy=[0.05, 0.02, 0.04, 0.5])
    for gamma, count in ((0.0, 1), (0.019, 1), (0.021, 2), (0.061, 3), (0.1, 3), (0.111, 4)):
        commit, _ = EntropyBudget(gamma, entropy)(seen, None)
        assert free(commit) == sorted([1, 2, 0, 3][:count])
    # By confidence the doubtful one may come early: then it is the largest, and costs nothing.
    seen = view([0.9, 0.95, 0.93, 0.99], entropy=[0.05, 0.02, 0.04, 0.5])
    assert free(EntropyBudget(0.021, confidence)(seen, None)[0]) == [1, 3]


def test_the_best_of_each_run():
    seen = view([0.5, 0.6, 0.1, 0.3, 0.95, 0.91, 0.1, 0.2], open=[1, 1, 0, 1, 1, 1, 0, 1])
    assert runs(seen.open)[0].tolist() == [0, 1, 1, 0, 2, 2, 2, 0, 3]
    assert free(BestOfRuns(0.9, 0.4)(seen, None)[0]) == [1, 4, 5]
    assert free(BestOfRuns(0.99, 0.4)(seen, None)[0]) == [1, 4]
    tied = view([0.5, 0.5, 0.5])
    assert free(BestOfRuns(0.9, 0.4)(tied, None)[0]) == [0]


def test_runs_that_halve_take_a_logarithm_of_rounds():
    """Where the middle of a run is the surest, 15 positions take 4 rounds."""

    class Middle(Constant):
        def __call__(self, canvas, where):
            out = []
            for row, mask in zip(canvas.masked, where, strict=True):
                run = runs(row[None])[0]
                for i in mask.nonzero()[:, 0].tolist():
                    same = (run == run[i]).nonzero()[:, 0].double()
                    logits = self.row.clone()
                    logits[5] = 0.5 - 0.01 * abs(i - same.mean())
                    out.append(logits)
            return torch.stack(out)

    decoder = methods.load("hierarchical", block=15)
    _, [trace] = decode(Middle(1.0), decoder, canvas(one_slot(15), ["1"]))
    assert np.bincount(trace.round).tolist() == [1, 2, 4, 8]


def test_calm_is_counted_from_the_second_look():
    """Constant predictions are calm after 1 + patience rounds; one that moves starts afresh."""
    part = Stable(kl=0.01, sure=0.8, patience=2)
    memo = part.init(view([0.9] * 3).canvas)
    seen = []
    for round in range(4):
        p = torch.full((1, 4, 3), 1e-9)
        p[0, 1:, 0], p[0, 1:, 1] = 0.9, 0.1
        p[0, 2, :2] = torch.tensor([0.9, 0.1] if round < 2 else [0.81, 0.19])
        chance = [0.9, 0.9 if round < 2 else 0.81, 0.7]
        logp = p.log()
        logp[0, 0] = -torch.inf
        commit, memo = part(view(chance, logp=logp), memo)
        seen.append(free(commit))
    assert seen == [[], [], [0], [0]]  # 1 moved by KL 0.03 in between, 2 is not sure
    again = take(memo, torch.tensor([0]))
    assert torch.equal(again.calm, memo.calm)
    moved = part.moved(memo, torch.tensor([[0, 1, -1, 2, 3]]))
    assert moved.calm.tolist() == [[0, 3, 0, 1, 3]]
    assert moved.looked[0].tolist() == [False, True, False, True, True]
    assert torch.equal(moved.logp[:, [1]], by_index(memo.logp, torch.tensor([[1]])))


def test_slow_fast_writes_the_span_before_anything_else():
    """Two slow rounds see as far as offset 4: the span is 0 to 4, though offset 6 is surer."""
    part = SlowFast(size=8, sure=0.9, reach=0.3, slow=6)
    chance = [0.4, 0.35, 0.5, 0.2, 0.45, 0.1, 0.25, 0.1]
    memo = part.init(view(chance).canvas)
    first, memo = part(view(chance), memo)
    assert free(first) == [2]
    assert memo.end.tolist() == [0]
    second, memo = part(view(chance, open=[1, 1, 0, 1, 1, 1, 1, 1]), memo)
    assert free(second) == [4]
    assert memo.end.tolist() == [5]
    fast, memo = part(
        view([0.4, 0.35, 0.5, 0.2, 0.45, 0.99, 0.99, 0.99], open=[1, 1, 0, 1, 0, 1, 1, 1]), memo
    )
    assert free(fast) == [0]  # nothing right of the span
    both = [0.95, 0.94, 0, 0.93, 0, 0.99, 0.99, 0.99]
    fast, memo = part(view(both, open=[0, 1, 0, 1, 0, 1, 1, 1]), memo)
    assert free(fast) == [1, 3]
    slow, memo = part(view(both, open=[0, 0, 0, 0, 0, 1, 1, 1]), memo)
    assert free(slow) == [5, 6, 7]  # the next span is looked for right of the first
    assert memo.start.tolist() == [5]
    assert memo.rounds.tolist() == [1]


def test_slow_rounds_end_when_time_is_up():
    """Guesses 1, 4, 1, 4 never agree; after the fourth round their mean 2 is taken."""
    part = SlowFast(size=4, sure=0.9, reach=0.3, slow=4)
    memo = part.init(view([0.1] * 4).canvas)
    for round in range(4):
        _, memo = part(view([0.4, 0.1, 0.1, 0.4 if round % 2 else 0.1]), memo)
    assert memo.end.tolist() == [2]


def test_slow_fast_with_blocks_of_one_is_left_to_right():
    one, _ = decode(Tiny(), methods.load("slow_fast", block=1), canvas())
    other, _ = decode(Tiny(), methods.load("ar"), canvas())
    assert torch.equal(one.tokens, other.tokens)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("entropy_bound", {"gamma": -0.1}),
        ("entropy_bound", {"order": "chaos"}),
        ("hierarchical", {"low": 0.95}),
        ("credit", {"alpha": -1.0}),
        ("credit", {"beta": 1.1}),
        ("credit", {"gamma": -1.0}),
        ("klass", {"kl": -1.0}),
        ("klass", {"patience": 0}),
        ("klass", {"threshold": 0.0}),
        ("slow_fast", {"reach": 0.0}),
        ("slow_fast", {"slow": 0}),
        ("dawn", {"edge": 0.0}),
        ("multi_block", {"entropy": -1.0}),
        ("multi_block", {"ready": 1.5}),
        ("multi_block", {"block": 0}),
        ("ascending", {"blocks": 0}),
        ("ascending", {"least": 0.0}),
        ("prophet", {"answer": 0}),
        ("unmask_policy", {"temperature": -1.0}),
    ],
)
def test_values_out_of_range_are_refused(name, bad):
    with pytest.raises(PlaitError):
        methods.load(name, **bad)


def test_credit_moves_and_wraps():
    guide = PenaliseEnd(2.0, Credit(0.7, 0.8, 0.2))
    decoder = Decoder(Blocks(8), Threshold(0.9), guide=guide)
    done, _ = decode(Tiny(), decoder, canvas())
    assert not done.masked.any()
    values = torch.arange(6).reshape(1, 3, 2)
    moved = guide.moved(Memo(values, values.float()), torch.tensor([[2, -1]]))
    assert moved.token.tolist() == [[[4, 5], [0, 0]]]
    assert moved.credit.tolist() == [[[4.0, 5.0], [0.0, 0.0]]]


class Says:
    """A model that says what it was given."""

    def __init__(self, rows):
        self.rows, self.vocab = rows, rows.shape[1]

    def __call__(self, canvas, where):
        return self.rows


def test_credit_of_changing_minds_is_that_of_the_whole_table():
    """Against C[B, V] as published, for predictions that change from round to round."""
    guide, start = Credit(alpha=0.7, beta=0.8, gamma=0.2), canvas(one_slot(6), ["1"])
    memo, table = guide.init(start), torch.zeros(6, 17)
    rng = torch.Generator().manual_seed(0)
    for _ in range(12):
        rows = 3 * torch.randn(6, 17, generator=rng)
        rows[:, start.mask_id] = -torch.inf
        top, best = rows.softmax(-1).max(-1)
        table = (0.8 * table).scatter_add(1, best[:, None], top[:, None] ** 0.2)
        logits, memo = guide(Says(rows), start, start.masked, memo)
        assert torch.allclose(logits, rows + 0.7 * table.log1p(), atol=1e-5)


def test_what_has_the_least_credit_is_forgotten_first():
    guide, start = Credit(alpha=1.0, beta=0.5, gamma=1.0), canvas(one_slot(1), ["1"])
    memo = guide.init(start)
    tokens = [*range(KEPT), 20]  # one after another, so that the first has faded most
    for token in tokens:
        row = torch.zeros(1, 40).scatter(1, torch.tensor([[token]]), 9.0)
        _, memo = guide(Says(row), start, start.masked, memo)
    assert sorted(memo.token[0, 1].tolist()) == tokens[1:]
