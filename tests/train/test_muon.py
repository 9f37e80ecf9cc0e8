"""Muon against torch's own, and beside AdamW in a run."""

import json

import pytest
import torch
from torch import nn

from plait.errors import PlaitError
from plait.models.transformer import Transformer
from plait.train.callbacks import Budget
from plait.train.muon import Muon, orthogonal
from plait.train.optimisation import Together, optimisation
from plait.train.recipe import Optimiser
from plait.train.recipes import load
from plait.train.run import checkpoint, train

SHAPES = (16, 16), (16, 24), (24, 16), (16, 16)


def test_steps_are_those_of_torch_one_matrix_at_a_time():
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    theirs = [nn.Parameter(weight.detach().clone()) for weight in ours]
    mine = Muon(ours, lr=0.1, weight_decay=0.1)
    known = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape)
            other.grad = one.grad.clone()
        mine.step()
        known.step()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=0.01)  # products in bfloat16, in another order


def test_a_matrix_without_a_gradient_stays():
    torch.manual_seed(0)
    first, second = (nn.Parameter(torch.randn(4, 4)) for _ in range(2))
    before = second.detach().clone()
    first.grad = torch.randn(4, 4)
    Muon([first, second], lr=0.1, weight_decay=0.1).step()
    assert torch.equal(second, before)


def test_singular_values_become_alike():
    torch.manual_seed(0)
    stack = torch.randn(3, 40, 16) * torch.logspace(-2, 0, 16)
    values = torch.linalg.svdvals(orthogonal(stack).float())
    assert values.min() > 0.6
    assert values.max() < 1.3
    left, _, right = torch.linalg.svd(stack, full_matrices=False)
    turned = torch.einsum("nij,nij->n", left @ right, orthogonal(stack).float())
    assert (turned / 16 > 0.8).all()  # the same directions


def test_matrices_of_blocks_take_muon_and_the_rest_adamw():
    recipe = load("toy", ["optimiser.kind=muon"])
    assert recipe.optimiser.kind == "muon"
    net = Transformer(recipe.model)
    both, _ = optimisation(net, Optimiser(kind="muon"), Budget(10))
    assert isinstance(both, Together)
    muon, adamw = ({id(w) for g in part.param_groups for w in g["params"]} for part in both.parts)
    names = {id(w): name for name, w in net.named_parameters()}
    assert muon.isdisjoint(adamw)
    assert muon | adamw == names.keys()
    assert all(names[i].startswith("blocks.") for i in muon)
    assert id(net.embed.weight) in adamw
    assert id(net.head.weight) in adamw
    plain, _ = optimisation(net, Optimiser(decay=0.3), Budget(10))
    for optimiser in (both, plain):
        decays = {w.ndim: g["weight_decay"] for g in optimiser.param_groups for w in g["params"]}
        assert decays == {1: 0.0, 2: 0.3 if optimiser is plain else 0.1}


def test_a_learning_rate_reaches_both_also_after_their_states_are_loaded():
    net = Transformer(load("toy", []).model)
    both, schedule = optimisation(net, Optimiser(kind="muon", rate=0.4, warmup=4), Budget(10))
    for step in (2, 3):
        both.load_state_dict(both.state_dict())
        schedule.step()
        rates = [group["lr"] for part in both.parts for group in part.param_groups]
        assert rates == pytest.approx([0.1 * step] * len(rates))


def test_a_resumed_run_has_the_losses_of_a_whole_one(tmp_path):
    texts = ["optimiser.kind=muon", "optimiser.warmup=4", "log_every=1", "steps=6"]
    recipe = load("toy", [*texts, "save_every=0.0001", "checkpoints=9"])
    whole = train(recipe, tmp_path / "a").rows
    # A loss is that of the weights before its step: momenta and rates show two steps later.
    again = train(recipe, tmp_path / "a", resume=checkpoint(tmp_path / "a", 2)).rows
    assert [row["loss"] for row in again] == [row["loss"] for row in whole]
    plain = train(load("toy", texts[1:]), tmp_path / "b").rows
    assert plain[-1]["loss"] != whole[-1]["loss"]
    said = json.loads((tmp_path / "a" / "recipe.json").read_text())
    assert said["optimiser"]["kind"] == "muon"


@pytest.mark.parametrize("change", ["lora.rank=4", "shard=True"])
def test_weights_that_are_not_whole_are_refused(change):
    with pytest.raises(PlaitError, match="whole matrices"):
        load("toy", ["optimiser.kind=muon", change])
