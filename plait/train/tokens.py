"""The tokenizer of the model in the box: byte-level BPE, trained on the text of our own tasks.

`python -m plait.train.tokens` writes it anew; the same tasks give the same file.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ..data.problem import problems
from ..data.tasks import load, names
from ..models import box

SPECIAL = ("<mask>", "<eos>", *(f"<think {j}>" for j in range(1, 7)), "<summary>", "<user>")
# A digit, with the space before it, is one token: numbers of equal length align.
PIECES = r" ?\d| ?[A-Za-z]+| ?[^\sA-Za-z\d]+|\s+"


def train_tokenizer(texts: Iterator[str], vocab: int = 1024) -> Tokenizer:
    """Byte-level BPE with at most `vocab` tokens: special ones, all 256 bytes, merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def corpus(each: int = 2000) -> Iterator[str]:
    """Prompts, answers and paths of `each` training problems per task and level."""
    for name in names():
        task = load(name)
        for level in task.levels:
            rng = Random(f"{name}/{level}")
            for problem in islice(problems(task, "train", 0, level), each):
                yield problem.prompt
                yield problem.answer
                yield from (path.text for path in task.paths(problem, rng, 4))


if __name__ == "__main__":
    target = Path(box.HERE / "plait-tiny" / box.CODEC)
    target.parent.mkdir(exist_ok=True)
    train_tokenizer(corpus()).save(str(target))
    print(f"{target}: {target.stat().st_size} bytes")
