"""Circuits to programs: Theorems 3.1 and 3.2 of arXiv:2512.25014, as compilers.

Each mode needs as many rounds as the circuit has layers; they differ in space. The constructions
are ours, checked by enumeration; lengths are the paper's. Sources (coins, constants, the fixed
bits of a prompt) are gates of layer 0 and take a round like any other layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import unknown
from .circuits import Circuit, Gate, apply
from .laws import Word
from .programs import MASK, NEVER, YES, Map, Program, Rule, Step, Switch, always
from .sampling import live

SOURCES = (
    "sources are layer 0: depth d counts layers 0..d, each takes one round; "
    "a paper that counts sources as layer 1 calls d + 1 the depth"
)


@dataclass(frozen=True)
class Certificate:
    """What a program needs, next to the size N, depth d and width w of its circuit."""

    mode: str
    length: int  # L, positions of the canvas
    rounds: int  # D
    peak_live: int  # the most positions revealed after a round
    fan_in: int  # the most positions that the maps of one position are wired to, itself counted
    size: int  # N
    depth: int  # d
    width: int  # w
    theorem_length: int
    theorem_rounds: int
    convention: str = SOURCES


def compile(circuit: Circuit, mode: str) -> tuple[Program, Certificate]:
    """The program of a circuit in mode `cot`, `remask` or `revision`, and its certificate."""
    if mode not in MODES:
        raise unknown("mode", mode, MODES)
    build, length = MODES[mode]
    program, d, w = build(circuit.closed()), circuit.depth, circuit.width
    certificate = Certificate(
        mode=mode,
        length=program.length,
        rounds=program.rounds,
        peak_live=max(live(program)),
        fan_in=program.fan_in,
        size=circuit.size,
        depth=d,
        width=w,
        theorem_length=length(circuit.size, w, counter_bits(d)),
        theorem_rounds=d + 1,
    )
    return program, certificate


def cot(circuit: Circuit) -> Program:
    """Chain of thought: one position per gate, revealed layer by layer and kept.

    A position is written when a gate of the layer below has been: constant fan-in beyond the
    gate's own.
    """
    place = {gate.name: i for i, (_, gate) in enumerate(circuit.placed())}
    unmask: dict[int, Map] = {}
    predict: dict[int, Map] = {}
    for layer, gate in circuit.placed():
        cell = place[gate.name]
        below = (place[circuit.layers[layer - 1][0].name],) if layer else ()
        unmask[cell] = Rule((cell, *below), _next_to_write)
        predict[cell] = gate_rule(gate, [place[name] for name in gate.reads])
    step = Step(predict, unmask, {})
    outputs = tuple(place[name] for name in circuit.outputs)
    return Program(circuit.size, (step,) * (circuit.depth + 1), outputs)


def revision(circuit: Circuit) -> Program:
    """Revision: w work positions that each layer overwrites, and a binary counter of layers."""
    bits = counter_bits(circuit.depth)
    tape = _Tape(circuit, 0)
    counter = tuple(range(circuit.width, circuit.width + bits))
    cases = {(MASK,) * bits: 0}
    cases |= {binary(layer, bits): layer + 1 for layer in range(circuit.depth)}
    unmask, predict = tape.writes(counter, cases, tape)
    step = Step(predict, unmask, {})
    return Program(circuit.width + bits, (step,) * (circuit.depth + 1), tape.outputs, revision=True)


def remask(circuit: Circuit) -> Program:
    """Remasking: two halves take turns; one is written from the other, which is then masked."""
    bits, d = counter_bits(circuit.depth), circuit.depth
    span = circuit.width + bits
    tapes = [_Tape(circuit, 0), _Tape(circuit, span)]
    unmask: dict[int, Map] = {}
    predict: dict[int, Map] = {}
    erase: dict[int, Map] = {}
    blank = (MASK,) * bits
    for half, tape in enumerate(tapes):
        other = tapes[1 - half]
        select = (*tape.counter, *other.counter)
        cases = {} if half else {blank + blank: 0}
        for layer in range(1 - half, d, 2):  # what the other half shows
            cases[blank + binary(layer, bits)] = layer + 1
        new = tape.writes(select, cases, other)
        unmask, predict = unmask | new[0], predict | new[1]
        done = {binary(layer, bits) + blank: layer for layer in range(half, d, 2)}
        erase |= tape.erases(select, done)
    step = Step(predict, unmask, erase)
    return Program(2 * span, (step,) * (d + 1), tapes[d % 2].outputs)


MODES: dict[str, tuple[Callable[[Circuit], Program], Callable[[int, int, int], int]]] = {
    "cot": (cot, lambda size, width, bits: size),  # noqa: ARG005
    "remask": (remask, lambda size, width, bits: 2 * width + 2 * bits),  # noqa: ARG005
    "revision": (revision, lambda size, width, bits: width + bits),  # noqa: ARG005
}


class _Tape:
    """Work positions `start`, `start` + 1, ... that hold one layer, then its counter."""

    def __init__(self, circuit: Circuit, start: int) -> None:
        self.circuit, self.start = circuit, start
        end = start + circuit.width
        self.counter = tuple(range(end, end + counter_bits(circuit.depth)))
        self.outputs = self.cells(circuit.depth, circuit.outputs)

    def cells(self, layer: int, names: Sequence[str]) -> tuple[int, ...]:
        """Where gates of a layer stand on this tape."""
        order = [gate.name for gate in self.circuit.layers[layer]]
        return tuple(self.start + order.index(name) for name in names)

    def writes(
        self, select: tuple[int, ...], cases: dict[Word, int], source: "_Tape"
    ) -> tuple[dict[int, Map], dict[int, Map]]:
        """Maps that write layer `cases[symbols of select]` here, from the layer below."""
        when: dict[int, dict[Word, Rule]] = {}
        for seen, layer in cases.items():
            for offset, gate in enumerate(self.circuit.layers[layer]):
                reads = source.cells(layer - 1, gate.reads) if gate.reads else ()
                when.setdefault(self.start + offset, {})[seen] = gate_rule(gate, reads)
            for cell, bit in zip(self.counter, binary(layer, len(self.counter)), strict=True):
                when.setdefault(cell, {})[seen] = always(2 * bit)
        unmask = {c: Switch(select, dict.fromkeys(rules, YES), NEVER) for c, rules in when.items()}
        return {**unmask}, {c: Switch(select, rules, NEVER) for c, rules in when.items()}

    def erases(self, select: tuple[int, ...], cases: dict[Word, int]) -> dict[int, Map]:
        """Maps that mask what layer `cases[symbols of select]` has written here."""
        when: dict[int, list[Word]] = {}
        for seen, layer in cases.items():
            used = range(self.start, self.start + len(self.circuit.layers[layer]))
            for cell in (*used, *self.counter):
                when.setdefault(cell, []).append(seen)
        return {c: Switch(select, dict.fromkeys(seen, YES), NEVER) for c, seen in when.items()}


def gate_rule(gate: Gate, reads: Sequence[int]) -> Rule:
    """The predictor of a gate: P(1) in halves, from the positions that hold what it reads."""
    if gate.kind == "coin":
        return always(1)
    return Rule(tuple(reads), lambda symbols: 2 * apply(gate.kind, symbols))


def counter_bits(depth: int) -> int:
    """ceil(log2(d + 1)): the bits that tell the layers 0..d apart."""
    return depth.bit_length()


def binary(value: int, bits: int) -> Word:
    """The bits of `value`, lowest first."""
    return tuple(value >> i & 1 for i in range(bits))


def _next_to_write(symbols: Word) -> int:
    """Masked itself, while what lies below is not."""
    return int(symbols[0] == MASK and MASK not in symbols[1:])
