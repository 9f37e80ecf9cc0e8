"""Circuits as text, and gates in any order to layers.

    a = coin            # kinds: coin input zero one copy not and or xor
    b = coin
    s = xor a b
    c = and a b
    output s c

Gates may stand in any order; layers follow from the longest path, and copies carry what is read
later. With lines `layer` between the gates the text is taken as it is, and checked.
"""

import re
from collections.abc import Iterable, Sequence

from ..errors import PlaitError, unknown
from .circuits import SOURCES, Circuit, Gate

NAME = re.compile(r"\w+(\[\w+\])*$")


def read(text: str) -> Circuit:
    """The circuit that `text` describes; PlaitError names the line or the gate at fault."""
    layers: list[list[Gate]] = []
    loose: list[Gate] = []
    outputs: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].replace("=", " = ").split()
        if not words:
            continue
        if words == ["layer"]:
            layers.append([])
        elif words[0] == "output":
            outputs += words[1:]
        elif len(words) > 2 and words[1] == "=" and all(map(NAME.match, [words[0], *words[3:]])):
            (layers[-1] if layers else loose).append(Gate(words[0], words[2], tuple(words[3:])))
        else:
            raise PlaitError(
                f"line {number}, '{line.strip()}': write 'name = kind reads...', 'output names...' "
                "or 'layer'"
            )
    if layers and loose:
        raise PlaitError(f"gate '{loose[0].name}' stands before the first line 'layer'")
    if layers:
        return Circuit(tuple(map(tuple, layers)), tuple(outputs))
    return layered(loose, outputs)


def write(circuit: Circuit) -> str:
    """The text of a circuit, layer by layer; `read` takes it back."""
    lines = []
    for layer in circuit.layers:
        lines += ["layer", *(" ".join([g.name, "=", g.kind, *g.reads]) for g in layer)]
    return "\n".join([*lines, " ".join(["output", *circuit.outputs]), ""])


def layered(gates: Iterable[Gate], outputs: Sequence[str]) -> Circuit:
    """A circuit of gates given in any order: each as early as it can be, with copies between."""
    gates = list(gates)
    by_name = {gate.name: gate for gate in gates}
    if len(by_name) < len(gates):
        names = [gate.name for gate in gates]
        twice = next(name for name in names if names.count(name) > 1)
        raise PlaitError(f"two gates are called '{twice}'")
    layer = _layers(by_name)
    depth = max(layer.values(), default=0)
    last = dict(layer)  # the last layer on which the value of a gate stands
    for gate in gates:
        for name in gate.reads:
            last[name] = max(last[name], layer[gate.name] - 1)
    for name in outputs:
        if name not in by_name:
            raise unknown("output", name, by_name)
        last[name] = depth
    rows: list[list[Gate]] = [[] for _ in range(depth + 1)]
    for gate in gates:
        start = layer[gate.name]
        reads = tuple(_copy(name, start - 1 - layer[name]) for name in gate.reads)
        rows[start].append(Gate(gate.name, gate.kind, reads))
        for lag in range(1, last[gate.name] - start + 1):
            copy = Gate(_copy(gate.name, lag), "copy", (_copy(gate.name, lag - 1),))
            rows[start + lag].append(copy)
    return Circuit(tuple(map(tuple, rows)), tuple(_copy(o, depth - layer[o]) for o in outputs))


def _copy(name: str, lag: int) -> str:
    return f"{name}[{lag}]" if lag else name


def _layers(gates: dict[str, Gate]) -> dict[str, int]:
    """The longest path from a source to each gate; PlaitError names a gate on a cycle."""
    layer: dict[str, int] = {}
    for root in gates:
        path = [root]
        while path:
            gate = gates[path[-1]]
            for name in gate.reads:
                if name not in gates:
                    raise unknown(f"gate read by '{gate.name}'", name, gates)
            waiting = [name for name in gate.reads if name not in layer]
            if waiting and waiting[0] in path:
                cycle = [*path[path.index(waiting[0]) :], waiting[0]]
                raise PlaitError(f"gate '{waiting[0]}' lies on a cycle: {' reads '.join(cycle)}")
            if waiting:
                path.append(waiting[0])
                continue
            deepest = max((layer[name] for name in gate.reads), default=-1)
            layer[path.pop()] = 0 if gate.kind in SOURCES else deepest + 1
    return layer
