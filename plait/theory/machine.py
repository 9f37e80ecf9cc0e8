"""One round of a program on many states at once; states are packed into integers.

Bit i of a state says that position i is revealed, bit L + i which token it holds. While a round
is computed, bit 2L + i says that position i was written and bit 3L + i that coins decided it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import PlaitError
from .laws import Word
from .programs import MASK, Map, Program, Rule, Switch


class _Lookup(dict[int, int]):
    """What a position does, by the packed symbols that it reads; filled in when first asked.

    An answer >= 0 is the packed outcome; an answer -k means a 1 with probability k / 2**coins.
    """

    def __init__(self, machine: "Machine", position: int, rules: Sequence[Rule]) -> None:
        super().__init__()
        self.machine, self.position, self.rules = machine, position, rules
        self.mask = machine.bits([position, *(cell for rule in rules for cell in rule.reads)])

    def __missing__(self, key: int) -> int:
        self[key] = found = self.machine.answer(self.position, self.rules, key)
        return found


class _Branches(dict[int, tuple[_Lookup, int]]):
    """The lookup to use and the mask of what it reads, by the packed symbols of the switches."""

    def __init__(self, machine: "Machine", position: int, maps: Sequence[Map]) -> None:
        super().__init__()
        self.machine, self.position, self.maps = machine, position, maps
        self.mask = machine.bits([c for m in maps if isinstance(m, Switch) for c in m.select])

    def __missing__(self, key: int) -> tuple[_Lookup, int]:
        rules = [self.machine.rule(m, key) for m in self.maps]
        lookup = _Lookup(self.machine, self.position, rules)
        self[key] = lookup, lookup.mask
        return self[key]


@dataclass(frozen=True)
class Columns:
    """What a round does to a list of states, all coins left open."""

    fixed: list[int]  # packed outcomes of the positions that no coin decides
    open: list[tuple[int, list[int]]]  # (position, -numerator or outcome for each state)


class Machine:
    """A program made ready to run. Legality is checked on every local view that is reached."""

    def __init__(self, program: Program) -> None:
        self.program, self.kept = program, (1 << 2 * program.length) - 1
        self._cells: dict[int, list[tuple[int, _Branches]]] = {}
        self._round = 0  # for the sentences of errors

    def one(self, position: int) -> int:
        """The packed outcome of a coin-decided 1 at `position`."""
        return self.zero(position) | 1 << self.program.length + position

    def zero(self, position: int) -> int:
        """The packed outcome of a coin-decided 0 at `position`."""
        n = self.program.length
        return (1 | 1 << 2 * n | 1 << 3 * n) << position

    def columns(self, round: int, states: Sequence[int]) -> Columns:
        """What round `round` (from 0) does to each of the states."""
        step, self._round = self.program.steps[round], round + 1
        if id(step) not in self._cells:
            places = range(self.program.length)
            self._cells[id(step)] = [(i, _Branches(self, i, step.maps(i))) for i in places]
        fixed, open = [0] * len(states), []
        for position, branches in self._cells[id(step)]:
            if branches.mask:
                top = branches.mask
                codes = [table[s & m] for s in states for table, m in (branches[s & top],)]
            else:
                table, m = branches[0]
                codes = [table[s & m] for s in states]
            if min(codes) < 0:
                open.append((position, codes))
            else:
                fixed = [a | b for a, b in zip(fixed, codes, strict=True)]
        return Columns(fixed, open)

    def word(self, state: int) -> Word:
        """The output tokens of a final state; PlaitError if one is still masked."""
        n = self.program.length
        for position in self.program.outputs:
            if not state >> position & 1:
                raise PlaitError(
                    f"after the last round ({self.program.rounds}) output position {position} "
                    "may still be masked"
                )
        return tuple(state >> n + position & 1 for position in self.program.outputs)

    def rule(self, map: Map, key: int) -> Rule:
        """The rule that a map uses, by the packed symbols of the switches."""
        if isinstance(map, Rule):
            return map
        return map.cases.get(self._symbols(key, map.select), map.otherwise)

    def answer(self, position: int, rules: Sequence[Rule], key: int) -> int:
        """What a position does (see `_Lookup`); PlaitError if it may not."""
        n, full = self.program.length, 1 << self.program.coins
        unmask, predict, remask = rules
        write, erase = (r.value(self._symbols(key, r.reads)) for r in (unmask, remask))
        self._legal(position, bool(key >> position & 1), bool(write), bool(erase))
        if not write:
            return 0 if erase else key & (1 | 1 << n) << position
        ones = predict.value(self._symbols(key, predict.reads))
        if not 0 <= ones <= full:
            raise PlaitError(
                f"round {self._round}: the predictor of position {position} says "
                f"{ones}/{full}; a probability lies between 0 and 1"
            )
        written = (1 | 1 << 2 * n) << position
        return -ones if 0 < ones < full else written | (ones // full) << n + position

    def bits(self, cells: Sequence[int]) -> int:
        """The mask of some positions in a packed state: revealed bits and token bits."""
        return sum((1 | 1 << self.program.length) << cell for cell in set(cells))

    def _legal(self, position: int, revealed: bool, write: bool, erase: bool) -> None:
        where = f"round {self._round}: position {position}"
        if write and erase:
            raise PlaitError(f"{where} is both written and remasked")
        if write and revealed and not self.program.revision:
            raise PlaitError(f"{where} is revealed and frozen; only revision may write it again")
        if erase and not revealed:
            raise PlaitError(f"{where} is masked already; only revealed positions are remasked")

    def _symbols(self, key: int, cells: Sequence[int]) -> Word:
        n = self.program.length
        return tuple((key >> n + c & 1) if key >> c & 1 else MASK for c in cells)
