"""Facts of the learned policy: weights from a file, draws that are what it says they are."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from cases import canvas, one_slot
from hand import view
from safetensors.torch import save_file
from tiny import Tiny

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.methods.unmask_policy import Learned, PolicyNet


def random_net() -> PolicyNet:
    torch.manual_seed(3)
    net = PolicyNet(width=8)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.7)
    return net.requires_grad_(False)


def test_the_untrained_policy_is_a_threshold():
    one, traces = decode(
        Tiny(), methods.load("unmask_policy", temperature=0.0, block=8), canvas(one_slot())
    )
    other, same = decode(Tiny(), methods.load("fast_dllm", block=8), canvas(one_slot()))
    assert torch.equal(one.tokens, other.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in same]


def test_weights_come_from_a_file(tmp_path):
    net = random_net()
    save_file(net.state_dict(), tmp_path / "policy.safetensors")
    loaded = methods.load("unmask_policy", weights=str(tmp_path / "policy.safetensors"))
    features = torch.rand(6, 4)
    assert torch.equal(loaded.selector.net(features), net(features))
    done, _ = decode(Tiny(), loaded, canvas())
    default, _ = decode(Tiny(), methods.load("unmask_policy"), canvas())
    assert not done.masked.any()
    assert not torch.equal(done.tokens, default.tokens)


def test_files_without_a_policy_are_refused(tmp_path):
    broken, other = tmp_path / "broken.safetensors", tmp_path / "other.safetensors"
    broken.write_bytes(b"no")
    save_file({"embed.weight": torch.zeros(8, 4)}, other)
    for path in (tmp_path / "none.safetensors", broken, other):
        with pytest.raises(PlaitError, match="holds no unmasking policy") as refused:
            methods.load("unmask_policy", weights=str(path))
        assert "\n" not in str(refused.value)


def test_probabilities_of_all_actions_add_up_to_one():
    part, seen = Learned(random_net(), 1.0), view([0.3, 0.9, 0.6, 0.2], open=[1, 1, 0, 1])
    total = 0.0
    for bits in product([False, True], repeat=3):
        commit = torch.tensor([[False, bits[0], bits[1], False, bits[2]]])
        total += float(part.log_probability(seen, commit).exp())
    assert total == pytest.approx(1, rel=1e-5)


def test_draws_follow_the_log_odds():
    net = PolicyNet(width=8).requires_grad_(False)
    net.direct.weight[0, 0], net.direct.bias[0] = 4.0, -2.0
    part, seen, many = Learned(net, 1.0), view([0.3, 0.9, 0.6, 0.2]), 400
    chance, counts = part.log_odds(seen).sigmoid()[0, 1:], torch.zeros(4)
    assert chance.tolist() == pytest.approx([0.31, 0.832, 0.599, 0.231], abs=1e-3)
    for seed in range(many):
        commit, _ = part(replace(seen, seed=seed), None)
        counts += commit[0, 1:]
    chance[1] += (1 - chance).prod()  # an empty draw becomes the best position
    assert ((counts / many - chance).abs() < 4 * (0.25 / many) ** 0.5).all()


def test_the_gradient_of_an_action_reaches_the_network():
    net = PolicyNet(width=8)
    part, seen = Learned(net, 1.0), view([0.3, 0.9])
    part.log_probability(seen, seen.open).sum().backward()
    assert net.head.weight.grad.abs().sum() > 0
