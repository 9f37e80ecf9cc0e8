"""Every file in plait/methods must pass these; a new method is tested by existing."""

import inspect
import re
from dataclasses import replace

import pytest
import torch
from cases import BUDGETED, METHODS, PROMPTS, build, canvas, one_slot, streams
from tiny import VOCAB, Digits, Tiny

from plait import methods
from plait.auxiliary import options_of as models_of
from plait.cli import _catalogue
from plait.decode import decode
from plait.errors import PlaitError
from plait.start import Empty
from plait.stop import WhenFull


@pytest.mark.parametrize("name", METHODS)
def test_it_ends_and_writes_no_given_token(name):
    start = canvas()
    done, traces = decode(Tiny(), build(name), start)
    assert not done.masked.any()
    for row, trace in enumerate(traces):
        before, after = start.row(row), done.row(row)  # positions may have moved
        assert torch.equal(after.tokens[after.given], before.tokens[before.given])
        assert (trace.replay() == done.tokens[row, : done.length[row]].numpy()).all()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cross", ["full", "blocked"])
def test_a_row_does_not_depend_on_its_batch(name, cross):
    model, layout = Tiny(), streams(cross)
    together, traces = decode(model, build(name, tokens_per_round=3), canvas(layout), seed=7)
    for row, prompt in enumerate(PROMPTS):
        one = layout.build(Digits(), [prompt], keys=[row], context=128)
        alone, [trace] = decode(model, build(name, tokens_per_round=3), one, seed=7)
        assert torch.equal(alone.tokens[0], together.tokens[row, : together.length[row]])
        assert (trace.position == traces[row].position).all()
        assert (trace.round == traces[row].round).all()


@pytest.mark.parametrize("name", METHODS)
def test_the_method_decides(name):
    """With a generous setting it must commit more than the one position the engine ensures."""
    start = canvas()
    _, traces = decode(Tiny(), build(name, tokens_per_round=8), start)
    free = int((~start.given).sum(1)[0])
    assert all(t.rounds < (free / 2 if name in BUDGETED else free) for t in traces)


@pytest.mark.parametrize("name", BUDGETED)
@pytest.mark.parametrize("rounds", [1, 2, 5, 11])
def test_a_budget_of_rounds_is_kept(name, rounds):
    """Without ends in the text, exactly that many rounds (a block needs one of its own).

    A method that may stop early takes no more than that.
    """
    no_end = Tiny()
    no_end.head.bias.data[0] = -1e6
    for layout in (streams(), one_slot()):
        if name == "nap" and layout is not streams() and len(layout.segments) == 1:
            continue
        # Without a draft: what is taken back of one is written again, in rounds of its own.
        decoder = replace(build(name, rounds=rounds), start=Empty())
        _, traces = decode(no_end, decoder, canvas(layout))
        assert max(t.rounds for t in traces) <= rounds
        if isinstance(decoder.stop, WhenFull):
            assert {t.rounds for t in traces} == {rounds}


@pytest.mark.parametrize("name", METHODS)
def test_paper_and_size(name):
    source = inspect.getsource(inspect.getmodule(methods.function(name)))
    assert re.search(r"arXiv:\d{4}\.\d{5}", source)
    assert len(source.splitlines()) <= 100


def test_an_unknown_name_or_option_names_the_nearest():
    with pytest.raises(Exception, match="did you mean 'confidence'"):
        methods.load("confidense")
    with pytest.raises(Exception, match="did you mean 'threshold'"):
        methods.load("fast_dllm", treshold=0.5)


class TokensOnly:
    """A model that offers logits and nothing else."""

    vocab = VOCAB

    def __call__(self, canvas, where):
        return Tiny()(canvas, where)


OFFERS = {"attention": "attention weights", "mixtures": "mixtures", "states": "what its head reads"}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_says_it_needs_is_what_it_needs(name):
    entry = _catalogue.entry(name)
    needed = [said for word, said in OFFERS.items() if entry.needs.startswith(word)]
    beside = models_of(name) and "drafter" not in entry.needs
    assert bool(beside) == ("autoregressive" in entry.needs)
    if needed:
        with pytest.raises(PlaitError, match=needed[0]) as error:
            decode(TokensOnly(), build(name), canvas())
        assert "\n" not in str(error.value)
    else:
        decode(TokensOnly(), build(name), canvas())
    if name == "nap":
        assert "streams" in entry.needs
    else:
        decode(Tiny(), build(name), canvas(one_slot(6)))
