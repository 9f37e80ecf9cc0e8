import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plait.errors import PlaitError
from plait.theory import builders, catalogue
from plait.theory.circuits import FOLDS, Circuit, Gate
from plait.theory.compile import MODES, compile
from plait.theory.laws import tv
from plait.theory.pushforward import push


@st.composite
def layouts(draw) -> tuple[list[list[tuple]], list[str]]:
    """Layered circuits of width <= 5 and depth <= 7 with coins and constants on any layer."""
    layers: list[list[tuple]] = []
    for depth in range(draw(st.integers(1, 8))):
        row = []
        for i in range(draw(st.integers(1, 5))):
            kinds = ["coin", "coin", "zero", "one"]
            if depth:
                kinds = ["coin", "one", "copy", "not", *FOLDS, "xor"]
            kind, reads = draw(st.sampled_from(kinds)), ()
            if kind in ("copy", "not", *FOLDS):
                below = st.sampled_from([name for name, _, _ in layers[-1]])
                most = 1 if kind in ("copy", "not") else 4
                reads = tuple(draw(st.lists(below, min_size=1, max_size=most)))
            row.append((f"g{depth}_{i}", kind, reads))
        layers.append(row)
    names = [name for name, _, _ in layers[-1]]
    outputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=5))
    return layers, outputs


def check(circuit: Circuit) -> None:
    """TV exactly 0 and the formulas of the theorems, in all three modes."""
    law, N, d, w = circuit.law(), circuit.size, circuit.depth, circuit.width
    bits = d.bit_length()
    assert 2**bits >= d + 1 > 2 ** (bits - 1) or d == 0  # bits = ceil(log2(d + 1))
    lengths = {"cot": N, "remask": 2 * w + 2 * bits, "revision": w + bits}
    for mode in MODES:
        program, certificate = compile(circuit, mode)
        found = push(program)
        assert tv(law, found.law) == 0
        assert certificate.length == program.length == lengths[mode] == certificate.theorem_length
        assert certificate.rounds == program.rounds == len(found.rounds) == d + 1
        assert certificate.peak_live == found.peak_live <= program.length
        assert program.revision == (mode == "revision")
        assert program.remasks == (mode == "remask" and d > 0)
        if mode != "cot":
            assert found.peak_live <= w + bits or mode == "remask"


@settings(max_examples=220, suppress_health_check=list(HealthCheck))
@given(layouts())
@example(([[("a", "coin", ())]], ["a"]))
def test_random_circuits_compile_to_exact_programs_of_the_theorem_s_size(layout):
    layers, outputs = layout
    check(Circuit(tuple(tuple(Gate(*gate) for gate in row) for row in layers), tuple(outputs)))


@pytest.mark.parametrize("name", catalogue.names("circuit"))
def test_named_circuits_compile_to_exact_programs(name):
    small = {"s5-word": 2, "adder": 3}
    check(catalogue.build("circuit", name, n=small.get(name)))


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4])
def test_the_word_problem_of_s5_compiles_to_exact_programs(n):
    check(catalogue.build("circuit", "s5-word", n=n))


def test_a_changed_gate_shows():
    circuit = builders.parity_tree(5)
    law = circuit.law()
    for layer, gate in circuit.placed():
        if gate.kind != "xor":
            continue
        row = tuple(replace(g, kind="or") if g == gate else g for g in circuit.layers[layer])
        layers = (*circuit.layers[:layer], row, *circuit.layers[layer + 1 :])
        for mode in MODES:
            assert tv(law, push(compile(Circuit(layers, circuit.outputs), mode)[0]).law) > 0


def test_the_fan_in_of_chain_of_thought_is_the_gate_s():
    _, certificate = compile(builders.parity_tree(32), "cot")
    assert certificate.fan_in == 4  # two bits, the layer below, itself


def test_space_over_rounds_grows_or_stays():
    circuit = builders.majority(9)
    live = {m: [r.live for r in push(compile(circuit, m)[0]).rounds] for m in MODES}
    assert live["cot"] == [9 * t for t in range(1, 11)]
    assert set(live["remask"]) == set(live["revision"]) == {9 + 4}


def test_unknown_modes_and_open_inputs():
    with pytest.raises(PlaitError, match="unknown mode 'revison'; did you mean 'revision'"):
        compile(builders.adder(1), "revison")
    with pytest.raises(PlaitError, match="open inputs"):
        compile(Circuit(((Gate("a", "input"),),), ("a",)), "cot")


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(MODES))
def test_two_to_the_sixteen_states_in_twenty_seconds(mode):
    circuit, start = builders.parity_tree(17), time.process_time()
    found = push(compile(circuit, mode)[0])
    assert tv(circuit.law(), found.law) == 0
    assert max(r.states for r in found.rounds) == 2**16
    assert time.process_time() - start < 20  # of one core, whatever else it does
