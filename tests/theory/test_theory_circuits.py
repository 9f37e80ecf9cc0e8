from collections import Counter
from fractions import Fraction

import pytest

from plait.errors import PlaitError
from plait.theory import builders, library, netlist
from plait.theory.circuits import Circuit, Gate
from plait.theory.laws import tv
from plait.theory.library import even_parity
from plait.theory.regular import LANGUAGES

FULL_ADDER = """
s = xor h c        # gates in any order
h = xor a b
a = coin
b = coin
c = input
carry = or g t
g = and a b
t = and h c
output s carry
"""


def test_text_is_layered_by_the_longest_path_and_written_back():
    circuit = netlist.read(FULL_ADDER)
    assert (circuit.depth, circuit.names("input")) == (3, ["c"])
    assert netlist.read(netlist.write(circuit)) == circuit
    law = circuit.fix("1").law()
    assert law.mass == {
        (1, 0): Fraction(1, 4),
        (0, 1): Fraction(1, 2),
        (1, 1): Fraction(1, 4),
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = not b\nb = copy a\noutput a", "gate 'a' lies on a cycle: a reads b reads a"),
        ("a = coin\nb = xor a c\noutput b", "unknown gate read by 'b' 'c'"),
        ("a = coin\na = coin\noutput a", "two gates are called 'a'"),
        ("a = nand\noutput a", "unknown kind of gate 'a' 'nand'; did you mean 'and'"),
        ("a = coin\noutput b", "unknown output 'b'"),
        ("a = coin", "at least one output"),
        ("a coin", "line 1, 'a coin'"),
        ("a = coin b\nb = coin\noutput a", "gate 'a' is a coin, which reads nothing"),
        ("a = coin\nb = not a a\noutput b", "gate 'b' is a not of 2 gates"),
        ("a = xor\noutput a", "gate 'a' is an xor of no gates"),
        ("a = coin\nlayer\nb = copy a\noutput b", "'a' stands before the first line 'layer'"),
        (
            "layer\na = coin\nlayer\nb = copy a\nlayer\nc = xor a b\noutput c",
            "gate 'c' of layer 2 reads 'a' of layer 0; a wire must come from layer 1",
        ),
        ("layer\na = coin\nlayer\nb = copy a\noutput a", "output 'a' lies on layer 0"),
        ("", "at least one layer"),
    ],
)
def test_bad_text_is_one_sentence_with_the_gate(text, sentence):
    with pytest.raises(PlaitError, match=sentence.replace("(", r"\(")):
        netlist.read(text)


def test_open_inputs_and_wrong_bits_are_refused():
    circuit = netlist.read(FULL_ADDER)
    with pytest.raises(PlaitError, match=r"open inputs \(c\)"):
        circuit.law()
    with pytest.raises(PlaitError, match="'012' must be 1 bits"):
        circuit.fix("012")
    with pytest.raises(PlaitError, match="input 'x' lies on layer 1"):
        Circuit(((Gate("a", "coin"),), (Gate("x", "input"),)), ("x",))


def test_named_circuits_compute_what_they_say():
    assert tv(builders.parity_tree(7).law(), even_parity(7)) == 0
    assert builders.majority(5).law().mass[1,] == Fraction(1, 2)
    total = Counter(a + b for a in range(8) for b in range(8))
    law = builders.adder(3).law()
    assert {sum(bit << i for i, bit in enumerate(w)): p * 64 for w, p in law.mass.items()} == total
    s5 = LANGUAGES["s5"]
    words = [tuple(i >> k & 1 for k in range(4)) for i in range(16)]
    to_zero = Fraction(sum(s5.accepts(w) for w in words), 16)
    assert builders.s5_word(4).law().marginal([0])[1,] == to_zero


def test_sampling_agrees_with_the_law():
    circuit = builders.adder(2)
    counts, law = Counter(circuit.sample(20_000, 3)), circuit.law()
    assert all(abs(counts[w] / 20_000 - float(p)) < 0.02 for w, p in law.mass.items())


def test_sizes_that_would_not_finish_are_refused_with_the_size():
    with pytest.raises(PlaitError, match="29 coins have as many outcomes as 536870912"):
        builders.parity_tree(30).law()
    with pytest.raises(PlaitError, match="n is 20; it must lie between 1 and 8"):
        library.permutations(20)
    with pytest.raises(PlaitError, match="n is 4; a majority needs an odd number"):
        builders.majority(4)
