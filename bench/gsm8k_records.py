"""Records files of GSM8K's training split for `plait train`, and its problems for measuring.

The 500 problems named in icot_valid_questions.txt are left out of training: they are there to
choose by. No text of the test split gets into a record; its questions are read to check that.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gsm8k_mistakes import mistaken
from gsm8k_paths import KINDS, Worked, paths, varied, worked

from plait.eval import extract
from plait.files import as_json, write_whole
from plait.layout import Codec

FEWEST = 3  # paths of a record, the same for all arms


@dataclass(frozen=True)
class Asked:
    """A problem to measure with."""

    question: str
    gold: Decimal

    def right(self, answer: str) -> bool:
        """Compare as numbers."""
        return extract.number(answer) == self.gold


def key(question: str) -> str:
    """What is the same for two questions that differ in case, spacing and signs alone."""
    return re.sub(r"[^a-z0-9]+", " ", question.lower()).strip()


def lines(data: Path, split: str) -> list[dict[str, str]]:
    """The rows of gsm8k/SPLIT.jsonl."""
    rows = (data / "gsm8k" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(row) for row in rows if row.strip()]


def held_out(data: Path) -> set[str]:
    """Keys of the training questions that are there to choose by: QUESTION||SOLUTION a line."""
    text = (data / "gsm8k" / "icot_valid_questions.txt").read_text(encoding="utf-8")
    return {key(row.partition("||")[0]) for row in text.splitlines() if row.strip()}


def asked(data: Path, split: str) -> list[Asked]:
    """The problems of "test", or of "valid": what of the training split is held out."""
    rows, apart = lines(data, "test" if split == "test" else "train"), held_out(data)
    if split != "test":
        rows = [row for row in rows if key(row["question"]) in apart]
    golds = [row["answer"].rpartition("####")[2].strip().replace(",", "") for row in rows]
    pairs = zip(rows, golds, strict=True)
    return [Asked(row["question"].strip(), Decimal(gold)) for row, gold in pairs]


def sources(data: Path, counts: Counter[str]) -> list[Worked]:
    """The training problems that can be used. Raises SystemExit where splits are not apart."""
    apart, tested = held_out(data), {key(row["question"]) for row in lines(data, "test")}
    found = []
    for row in lines(data, "train"):
        name = key(row["question"])
        if name in tested:
            raise SystemExit(f"a training question stands in the test split: {row['question']}")
        if name in apart:
            counts["held out"] += 1
            continue
        problem = worked(row["question"], row["answer"])
        counts["used" if problem else "without sound annotations"] += 1
        if problem:
            found.append(problem)
    if counts["held out"] < len(apart):
        raise SystemExit(f"{len(apart)} questions are to be held out, {counts['held out']} were")
    return found


def variants(problem: Worked, most: int, seen: set[str], rng: random.Random) -> Iterator[Worked]:
    """At most so many problems with other numbers, none of which stands in `seen`."""
    for _ in range(most):
        other = varied(problem, rng)
        if other is not None and key(other.question) not in seen:
            seen.add(key(other.question))
            yield other


def record(
    problem: Worked, kinds: Sequence[str], codec: Codec, length: int, keep: int, wrong: float
) -> dict | None:
    """A record with the first `keep` of `kinds` that fit a slot; None if too few of all do.

    Each path goes wrong by a chance of `wrong`, in a way of its own, where that leaves a path of
    its kind which fits.
    """
    fits = {k: t for k, t in paths(problem).items() if len(codec.encode(t)) < length}
    chosen = [kind for kind in kinds if kind in fits][:keep]
    if len(fits) < FEWEST or not chosen:
        return None
    rng, texts = random.Random(f"mistakes/{problem.question}"), [fits[kind] for kind in chosen]
    for place, kind in enumerate(chosen):
        other = mistaken(problem, rng) if rng.random() < wrong else None
        text = paths(other).get(kind, "") if other else ""
        if text and len(codec.encode(text)) < length:
            texts[place] = text
    made = {"prompt": problem.question, "paths": texts, "answer": problem.final}
    right = [text == fits[kind] for text, kind in zip(texts, chosen, strict=True)]
    return made | ({"correct": right} if wrong else {})


def write(
    target: Path,
    data: Path,
    kinds: Sequence[str],
    codec: Codec,
    length: int,
    most: int,
    keep: int = len(KINDS),
    wrong: float = 0.0,
) -> dict[str, int]:
    """Write a records file: each problem, and up to `most` variants of it. Returns the counts."""
    counts: Counter[str] = Counter()
    seen = {key(row["question"]) for split in ("train", "test") for row in lines(data, split)}
    rng, rows = random.Random("variants"), []
    for problem in sources(data, counts):
        for other in (problem, *variants(problem, most, seen, rng)):
            made = record(other, kinds, codec, length, keep, wrong)
            what = "record" if other is problem else "variant"
            counts[f"{what}s" if made else f"{what}s with too few paths that fit"] += 1
            rows += [made] if made else []
            for right in (made or {}).get("correct", ()):
                counts[f"{'right' if right else 'wrong'} paths"] += 1
    write_whole(target, "".join(as_json(row) + "\n" for row in rows))
    write_whole(target.with_suffix(".counts.json"), json.dumps(counts, indent=1) + "\n")
    return dict(counts)
