"""The autoregressive arm of bench/nap_text.py: the same records, fine-tuned and decoded causally.

transformers trains and decodes it, with a cache of keys and values; the optimiser, the average of
weights and the records are those of the other arms. A row is the question, a path, and the answer
after "####".
"""

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from gsm8k_records import Asked
from results import flags, scored
from torch.utils.data import IterableDataset
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

from plait.files import write_whole
from plait.models.codec import TokenizerCodec
from plait.models.load import find
from plait.models.tokens import codec_of
from plait.train.callbacks import Average, Budget
from plait.train.optimisation import optimisation
from plait.train.recipe import Recipe
from plait.train.records import RecordBatches, fitting

BETWEEN, MARK = "\n", "\n#### "  # question and path, path and answer
IGNORED = -100  # the label of what has no loss


def codec(model: Path) -> TokenizerCodec:
    """The tokenizer of a model folder, without its chat template, as in the other arms."""
    return codec_of(*_known(model)).bare()


def _known(model: Path) -> tuple:
    checkpoint, words = find(str(model))
    assert words is not None, "an autoregressive checkpoint has a tokenizer of its own"
    return checkpoint, words


class Rows(IterableDataset):
    """Batches of the rows that `RecordBatches` draws, as texts to go on with."""

    def __init__(self, source: RecordBatches) -> None:
        super().__init__()
        self._source = source

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Batches for ever."""
        for n in itertools.count():
            yield self.batch(self._source.drawn(n))

    def batch(self, numbers: Sequence[int]) -> dict[str, torch.Tensor]:
        """Rows padded on the right; the question has no loss."""
        words, rows = self._source.codec, []
        for prompt, (*streams, answer) in map(self._source.texts, numbers):
            asked = words.prompt(prompt + BETWEEN)
            text = words.encode(streams[0] + MARK + answer)
            rows.append((asked, [*text, words.eos_id]))
        width = -(-max(len(a) + len(t) for a, t in rows) // 32) * 32
        found: dict[str, list[list[int]]] = {"input_ids": [], "labels": [], "attention_mask": []}
        for asked, text in rows:
            ids, room = asked + text, width - len(asked) - len(text)
            found["input_ids"].append(ids + [words.eos_id] * room)
            found["labels"].append([IGNORED] * len(asked) + text + [IGNORED] * room)
            found["attention_mask"].append([1] * len(ids) + [0] * room)
        return {name: torch.tensor(values) for name, values in found.items()}


class Loss(TrainerCallback):
    """Keeps what the trainer logs."""

    def __init__(self, file: Path, budget: Budget) -> None:
        self._file, self._budget, self.rows = file, budget, []

    def on_log(self, args, state, control, logs=None, **_) -> None:  # noqa: ARG002
        """Write a row to loss.json."""
        if logs and "loss" in logs:
            seconds = time.monotonic() - self._budget.started
            self.rows.append({"step": state.global_step, "seconds": seconds, **logs})
            write_whole(self._file, json.dumps(self.rows))


def train(recipe: Recipe, start: Path, out: Path) -> None:
    """Fine-tune the checkpoint at `start` on the recipe's rows; `out` becomes a folder like it."""
    torch.manual_seed(recipe.seed)
    words, cuda = codec(start), torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
    kept = fitting(recipe.rows, words, model.config.max_position_embeddings)
    budget = Budget(recipe.steps, recipe.minutes)
    model.to("cuda" if cuda else "cpu")
    average = Average(model, recipe.average)
    out.mkdir(parents=True, exist_ok=True)
    arguments = TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=1,  # the data set makes whole batches
        max_grad_norm=recipe.optimiser.clip,
        bf16=cuda,
        use_cpu=not cuda,
        logging_steps=recipe.log_every,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        seed=recipe.seed,
    )
    runner = Trainer(
        model,
        arguments,
        data_collator=lambda batches: batches[0],
        train_dataset=Rows(RecordBatches(recipe.rows, kept.problems, words, seed=recipe.seed)),
        optimizers=optimisation(model, recipe.optimiser, budget),
        callbacks=[budget, average, Loss(out / "loss.json", budget)],
    )
    runner.train()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(average.weights[name])
    model.to(torch.bfloat16).save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (out / name).write_bytes((start / name).read_bytes())
    write_whole(out / "README.md", f"# {out.name}\n\n{kept.told()}.\n")


@torch.inference_mode()
def measure(
    folder: Path, wanted: Sequence[Asked], batch: int, most: int, device: str | None
) -> dict:
    """Greedy left-to-right decoding of at most `most` tokens; the cell that comes out."""
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    words = codec(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(place).eval()
    asked = [words.prompt(item.question + BETWEEN) for item in wanted]
    texts, tokens = [""] * len(asked), [0] * len(asked)
    order = sorted(range(len(asked)), key=lambda i: len(asked[i]))
    start = time.perf_counter()
    for first in range(0, len(order), batch):
        some = order[first : first + batch]
        width = max(len(asked[i]) for i in some)
        rooms = [width - len(asked[i]) for i in some]
        pairs = list(zip(rooms, some, strict=True))
        ids = torch.tensor([[words.eos_id] * r + asked[i] for r, i in pairs], device=place)
        seen = torch.tensor([[0] * r + [1] * (width - r) for r in rooms], device=place)
        made = model.generate(
            input_ids=ids,
            attention_mask=seen,
            do_sample=False,
            max_new_tokens=most,
            eos_token_id=words.eos_id,
            pad_token_id=words.eos_id,
        )
        for i, row in zip(some, made[:, width:].tolist(), strict=True):
            ended = row.index(words.eos_id) if words.eos_id in row else len(row)
            texts[i], tokens[i] = words.decode(row[:ended]), min(ended + 1, len(row))
    seconds = time.perf_counter() - start
    rights = [item.right(text) for item, text in zip(wanted, texts, strict=True)]
    return {
        **scored(rights),
        "rounds": round(sum(tokens) / len(tokens), 4),  # one token each
        "tokens_per_forward": 1.0,
        "arness_global@1": 1.0,  # by construction
        "arness_per_stream": [1.0],
        "seconds": round(seconds, 2),
        "rights": flags(rights),
        "texts": texts[:8],
    }
