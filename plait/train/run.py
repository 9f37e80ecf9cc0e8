"""A training run: a recipe, transformers' Trainer, and a model in the output folder."""

import contextlib
import importlib.util
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback, TrainingArguments, set_seed
from transformers.integrations import TensorBoardCallback

from ..errors import Notice, PlaitError
from ..files import write_whole
from ..models import adapter, box, saving
from ..models.codec import TokenizerCodec
from ..models.transformer import Transformer
from . import card
from .batches import Batch, picked
from .callbacks import CHECKPOINTS, DONE, Average, Budget, Interrupt, Keep, Record
from .canvas_data import CanvasBatches
from .optimisation import Resumed, optimisation
from .origin import Origin, origin
from .recipe import Recipe
from .records import Kept, RecordBatches, Records, fitting
from .settings import plain
from .speed import Speed
from .trainer import Denoise, Runner

RECIPE = "recipe.json"
FREE = frozenset(  # fields that may change when a run goes on: they leave its losses alone
    ("steps", "minutes", "save_every", "checkpoints", "log_every")
)


@dataclass(frozen=True)
class Result:
    """What a run left."""

    folder: Path
    rows: list[dict[str, float]]  # the record, as in loss.json
    steps: int
    stopped: bool  # by a signal, before its end
    data: str  # what was used and left out


def train(
    recipe: Recipe,
    out: str | Path,
    exclude: frozenset[str] = frozenset(),
    logs: str | Path | None = None,
    started: float | None = None,
    watch: Callable[[dict[str, float]], None] | None = None,
    resume: Path | None = None,
) -> Result:
    """Train by `recipe` and save a model in `out`, with a card that tells how.

    `exclude` holds keys of problems never to be trained on, `logs` is a TensorBoard folder.
    `started` is the monotonic time from which `recipe.minutes` count, by default now. `watch` gets
    each row of the record. `resume` is a checkpoint to go on from: the losses are those of a run
    that was never stopped. Raises PlaitError for a recipe that cannot work here.
    """
    out = Path(out)
    if resume is not None:
        same(recipe, resume)
        if _step(resume) >= recipe.steps:
            raise PlaitError(f"{out} has taken its {recipe.steps} steps: set more to go on")
    set_seed(recipe.seed)
    arguments = _arguments(recipe, out)
    with _saving(recipe, out, arguments):
        return _run(recipe, out, arguments, exclude, logs, started, watch, resume)


def _run(
    recipe: Recipe,
    out: Path,
    arguments: TrainingArguments,
    exclude: frozenset[str],
    logs: str | Path | None,
    started: float | None,
    watch: Callable[[dict[str, float]], None] | None,
    resume: Path | None,
) -> Result:
    with arguments.main_process_first(local=False):  # the others find a conversion done
        begun = _begin(recipe, out)
    data, kept = _data(recipe, begun.codec, begun.net.config.context, exclude)
    net = begun.net.to(arguments.device)
    budget = Budget(recipe.steps, recipe.minutes)
    budget.started = budget.started if started is None else started
    average, speed, interrupt = Average(net, recipe.average), Speed(net.config), Interrupt()
    record = Record(out, budget, speed, watch)
    keep = Keep(begun.write, recipe.save_every, average, budget, record, recipe.checkpoints)
    optimised = optimisation(net, recipe.optimiser, budget)
    resumed = Resumed(optimised[1], budget)
    runner = Runner(
        _denoise(recipe, net, arguments),
        speed,
        graphed=_cuda(arguments) and recipe.graphed and arguments.world_size == 1,
        args=arguments,
        train_dataset=data,
        data_collator=_picked if recipe.head == "masked" else _only,
        optimised=optimised,
        callbacks=[budget, average, record, interrupt, keep, resumed, *_tensorboards(logs)],
    )
    runner.remove_callback(PrinterCallback)
    if resume is not None:
        keep.restore(resume)
        if isinstance(data, RecordBatches):
            data.first = _step(resume) * recipe.accumulate * arguments.world_size
    try:
        runner.train(resume_from_checkpoint=None if resume is None else str(resume))
    finally:
        interrupt.quiet()
    found = Result(out, record.rows, runner.state.global_step, interrupt.asked, kept)
    if runner.state.is_world_process_zero:
        write_whole(out / card.CARD, card.text(recipe, found, net))
    return found


def _cuda(arguments: TrainingArguments) -> bool:
    return bool(arguments.device.type == "cuda")


def _denoise(recipe: Recipe, net: Transformer, arguments: TrainingArguments) -> Denoise:
    cuda = _cuda(arguments)
    # In float32 its products would be slow; with weights that are spread it has not been tried.
    fused = cuda and recipe.fused and recipe.precision == "bf16" and not recipe.shard
    return Denoise(
        net,
        recipe.objective,
        recipe.view,
        compiled=cuda and recipe.compiled,
        half=cuda and recipe.half,
        recompute=recipe.recompute,
        fused=fused,
    )


def _told(recipe: Recipe) -> tuple[Any, list[str]]:
    """The layout and the tasks that the trained model is told to be for."""
    rows = recipe.rows
    if isinstance(rows, Records):
        return rows.slots, []
    return replace(rows.slots, most=len(rows.streams), cross=rows.cross), list(rows.tasks)


@contextlib.contextmanager
def _saving(recipe: Recipe, out: Path, arguments: TrainingArguments) -> Iterator[None]:
    """Leave nothing by halves where a run fails, and no new folder that cannot be gone on from."""
    begun, first = set(out.glob(CHECKPOINTS)), arguments.process_index == 0

    def saved() -> bool:
        files = [f"*/{DONE}"] if recipe.checkpoints else [box.WEIGHTS, adapter.WEIGHTS]
        return not first or any(any(out.glob(file)) for file in files)

    with saving.undone(out, unless=saved):
        try:
            with saving.named(out):
                yield
        except BaseException:
            for folder in set(out.glob(CHECKPOINTS)) - begun if first else ():
                if not (folder / DONE).is_file():
                    saving.remove(folder)
            raise


def _begin(recipe: Recipe, out: Path) -> Origin:
    """The origin, and the folder with the recipe in it."""
    if isinstance(recipe.rows, Records) and not recipe.rows.file.is_file():
        raise PlaitError(f"there is no file '{recipe.rows.file}' with records: set rows.file")
    out.mkdir(parents=True, exist_ok=True)
    begun = origin(recipe, out, *_told(recipe))
    write_whole(out / RECIPE, json.dumps(plain(recipe), indent=1) + "\n")
    return begun


def _data(
    recipe: Recipe, codec: TokenizerCodec, context: int, exclude: frozenset[str]
) -> tuple[CanvasBatches | RecordBatches, str]:
    """The batches, and what there is to say about them."""
    rows, how = recipe.rows, (recipe.corruption, recipe.view)
    if not isinstance(rows, Records):
        return CanvasBatches(rows, codec, exclude, recipe.seed, *how), "problems of our own tasks"
    used: TokenizerCodec = codec if rows.template else codec.bare()
    kept: Kept = fitting(rows, used, context)
    return RecordBatches(rows, kept.problems, used, *how, seed=recipe.seed), kept.told()


def same(recipe: Recipe, checkpoint: Path) -> None:
    """Raise PlaitError if the run of this checkpoint had another recipe."""
    path = checkpoint.parent / RECIPE
    before = json.loads(path.read_text()) if path.is_file() else {}
    now = json.loads(json.dumps(plain(recipe)))
    for name, value in now.items():
        if name not in FREE and before.get(name) != value:
            raise PlaitError(
                f"{path} was written with another '{name}': resume with the same recipe and "
                "settings, or start anew in another folder"
            )


def checkpoint(out: Path, step: int | None = None) -> Path:
    """The last whole checkpoint of a run, or that of a step; PlaitError if there is none."""
    whole = {_step(path.parent): path.parent for path in out.glob(f"*/{DONE}")}
    if not whole or (step is not None and step not in whole):
        known = ", ".join(map(str, sorted(whole))) or "none"
        raise PlaitError(f"{out} has no checkpoint to resume from (steps: {known})")
    return whole[max(whole) if step is None else step]


def _step(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


def _arguments(recipe: Recipe, out: Path) -> TrainingArguments:
    """Trainer's own settings, chosen so that no step waits for the device."""
    workers, cuda = recipe.rows.workers, torch.cuda.is_available()
    sharding: dict[str, Any] = {}
    if recipe.shard:
        sharding["fsdp"] = True
        sharding["fsdp_config"] = {"transformer_layer_cls_to_wrap": ["Block"], "version": 2}
    arguments = TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=1,  # the data set makes whole batches
        gradient_accumulation_steps=recipe.accumulate,
        max_grad_norm=recipe.optimiser.clip,
        use_cpu=not (cuda or torch.backends.mps.is_available()),  # several processes meet there too
        bf16=cuda and recipe.precision == "bf16",
        logging_steps=recipe.log_every,
        logging_nan_inf_filter=False,  # it would look at the loss after every step
        save_strategy="no",  # Keep says when, and how many stay
        ignore_data_skip=isinstance(recipe.rows, Records),  # they start where they are told to
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=workers,
        dataloader_prefetch_factor=2 if workers else None,
        dataloader_pin_memory=cuda,
        accelerator_config={"dispatch_batches": False, "non_blocking": cuda},
        ddp_find_unused_parameters=False,
        seed=recipe.seed,
        **sharding,
    )
    return alone(arguments)


def alone(arguments: TrainingArguments) -> TrainingArguments:
    """Arguments of a process that trains on one device.

    Where Trainer sees several it would cut each batch in pieces for all of them (DataParallel).
    """
    if arguments.n_gpu > 1:
        warnings.warn(
            f"{arguments.n_gpu} GPUs are visible and one is used: torchrun --nproc-per-node "
            f"{arguments.n_gpu} -m plait train ... uses all",
            Notice,
            stacklevel=2,
        )
        arguments._n_gpu = 1
    return arguments


def boards() -> bool:
    """Say whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def _tensorboards(folder: str | Path | None) -> list[TrainerCallback]:
    if folder is None:
        return []
    from torch.utils.tensorboard import SummaryWriter

    return [TensorBoardCallback(SummaryWriter(str(folder)))]


def _only(batches: list[Batch]) -> Batch:
    """The one batch that DataLoader took from the data set."""
    (batch,) = batches
    return batch


def _picked(batches: list[Batch]) -> Batch:
    """The same, for logits at masked positions only."""
    return picked(_only(batches))
