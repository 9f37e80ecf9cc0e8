"""DLM programs: a canvas of L bits or masks, and what each round does to it.

The model of arXiv:2512.25014. A state is a word over {0, 1, mask}; it starts all masked. In each
round a map says which positions to write (F), a predictor says how likely a 1 is at each of
them, independently given the state (p), and a map says which positions to mask again (G). All
three read the state as it was at the start of the round.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..errors import PlaitError
from .laws import Word

MASK = 2  # the symbol of a masked position
Value = Callable[[Word], int]


@dataclass(frozen=True)
class Rule:
    """A local map: a number computed from the symbols of the positions it reads."""

    reads: tuple[int, ...]
    value: Value

    @property
    def cells(self) -> frozenset[int]:
        """Positions that the rule is wired to."""
        return frozenset(self.reads)


@dataclass(frozen=True)
class Switch:
    """A rule picked by the symbols of a few positions, such as a counter of layers."""

    select: tuple[int, ...]
    cases: Mapping[Word, Rule]
    otherwise: Rule

    @property
    def cells(self) -> frozenset[int]:
        """Positions that the switch or any of its rules is wired to."""
        branches = [self.otherwise, *self.cases.values()]
        return frozenset(self.select).union(*(rule.reads for rule in branches))


Map = Rule | Switch


def always(value: int) -> Rule:
    """The rule that reads nothing."""
    return Rule((), lambda _: value)


NEVER, YES = always(0), always(1)


@dataclass(frozen=True)
class Step:
    """The maps of one round by position. A position that a map leaves out has the value 0.

    `unmask` and `remask` answer 0 or 1, `predict` with a numerator: P(1) = value / 2**coins.
    """

    predict: Mapping[int, Map]
    unmask: Mapping[int, Map]
    remask: Mapping[int, Map]

    def maps(self, position: int) -> tuple[Map, Map, Map]:
        """The unmask, predict and remask maps of one position."""
        return (
            self.unmask.get(position, NEVER),
            self.predict.get(position, NEVER),
            self.remask.get(position, NEVER),
        )

    def fan_in(self, position: int) -> int:
        """Positions that the maps of `position` are wired to, itself always counted."""
        return len(frozenset({position}).union(*(m.cells for m in self.maps(position))))


def writes(rules: Mapping[int, tuple[Map, Map]]) -> Step:
    """A step that remasks nothing, from (unmask, predict) by position."""
    return Step({i: p for i, (_, p) in rules.items()}, {i: u for i, (u, _) in rules.items()}, {})


@dataclass(frozen=True)
class Program:
    """Rounds over `length` positions. One Step object may stand for several rounds.

    Without `revision` a revealed token is frozen until it is remasked. The output is read at the
    positions `outputs` after the last round.
    """

    length: int
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    revision: bool = False
    coins: int = 1  # private fair bits of one prediction

    def __post_init__(self) -> None:
        if not self.steps:
            raise PlaitError("a program needs at least one round")
        if not self.outputs:
            raise PlaitError("a program needs at least one output position")
        self._inside(self.outputs, "the output")
        for step in set_of(self.steps):
            round = 1 + next(i for i, other in enumerate(self.steps) if other is step)
            for kind in ("predict", "unmask", "remask"):
                maps: Mapping[int, Map] = getattr(step, kind)
                self._inside(maps, f"round {round}: a {kind} map")
                for position, map in maps.items():
                    self._inside(map.cells, f"round {round}: the {kind} map of position {position}")

    def _inside(self, positions: Iterable[int], who: str) -> None:
        outside = sorted(set(positions) - set(range(self.length)))
        if outside:
            raise PlaitError(
                f"{who} names position {outside[0]}; the program has 0..{self.length - 1}"
            )

    @property
    def rounds(self) -> int:
        """D."""
        return len(self.steps)

    @property
    def fan_in(self) -> int:
        """The largest locality of any position in any round."""
        return max(step.fan_in(i) for step in set_of(self.steps) for i in range(self.length))

    @property
    def remasks(self) -> bool:
        """Whether any round may mask a position again."""
        return any(step.remask for step in self.steps)


def set_of(steps: tuple[Step, ...]) -> list[Step]:
    """The distinct steps, by identity."""
    return list({id(step): step for step in steps}.values())
