"""What must come out the same: limits of methods, and what each says about exact laws.

Those of a single method stand beside its other facts.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from cases import METHODS, OPTIONS, build, canvas, one_slot
from exact import draws, p_value
from tiny import EOS, Tiny

from plait import methods
from plait.decode import decode
from plait.ends import with_ends
from plait.sample import Categorical
from plait.theory.laws import FiniteLaw
from plait.trace import FILL

XOR = FiniteLaw(
    {w: Fraction(1, 4) for w in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]}
)  # any two positions are independent, and fix the third
COUNT = 20_000


def apart(threshold: float) -> torch.Tensor:
    decoder = methods.load("fast_dllm", threshold=threshold)
    return draws(replace(decoder, sampler=Categorical(1.0)), XOR, COUNT)


def test_a_threshold_that_lets_all_pass_draws_impossible_words_half_of_the_time():
    """Each marginal is one half: three of them at once know nothing of each other."""
    impossible = sum(tuple(word) not in XOR.mass for word in apart(0.4).tolist())
    assert abs(impossible - COUNT / 2) < 5 * (COUNT / 4) ** 0.5
    assert p_value(apart(0.4), XOR) == 0


def test_a_threshold_that_nothing_passes_draws_the_law():
    assert p_value(apart(1.1), XOR) > 0.001


LIMITS = {  # settings with which a method is the greedy decoder of one token per round
    "ascending": None,  # its rounds double
    "credit": {"threshold": 1.1, "alpha": 0.0},
    "daedal": {"threshold": 1.1, "ready": 0.0, "enough": 0.0, "window": 1},
    "dawn": {"threshold": 1.1, "induced": 1.1, "low": 1.1},
    "edit": {"threshold": 1.1, "above": 1.1},
    "entropy_bound": {"gamma": 0.0},
    "ete": None,  # explores where it commits one token
    "fast_dllm": {"threshold": 1.1},
    "hierarchical": {"threshold": 1.1, "low": 1.1},
    "joint_sampler": {"tokens": 1},
    "klass": {"kl": 0.0},
    "lookahead": {"branches": 1, "threshold": 1.1},
    "rcr": None,  # fills everything, then keeps the surest of all rounds
    "rho_eos": {"threshold": 1.1, "low": 0.0, "high": 1.0},
    "saber": {"least": 1, "backtrack": False, "threshold": 1.1},
    "soft": {"threshold": 1.1, "start": 0.0, "growth": 0.0},
    "spec": {"depth": 0},
    "cfg": {"strength": 0.0},
    "warm_start": {},
    "wino": {"draft": 1.1},
    "prophet": {"early": 1e9, "middle": 1e9, "late": 1e9},
    "llada": {},
}


@pytest.mark.parametrize("name", [n for n, limit in LIMITS.items() if limit is not None])
def test_the_limit_of_every_method_is_the_one_token_decoder(name):
    model = Tiny(sharp=8.0)
    model.head.bias.data[EOS] = -1e6  # where texts end is another matter
    start = canvas(one_slot(20))
    own = {"block": 8} if "block" in OPTIONS[name] else {}
    done, traces = decode(model, methods.load(name, **LIMITS[name], **own), start)
    plain, reference = decode(model, methods.load("llada", block=8), start)
    assert torch.equal(done.tokens, plain.tokens)
    for one, other in zip(traces, reference, strict=True):
        assert (one.position == other.position).all()


def test_every_method_is_named_here_or_has_no_such_limit():
    """Orders of their own: by place, at random, over the whole canvas, by streams or entropy."""
    others = {"ar", "random", "first_hitting", "confidence", "dream", "remdm", "multi_block"}
    others |= {"nap", "schema", "slow_fast", "guided", "edlm", "unmask_policy"}
    assert set(METHODS) == set(LIMITS) | others


@pytest.mark.parametrize("name", METHODS)
def test_forwards_and_query_tokens_are_counted(name):
    """A round that looks at a row costs a forward of all its positions at least."""
    start = canvas()
    _, traces = decode(Tiny(), build(name), start)
    for row, trace in enumerate(traces):
        assert trace.forwards >= trace.rounds
        if name not in ("rho_eos", "daedal"):
            assert trace.query_tokens >= trace.forwards * int(start.length[row])


@pytest.mark.parametrize("name", [n for n in METHODS if n not in ("rho_eos", "daedal")])
def test_any_method_takes_a_policy_for_ends(name):
    """A penalty forbids ends; without an early stop no position is closed without a decision."""
    decoder = with_ends(build(name), penalty=np.inf, early=False)
    if name == "guided":
        return  # its guider, which is not penalised, may end a text
    done, traces = decode(Tiny(), decoder, canvas())
    assert not (done.tokens == EOS)[~done.given].any()
    for trace in traces:
        assert FILL not in trace.kind
