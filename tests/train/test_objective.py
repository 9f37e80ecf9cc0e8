import itertools
import math

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from plait.errors import PlaitError
from plait.look import log_probability
from plait.measure.likelihood import known, log_likelihood
from plait.train import weights
from plait.train.objective import NORMALISERS, Objective
from plait.train.recipes import load
from plait.train.schedule import Schedule

# Two rows, three positions, two tokens. Probabilities of the right token:
RIGHT = torch.tensor([[0.5, 0.25, 0.9], [0.125, 0.5, 0.2]])
MASKED = torch.tensor([[True, True, False], [True, False, False]])
FREE = torch.tensor([[True, True, True], [True, True, False]])
RATE = torch.tensor([[0.5], [0.25]])
BIT = math.log(2)


def loss(weight: str = "none", normaliser: str = "masked") -> float:
    target = torch.zeros(2, 3, dtype=torch.int32)
    logits = torch.stack((RIGHT.log(), (1 - RIGHT).log()), -1)
    objective = Objective(weights.load(weight), normaliser)
    return float(objective(logits, target, MASKED, FREE, RATE))


@pytest.mark.parametrize(
    ("weight", "normaliser", "value"),
    [
        ("none", "masked", (1 + 2 + 3) * BIT / 3),
        ("none", "free", (1 + 2 + 3) * BIT / 5),
        ("none", "all", (1 + 2 + 3) * BIT / 6),
        ("none", "row", ((1 + 2) / 3 + 3 / 2) * BIT / 2),
        ("inverse", "masked", (2 * (1 + 2) + 4 * 3) * BIT / 3),
        ("inverse", "free", (2 * (1 + 2) + 4 * 3) * BIT / 5),
        ("inverse", "row", (2 * (1 + 2) / 3 + 4 * 3 / 2) * BIT / 2),
        ("schedule", "masked", (2 * (1 + 2) + 4 * 3) * BIT / 3),
        ("linear", "masked", (0.5 * (1 + 2) + 0.75 * 3) * BIT / 3),
        ("focal", "masked", (0.25 * (0.5**2 * 1 + 0.75**2 * 2 + 0.875**2 * 3)) * BIT / 3),
        # Position 2 of row 0 sees one neighbour at distance 2 and 1; row 1 sees both others.
        ("cart", "masked", (0.045 * 1 + 0.05 * 2 + (0.05 + 0.045) * 3) * BIT / 3),
    ],
)
def test_hand_computed(weight, normaliser, value):
    assert loss(weight, normaliser) == pytest.approx(value)


def test_cart_does_not_count_padding():
    """The hand-computed case above with the last column as padding."""
    real = torch.tensor([[True, True, False], [True, True, False]])
    objective = Objective(weights.load("cart"))
    values = -RIGHT.log()
    found = objective.total(values, MASKED, FREE, RATE, real)
    assert float(found) == pytest.approx((0 + 0 + 0.05 * 3) * BIT / 3)


def test_cart_lies_below_one_and_is_zero_where_nothing_is_seen():
    masked = torch.zeros(1, 401, dtype=torch.bool)
    masked[0, 200] = True
    everything = torch.ones_like(masked)
    for p in (0.1, 0.3, 0.8):
        rule = Objective(weights.load("cart", p=p))
        one = rule.total(masked.float(), masked, everything, RATE[:1])
        assert 0.99 < float(one) <= 1 + 1e-6  # the kernel's whole mass
        assert float(rule.total(everything.float(), everything, everything, RATE[:1])) == 0


def direct(name: str, normaliser: str, focal: bool, logits, target, masked, free, rate, real):
    """The loss in the words of the papers, position by position."""
    total = 0
    for b, n in masked.nonzero().tolist():
        p = logits[b, n].exp()[target[b, n]] / logits[b, n].exp().sum()
        ce, t = -p.log(), rate[b, 0]
        seen = [i for i in range(len(target[b])) if real[b, i] and not masked[b, i] and i != n]
        w = {
            "none": 1.0,
            "inverse": 1 / t,
            "schedule": 1 / t,
            "linear": 1 - t,
            "focal": 0.25 * (1 - p) ** 2,
            "cart": sum(0.5 * 0.1 * 0.9 ** (abs(n - i) - 1) for i in seen),
        }[name]
        w = w * (0.25 * (1 - p) ** 2 if focal else 1)
        total = total + w * ce / (free[b].sum() if normaliser == "row" else 1)
    counts = {"masked": masked.sum(), "free": free.sum(), "row": len(free), "all": free.numel()}
    return total / counts[normaliser]


@pytest.mark.parametrize("focal", [False, True])
@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("name", weights.names())
def test_value_and_gradient_of_every_option(name, normaliser, focal):
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 6, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    target = torch.randint(4, (3, 6), generator=rng)
    free = torch.rand(3, 6, generator=rng) < 0.8
    masked = free & (torch.rand(3, 6, generator=rng) < 0.6)
    real = free | (torch.rand(3, 6, generator=rng) < 0.5)
    rate = torch.rand(3, 1, generator=rng, dtype=torch.float64) * 0.9 + 0.05
    factor = weights.load("focal" if focal else "none")
    objective = Objective(weights.load(name), normaliser, factor)
    ours = objective(logits, target, masked, free, rate.float(), real)
    theirs = direct(name, normaliser, focal, logits, target, masked, free, rate.float(), real)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    (mine,), (yours,) = (torch.autograd.grad(value, logits) for value in (ours, theirs))
    torch.testing.assert_close(mine, yours, rtol=1e-6, atol=1e-12)
    assert mine[masked].abs().sum() > 0
    assert mine[~masked].abs().sum() == 0


def test_a_count_from_outside_stands_for_the_own():
    target, logits = torch.zeros(2, 3).int(), torch.zeros(2, 3, 4)
    given = Objective()(logits, target, MASKED, FREE, RATE, None, torch.tensor(7.0))
    assert float(given) == pytest.approx(3 * math.log(4) / 7)


def test_nothing_masked_costs_nothing():
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    value = Objective()(torch.zeros(1, 2, 3), torch.zeros(1, 2).int(), nothing, ~nothing, RATE[:1])
    assert value == 0


class Table:
    """A denoiser of five positions whose conditionals are any numbers at all."""

    vocab = 4  # three tokens and the mask

    def __init__(self) -> None:
        shape = (4,) * 5 + (5, self.vocab)
        self.logits = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    def __call__(self, canvas, where):
        return self.logits[tuple(canvas.tokens.T.long())][where]


def test_three_bounds_are_one_number():
    """Bernoulli with 1/t, exact-k with n/k, and the mean over all orders, by enumeration."""
    table, text, n = Table(), [0, 2, 1, 1, 0], 5
    canvas = known([[]], [text], mask_id=3, eos_id=9)
    orders = [
        -float(log_likelihood(table, canvas, torch.tensor([order])))
        for order in itertools.permutations(range(n))
    ]
    any_order = math.fsum(orders) / len(orders)
    free = torch.ones(1, n, dtype=torch.bool)

    def sums(objective: Objective, masked: tuple[bool, ...], rate: float) -> float:
        hidden = torch.tensor([masked])
        logits = table(canvas.erase(hidden), free).index_fill(-1, torch.tensor([3]), -1e30)
        losses = -log_probability(logits, canvas.tokens[0]).double()[None]
        share = torch.tensor([[rate]], dtype=torch.float64)
        return n * float(objective.total(losses, hidden, free, share))

    masks = list(itertools.product((False, True), repeat=n))
    bound = Objective(weights.load("inverse"), "free")
    exact = math.fsum(
        sums(bound, m, sum(m) / n) / math.comb(n, sum(m)) / n for m in masks if any(m)
    )
    assert exact == pytest.approx(any_order, abs=1e-9)

    nodes, parts = np.polynomial.legendre.leggauss(80)
    for schedule in (Schedule(), Schedule("cosine"), Schedule("power", 2.0)):
        rule = Objective(weights.load("schedule", kind=schedule.kind, power=schedule.power), "free")
        once = {
            m: sums(rule, m, 0.5) / float(schedule.weight(torch.tensor(0.5).double()))
            for m in masks
        }
        total = []
        for node, part in zip((nodes + 1) / 2, parts / 2, strict=True):
            rate = schedule.rate(torch.tensor(node, dtype=torch.float64))
            weight, rate = float(schedule.weight(rate)), float(rate)
            total += [
                part * weight * once[m] * rate ** sum(m) * (1 - rate) ** (n - sum(m)) for m in masks
            ]
        assert math.fsum(total) == pytest.approx(any_order, abs=1e-9)


def test_settings_are_checked():
    recipe = load("plait_tiny", ["objective.weight=cart", "objective.weight.p=0.3"])
    assert recipe.objective.weight == weights.load("cart", p=0.3)
    with pytest.raises(PlaitError, match="did you mean 'inverse'"):
        load("plait_tiny", ["objective.weight=invers"])
    with pytest.raises((PlaitError, TypeCheckError), match="maskd"):  # tests check types first
        load("plait_tiny", ["objective.normaliser=maskd"])
    with pytest.raises(PlaitError, match="set both alike"):
        load("toy", ["objective.weight=schedule", "corruption.schedule.kind=cosine"])
