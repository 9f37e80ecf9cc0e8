"""Recounts the samples of any project by the counting rule, and says what its headline becomes.

A sample is one JSON object. What it says of tokens may be ids or a text; see docs/evaluate.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import PlaitError
from ..measure.interval import Share
from .source import Record, read_lines

OUTPUT = ("output_ids", "generated_ids", "token_ids")
TEXT = ("output", "generated_text", "completion", "response")
SECONDS = ("seconds", "time", "latency")
RIGHT = ("correct", "exact_match", "acc", "passed")
Row = tuple[str, str, str, str]  # a headline, as claimed, recounted, and why
Judge = Callable[[int, Record], bool]  # of the sample with a number, from 0
CLOSE = 0.02  # of a headline: a count that comes this near is what it was made of


@dataclass(frozen=True)
class Rule:
    """What of the ids is no answer: what stands before, and what ends and fills it."""

    ends: frozenset[int]  # the answer stops before the first
    fillers: frozenset[int]  # padding and masks: never counted
    encode: Callable[[str], Sequence[int]] | None = None  # for samples that hold texts


@dataclass(frozen=True)
class Count:
    """Tokens of one sample, by what they are."""

    prompt: int  # in the output, or told of beside it
    answer: int
    end: int  # ends of sequence and all that stands after the first
    filler: int  # before the first end

    @property
    def canvas(self) -> int:
        """All that was generated, answer or not."""
        return self.answer + self.end + self.filler


@dataclass(frozen=True)
class Recount:
    """All samples added up."""

    counts: tuple[Count, ...]
    seconds: float | None
    right: Share | None

    def total(self, name: str) -> int:
        """A kind of tokens, added up over the samples."""
        return sum(getattr(count, name) for count in self.counts)

    def speeds(self) -> dict[str, float]:
        """Tokens per second by every way of counting; the first is the rule's."""
        if not self.seconds:
            return {}
        answer, prompt = self.total("answer"), self.total("prompt")
        ways = {
            "answer tokens": answer,
            "whole canvas, padding and all": self.total("canvas"),
            "answer and prompt": answer + prompt,
            "whole canvas and prompt": self.total("canvas") + prompt,
        }
        return {way: tokens / self.seconds for way, tokens in ways.items()}

    def behind(self, headline: float) -> str | None:
        """The way of counting that gives a headline, if one does."""
        speeds = self.speeds()
        near = {way: abs(speed - headline) / headline for way, speed in speeds.items()}
        best = min(near, key=lambda way: near[way], default=None)
        return best if best is not None and near[best] <= CLOSE else None


def count(record: Record, rule: Rule) -> Count:
    """Count the tokens of one sample; PlaitError names one that says nothing of them."""
    ids = _ids(record, OUTPUT)
    prompt = _ids(record, ("prompt_ids", "input_ids")) or []
    told = record.values.get("prompt_tokens", len(prompt))
    if not isinstance(told, int) or told < 0:
        raise record.fault("'prompt_tokens' is no number of tokens")
    if ids is not None and not rule.ends:
        raise record.fault("it holds token ids; give --eos, the ids that end an answer")
    if ids is None:
        return Count(told, len(_encoded(record, rule)), 0, 0)
    if prompt and ids[: len(prompt)] == prompt:  # many projects return prompt and answer in one
        ids = ids[len(prompt) :]
    stop = next((i for i, token in enumerate(ids) if token in rule.ends), len(ids))
    filler = sum(token in rule.fillers for token in ids[:stop])
    return Count(told, stop - filler, len(ids) - stop, filler)


def _ids(record: Record, names: Iterable[str]) -> list[int] | None:
    for name in names:
        if name in record.values:
            ids = record.values[name]
            if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids):
                raise record.fault(f"'{name}' is no list of token ids")
            return ids
    return None


def _encoded(record: Record, rule: Rule) -> Sequence[int]:
    said = text(record)
    if said is None:
        raise record.fault(f"there are no token ids ({', '.join(OUTPUT)}) and no text")
    if rule.encode is None:
        raise record.fault(
            f"it holds a text and no token ids ({', '.join(OUTPUT)}); give --tokenizer to count it"
        )
    return rule.encode(said)


def text(record: Record) -> str | None:
    """What was answered, as text, if the sample holds it; lm-eval keeps it in lists."""
    values = [record.values.get(name) for name in (*TEXT, "resps")]
    for value in values:
        while isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    return None


def recount(path: Path, rule: Rule, seconds: float | None, judge: Judge | None) -> Recount:
    """Read and count a file of samples. `seconds` is the time of all, if the samples do not say."""
    if not path.is_file():
        raise PlaitError(f"there is no file '{path}'")
    records = list(read_lines(path))
    if not records:
        raise PlaitError(f"{path} holds no samples")
    counts = tuple(count(record, rule) for record in records)
    times = [_number(record, SECONDS) for record in records]
    if seconds is None and all(time is not None for time in times):
        seconds = sum(time for time in times if time is not None)
    verdicts = [_right(number, record, judge) for number, record in enumerate(records)]
    known = [verdict for verdict in verdicts if verdict is not None]
    right = Share(sum(known), len(known)) if len(known) == len(records) else None
    return Recount(counts, seconds, right)


def _number(record: Record, names: Iterable[str]) -> float | None:
    for name in names:
        value = record.values.get(name)
        if isinstance(value, int | float) and value >= 0:
            return float(value)
    return None


def _right(number: int, record: Record, judge: Judge | None) -> bool | None:
    if judge is not None:
        return judge(number, record)
    value = _number(record, RIGHT)
    return None if value is None else value > 0.5


def headlines(found: Recount, speed: float | None, accuracy: float | None) -> list[Row]:
    """What is claimed, what it becomes, and why: one row for each headline."""
    rows: list[Row] = []
    speeds = found.speeds()
    if speeds:
        why = ""
        if speed is not None:
            way = found.behind(speed)
            why = f"it counts: {way}" if way else "no way of counting these samples gives it"
        claimed = "" if speed is None else f"{speed:g}"
        rows.append(("tokens per second", claimed, f"{speeds['answer tokens']:.1f}", why))
    if found.right is not None:
        low, high = found.right.interval()
        now = f"{100 * found.right.value:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
        inside = accuracy is None or low <= accuracy / 100 <= high
        why = "" if inside else "outside of the 95 % interval of these samples"
        rows.append(("accuracy", "" if accuracy is None else f"{accuracy:g} %", now, why))
    return rows
