"""Facts of joint sampling: what a layer between states and head can know, and its file."""

from dataclasses import replace

import pytest
import torch
from cases import canvas, one_slot
from exact import draws, knotted, p_value
from tiny import EOS, Tiny

import plait
from plait import methods
from plait.budget import Budget
from plait.decode import Decoder, decode
from plait.errors import PlaitError
from plait.joint import JointHead, Jointly
from plait.sample import Categorical
from plait.schedule import Whole
from plait.score import random
from plait.select import TopK
from plait.theory import denoiser

LAW = knotted()


class Shown(denoiser.LawDenoiser):
    """A law whose states are its logits."""

    def states(self, canvas):
        everywhere = torch.ones_like(canvas.given)
        return self(canvas, everywhere).unflatten(0, canvas.tokens.shape)

    def read(self, states):
        return states

    def embedded(self, tokens):
        return torch.nn.functional.one_hot(tokens, self.vocab).double()


@pytest.mark.parametrize("exact", [True, False])
def test_with_an_exact_layer_all_tokens_of_one_forward_follow_the_joint_law(exact, monkeypatch):
    """The marginals of one forward, which is what no layer leaves, fail the same test."""
    monkeypatch.setattr("exact.LawDenoiser", Shown)
    law = Shown(LAW)
    head = (lambda states, new, canvas: law.states(canvas)) if exact else None
    decoder = Decoder(Whole(), TopK(by=random), Categorical(1.0), judge=Jointly(head, 3))
    p = p_value(draws(decoder, LAW, 20_000), LAW)
    assert p > 0.001 if exact else p < 1e-6


def no_ends() -> Tiny:
    model = Tiny()
    model.head.bias.data[EOS] = -1e6
    return model


@pytest.mark.parametrize("head", [None, JointHead(16, 2)])
@pytest.mark.parametrize("tokens", [1, 3, 8])
def test_an_untrained_layer_leaves_the_marginals(head, tokens):
    start = canvas(one_slot(24))
    decoder = replace(methods.load("joint_sampler", block=24), judge=Jointly(head, tokens))
    done, traces = decode(no_ends(), decoder, start)
    budget = Budget(tokens_per_round=tokens)
    plain_, reference = decode(no_ends(), methods.load("llada", block=24, budget=budget), start)
    assert torch.equal(done.tokens, plain_.tokens)
    assert [t.forwards for t in traces] == [t.forwards for t in reference]
    assert [t.rounds for t in traces] == [t.rounds for t in reference]


def filled(head: JointHead) -> JointHead:
    torch.manual_seed(3)
    for weight in head.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return head


def test_a_layer_comes_back_from_its_file_and_changes_what_follows(tmp_path):
    head, path = filled(JointHead(16, 2)), tmp_path / "head.safetensors"
    head.save(path)
    start = canvas(one_slot(12))
    texts = {}
    for name, weights in (("none", ""), ("file", str(path))):
        decoder = methods.load("joint_sampler", weights=weights, tokens=4)
        texts[name] = decode(no_ends(), decoder, start)[0].tokens
    given = replace(methods.load("joint_sampler"), judge=Jointly(head, 4))
    assert torch.equal(texts["file"], decode(no_ends(), given, start)[0].tokens)
    assert not torch.equal(texts["file"], texts["none"])


def test_the_first_token_of_a_forward_is_the_models_own():
    start, head = canvas(one_slot(12)), filled(JointHead(16, 2))
    decoder = replace(methods.load("joint_sampler"), judge=Jointly(head, 12))
    _, traces = decode(no_ends(), decoder, start)
    _, plain_ = decode(no_ends(), methods.load("llada"), start)
    for trace, other in zip(traces, plain_, strict=True):
        mine = trace.position.tolist().index(other.position[0])
        assert trace.token[mine] == other.token[0]


def test_it_runs_on_a_transformer():
    model = plait.load()
    start = model.layout(streams=0, length=8).build(model.codec, ["3 * 5 = ?"])
    head = JointHead(model.denoiser.net.config.width, 4)
    decoder = replace(methods.load("joint_sampler"), judge=Jointly(head, 4))
    done, _ = decode(model.denoiser, decoder, start)
    plain_ = decode(model.denoiser, replace(decoder, judge=Jointly(None, 4)), start)[0]
    assert torch.equal(done.tokens, plain_.tokens)


@pytest.mark.parametrize("content", [None, b"text", "other"])
def test_what_is_no_layer_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "head.safetensors"
    if content == "other":
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(2)}, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(PlaitError, match="holds no joint head") as error:
        methods.load("joint_sampler", weights=str(path))
    assert "\n" not in str(error.value)


def test_a_model_without_states_is_refused_in_one_sentence():
    with pytest.raises(PlaitError, match="does not show what its head reads"):
        draws(methods.load("joint_sampler"), LAW, 2)
    with pytest.raises(PlaitError, match="tokens is 0"):
        methods.load("joint_sampler", tokens=0)
