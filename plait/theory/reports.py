"""What the command line shows of the theory, as plain records."""

from dataclasses import asdict
from typing import Any

from . import bounds, catalogue
from .circuits import Circuit
from .compile import MODES, compile
from .constructions import target, target_draws
from .laws import FiniteLaw, Word, tv
from .programs import Program
from .pushforward import Round, push
from .sampling import compare, sample

Row = dict[str, Any]


def certificates(circuit: Circuit, mode: str | None) -> list[Row]:
    """The certificate of a circuit in one mode, or in all."""
    return [asdict(compile(circuit, m)[1]) for m in ([mode] if mode else MODES)]


def run_circuit(circuit: Circuit, mode: str | None, draws: int | None, seed: int) -> list[Row]:
    """Compile, run and compare with the circuit's own law, exactly or (with draws) by samples."""
    rows = []
    for m in [mode] if mode else MODES:
        program, certificate = compile(circuit, m)
        row = {"mode": m, "theorem_length": certificate.theorem_length}
        if draws is None:
            rows.append(row | _exact(program, circuit.law()))
        else:
            rows.append(row | _sampled(program, circuit.sample(draws, seed + 1), draws, seed))
    return rows


def run_program(name: str, n: int | None, draws: int | None, seed: int) -> list[Row]:
    """Run a named program and compare it with the law that it is to sample."""
    size = catalogue.size("program", name, n)
    program = catalogue.build("program", name, n=size)
    row = {"program": name, "n": size}
    if draws is None:
        return [row | _exact(program, target(name, size))]
    other = target_draws(name, size, draws, seed + 1)
    return [row | _sampled(program, other, draws, seed)]


def _exact(program: Program, law: FiniteLaw) -> Row:
    found = push(program)
    return _facts(program) | {"tv": str(tv(law, found.law))} | _rounds(found.rounds)


def _sampled(program: Program, other: list[Word], draws: int, seed: int) -> Row:
    words, rounds = sample(program, draws, seed)
    return _facts(program) | asdict(compare(words, other, seed)) | _rounds(rounds)


def _facts(program: Program) -> Row:
    return {"length": program.length, "rounds": program.rounds, "fan_in": program.fan_in}


def _rounds(rounds: list[Round] | tuple[Round, ...]) -> Row:
    return {
        "live": [r.live for r in rounds],
        "states": [r.states for r in rounds],
        "predictions": sum(r.predictions for r in rounds),
        "coins": sum(r.coins for r in rounds),
    }


def gallery() -> list[Row]:
    """Everything that has a name, with the facts that fit on a line."""
    rows: list[Row] = []
    for kind in catalogue.SHELVES:
        for name in catalogue.names(kind):
            line = (catalogue.function(kind, name).__doc__ or name).splitlines()[0]
            rows.append({"kind": kind, "name": name, "what": line, "facts": _shown(kind, name)})
    rows += [
        {"kind": "bound", "name": b.replace("_", "-"), "what": bounds.line(b), "facts": ""}
        for b in bounds.names()
    ]
    return rows


def _shown(kind: str, name: str) -> str:
    thing = catalogue.build(kind, name)
    if isinstance(thing, FiniteLaw):
        price = thing.total_correlation([[i] for i in range(thing.n)])
        return f"n={thing.n} entropy={thing.entropy():.3f} one-round price={price:.3f} nats"
    if isinstance(thing, Circuit):
        return f"N={thing.size} d={thing.depth} w={thing.width}"
    return f"L={thing.length} rounds={thing.rounds} fan-in={thing.fan_in}"
