"""A report on a training set of texts or of parallel paths, before anything is trained on it."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..eval import gold
from ..eval.benchmark import Item
from .corpus import Record, correct
from .diversity import WORD, diversity, grams

RUN = 13  # words in common with a test problem that count as contamination


def audit(records: Sequence[Record], length: Callable[[str], int]) -> dict[str, Any]:
    """Numbers about a corpus; `length` counts the tokens of a text.

    `lengths` are least, median, 95th percentile and most, in tokens. Path diversity is that of
    `diversity`, averaged over records with several paths. A path is right if the record says so,
    as "correct", or else by its "gold", "final_answer" or "answer", as `plait curate` judges. A
    right answer without a number or LaTeX is left alone: a word stands in prose in many ways.
    """
    several = [r for r in records if len(r.paths) > 1]
    texts = [text for r in records for text in (r.paths or [r.text])]
    prompts = Counter(normal(r.prompt) for r in records if r.prompt)
    each = [diversity(r.paths) for r in several]
    found: dict[str, Any] = {
        "records": len(records),
        "records_with_paths": len(several),
        "paths_per_record": dict(sorted(Counter(len(r.paths) for r in several).items())),
        "empty_paths": sum(r.empty for r in records),
        "prompt_tokens": _lengths([length(r.prompt) for r in records if r.prompt]),
        "text_tokens": _lengths([length(text) for text in texts]),
        "repeated_prompts": sum(n - 1 for n in prompts.values()),
        "repeated_texts": len(texts) - len({normal(text) for text in texts}),
    }
    if each:
        found["path_similarity"] = float(np.mean([e["similarity"] for e in each]))
        found["duplicate_paths"] = sum(e["duplicates"] for e in each)
        found["near_duplicate_paths"] = sum(e["near_duplicates"] for e in each)
    return found | _answers(records)


def normal(text: str) -> str:
    """A text by its words and signs: case and spacing do not count."""
    return " ".join(WORD.findall(text.lower()))


def contamination(records: Sequence[Record], tests: Sequence[Record]) -> dict[str, Any]:
    """Which records hold a test problem: the same prompt, or 13 words of it in a row.

    The number 13 is GPT-3's (arXiv:2005.14165, C). Test prompts of fewer words are looked for as
    whole prompts only.
    """
    exact = {normal(t.prompt) for t in tests if t.prompt}
    runs = set[tuple[str, ...]]()
    for test in tests:
        if len(WORD.findall(test.prompt)) >= RUN:
            runs |= grams(test.prompt, RUN)
    same = [r.line for r in records if r.prompt and normal(r.prompt) in exact]
    near = [
        r.line for r in records
        if any(grams(part, RUN) & runs for part in (r.prompt, r.text, *r.paths) if part)
    ]  # fmt: skip
    return {
        "test_problems": len(tests),
        "same_prompt": len(same),
        "shared_13_words": len(near),
        "lines": sorted({*same, *near}),
    }


def _lengths(counts: list[int]) -> list[int]:
    if not counts:
        return []
    middle, high = np.percentile(counts, [50, 95], method="nearest")
    return [min(counts), int(middle), int(high), max(counts)]


def _answers(records: Sequence[Record]) -> dict[str, Any]:
    verdicts = [verdict for verdict in map(_verdict, records) if verdict is not None]
    every = list(itertools.chain(*verdicts))
    return {
        "checked_records": len(verdicts),
        "right_texts": sum(every) / len(every) if every else math.nan,
        "records_all_wrong": sum(not any(v) for v in verdicts),
        "records_all_right": sum(all(v) for v in verdicts),
    }


def _verdict(record: Record) -> list[bool] | None:
    """Which of the texts are right; None if there is nothing to compare with."""
    told = correct(record) if record.paths else None
    if told is not None:
        return told
    right, key = gold.told(record.values), gold.key_of(record.values)
    itself = key is not None and record.values[key] == record.text
    texts = record.paths or ([] if itself else [record.text])
    if not texts or not re.search(r"[\d\\]", right):
        return None
    benchmark, item = gold.judge(Item("audit", str(record.line), record.prompt, right))
    return [benchmark.judge(item, text).correct for text in texts]


def named(paths: Sequence[Path]) -> dict[str, Path]:
    """Test files by a name that no other has."""
    counts = Counter(path.stem for path in paths)
    return {path.stem if counts[path.stem] == 1 else str(path): path for path in paths}


def words(text: str) -> int:
    """The length of a text where no tokenizer is at hand: words and signs."""
    return len(re.findall(WORD, text))
