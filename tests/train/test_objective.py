import itertools
import math

import pytest
import torch
from jaxtyping import TypeCheckError

from plait.errors import PlaitError
from plait.train.objective import Objective
from plait.train.recipes import load

# Two rows, three positions, two tokens. Probabilities of the right token:
RIGHT = torch.tensor([[0.5, 0.25, 0.9], [0.125, 0.5, 0.2]])
MASKED = torch.tensor([[True, True, False], [True, False, False]])
FREE = torch.tensor([[True, True, True], [True, True, False]])
RATE = torch.tensor([0.5, 0.25])
BIT = math.log(2)


def loss(**settings) -> float:
    target = torch.zeros(2, 3, dtype=torch.int32)
    logits = torch.stack((RIGHT.log(), (1 - RIGHT).log()), -1)
    return float(Objective(**settings)(logits, target, MASKED, FREE, RATE))


@pytest.mark.parametrize(
    ("weight", "normaliser", "value"),
    [
        ("none", "masked", (1 + 2 + 3) * BIT / 3),
        ("none", "free", (1 + 2 + 3) * BIT / 5),
        ("inverse", "masked", (2 * (1 + 2) + 4 * 3) * BIT / 3),
        ("inverse", "free", (2 * (1 + 2) + 4 * 3) * BIT / 5),
    ],
)
def test_hand_computed(weight, normaliser, value):
    assert loss(weight=weight, normaliser=normaliser) == pytest.approx(value)


def test_nothing_masked_costs_nothing():
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    value = Objective()(torch.zeros(1, 2, 3), torch.zeros(1, 2).int(), nothing, ~nothing, RATE[:1])
    assert value == 0


def test_inverse_weight_is_the_likelihood_of_exact_conditionals():
    """E_t E_m [1/t sum of masked losses] = -log p(x) for the model p itself (arXiv:2406.07524)."""
    law = torch.tensor([[0.4, 0.1], [0.2, 0.3]])  # p(x0, x1)
    objective = Objective("inverse", "free")
    free = torch.ones(1, 2, dtype=torch.bool)
    levels = (torch.arange(400) + 0.5) / 400
    for x in itertools.product((0, 1), repeat=2):
        bound = 0.0
        for masked in itertools.product((False, True), repeat=2):
            seen = law.clone()
            for axis, hidden in enumerate(masked):
                if not hidden:
                    seen.index_fill_(axis, torch.tensor([1 - x[axis]]), 0.0)
            seen /= seen.sum()
            logits = torch.stack((seen.sum(1), seen.sum(0))).clamp(min=1e-30).log()[None]
            n = sum(masked)
            for rate in levels:
                value = objective(
                    logits, torch.tensor([x]), torch.tensor([masked]), free, rate[None]
                )
                chance = rate**n * (1 - rate) ** (2 - n)
                bound += float(chance * value) * 2 / len(levels)  # 2 free positions
        assert bound == pytest.approx(-math.log(law[x]), abs=1e-3)


def test_settings_are_checked():
    assert load("plait_tiny", ["objective.weight=inverse"]).objective.weight == "inverse"
    with pytest.raises((PlaitError, TypeCheckError), match="invers"):  # tests check types first
        load("plait_tiny", ["objective.weight=invers"])
