"""Layered Boolean circuits with coins: the random functions that a program may compute."""

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from ..errors import PlaitError, unknown
from .laws import FiniteLaw, affordable

SOURCES = ("coin", "input", "zero", "one")
FOLDS = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
KINDS = (*SOURCES, "copy", "not", *FOLDS)


@dataclass(frozen=True)
class Gate:
    """A vertex: a source (coin, input, zero, one) or copy, not, and, or, xor of other gates."""

    name: str
    kind: str
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown(f"kind of gate '{self.name}'", self.kind, KINDS)
        if self.kind in SOURCES and self.reads:
            raise PlaitError(f"gate '{self.name}' is a {self.kind}, which reads nothing")
        if self.kind in ("copy", "not") and len(self.reads) != 1:
            raise PlaitError(
                f"gate '{self.name}' is a {self.kind} of {len(self.reads)} gates; it needs 1"
            )
        if self.kind in FOLDS and not self.reads:
            raise PlaitError(f"gate '{self.name}' is an {self.kind} of no gates")


def apply(kind: str, values: Sequence[int], ones: int = 1) -> int:
    """The value of a gate, bit by bit, for bit vectors of the width of `ones`.

    Sources other than the constants have no value of their own: see `Circuit`.
    """
    if kind in FOLDS:
        return functools.reduce(FOLDS[kind], values)
    if kind == "copy":
        return values[0]
    return {"zero": 0, "one": ones}[kind] if not values else ones ^ values[0]


@dataclass(frozen=True)
class Circuit:
    """Gates by layer: a gate of layer l reads gates of layer l - 1, coins and constants nothing.

    Layers count from 0, so that a circuit of layers 0..d has depth d. Outputs lie on the last
    layer. `size` counts every vertex, copies and sources included, as arXiv:2512.25014 does.
    """

    layers: tuple[tuple[Gate, ...], ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.layers or not all(self.layers):
            raise PlaitError("a circuit needs at least one layer, and a gate on each")
        place: dict[str, int] = {}
        for layer, gate in self.placed():
            if gate.name in place:
                raise PlaitError(f"two gates are called '{gate.name}'")
            place[gate.name] = layer
        for layer, gate in self.placed():
            if gate.kind == "input" and layer:
                raise PlaitError(f"input '{gate.name}' lies on layer {layer}; inputs are on 0")
            for read in gate.reads:
                if read not in place:
                    raise unknown(f"gate read by '{gate.name}'", read, place)
                if place[read] != layer - 1:
                    raise PlaitError(
                        f"gate '{gate.name}' of layer {layer} reads '{read}' of layer "
                        f"{place[read]}; a wire must come from layer {layer - 1}"
                    )
        if not self.outputs:
            raise PlaitError("a circuit needs at least one output")
        for name in self.outputs:
            if name not in place:
                raise unknown("output", name, place)
            if place[name] != self.depth:
                raise PlaitError(
                    f"output '{name}' lies on layer {place[name]}; outputs must be on the last, "
                    f"{self.depth} (carry it there with copies)"
                )

    def placed(self) -> list[tuple[int, Gate]]:
        """Every gate with its layer."""
        return [(index, gate) for index, layer in enumerate(self.layers) for gate in layer]

    @property
    def size(self) -> int:
        """N: vertices, copies and sources included."""
        return sum(len(layer) for layer in self.layers)

    @property
    def depth(self) -> int:
        """d: index of the last layer; sources are layer 0."""
        return len(self.layers) - 1

    @property
    def width(self) -> int:
        """w: gates on the largest layer."""
        return max(len(layer) for layer in self.layers)

    def names(self, kind: str) -> list[str]:
        """Names of the gates of one kind."""
        return [gate.name for _, gate in self.placed() if gate.kind == kind]

    def fix(self, inputs: str) -> "Circuit":
        """The circuit with its inputs, in order, replaced by the bits of a prompt like "0110"."""
        names = self.names("input")
        if len(inputs) != len(names) or set(inputs) - {"0", "1"}:
            raise PlaitError(f"the input '{inputs}' must be {len(names)} bits, one for each input")
        bit = dict(zip(names, ("one" if b == "1" else "zero" for b in inputs), strict=True))
        first = tuple(Gate(g.name, bit.get(g.name, g.kind)) for g in self.layers[0])
        return Circuit((first, *self.layers[1:]), self.outputs)

    def closed(self) -> "Circuit":
        """The circuit itself; PlaitError if it still has open inputs."""
        if names := self.names("input"):
            named = ", ".join(names)
            raise PlaitError(f"the circuit has open inputs ({named}); give their bits as --input")
        return self

    def law(self) -> FiniteLaw:
        """The exact law of the outputs, by all outcomes of the coins at once (one bit each)."""
        coins = len(self.closed().names("coin"))
        affordable(2**coins, f"{coins} coins have as many outcomes as", "sample it (--draws)")
        columns = self._run([_alternating(j, coins) for j in range(coins)], 2**coins)
        counts = Counter(zip(*columns, strict=True))
        return FiniteLaw(
            {tuple(map(int, word)): Fraction(c, 2**coins) for word, c in counts.items()}
        )

    def sample(self, draws: int, seed: int) -> list[tuple[int, ...]]:
        """Independent draws of the outputs."""
        rng = Random(seed)
        coins = [rng.getrandbits(draws) for _ in self.closed().names("coin")]
        return [tuple(map(int, word)) for word in zip(*self._run(coins, draws), strict=True)]

    def _run(self, coins: list[int], wide: int) -> list[str]:
        """One string of `wide` bits per output, from one vector of `wide` bits per coin."""
        fresh, ones = iter(coins), (1 << wide) - 1
        value: dict[str, int] = {}
        for gate in itertools.chain(*self.layers):
            reads = [value[name] for name in gate.reads]
            value[gate.name] = next(fresh) if gate.kind == "coin" else apply(gate.kind, reads, ones)
        return [format(value[name], f"0{wide}b") for name in self.outputs]


def _alternating(period: int, coins: int) -> int:
    """The vector whose bit i is bit `period` of i, for i < 2**coins."""
    vector, width = ((1 << (1 << period)) - 1) << (1 << period), 2 << period
    while width < 1 << coins:
        vector, width = vector << width | vector, 2 * width
    return vector
