"""A training run: a recipe, transformers' Trainer, and a box in the output folder."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.integrations import TensorBoardCallback

from ..errors import PlaitError
from ..models import box
from ..models.codec import TokenizerCodec
from ..models.transformer import Transformer
from .callbacks import Average, Budget, Keep, Record
from .canvas_data import Batch, CanvasBatches
from .graphs import GraphTrainer
from .objective import Objective
from .recipes import Optimiser, Recipe


class Denoise(nn.Module):
    """A transformer and its objective, in the form that Trainer calls: a batch to a loss."""

    def __init__(
        self, model: Transformer, objective: Objective, compiled: bool, half: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        if half:  # a narrow model waits for memory: its residual stream in 2 bytes, not 4
            model.embed.register_forward_hook(lambda _module, _tokens, x: x.bfloat16())
        self._loss = objective.__call__
        if compiled:
            # Blocks share one compiled graph per shape; the whole model would take minutes.
            torch._dynamo.config.recompile_limit = 64
            for block in model.blocks:
                block.compile(dynamic=False)
            self._loss = torch.compile(objective.__call__, dynamic=False)

    def forward(
        self,
        tokens: Int[Tensor, "B L"],
        target: Int[Tensor, "B L"],
        masked: Bool[Tensor, "B L"],
        free: Bool[Tensor, "B L"],
        rate: Float[Tensor, " B"],
    ) -> dict[str, Tensor]:
        """The loss of a batch."""
        pos = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        logits = self.model(tokens, pos)
        return {"loss": self._loss(logits, target, masked, free, rate)}


def train(
    recipe: Recipe,
    out: str | Path,
    exclude: frozenset[str] = frozenset(),
    logs: str | Path | None = None,
    started: float | None = None,
) -> Path:
    """Train by `recipe` and save a box in `out`, which is returned.

    `exclude` holds keys of problems never to be trained on, `logs` is a TensorBoard folder.
    `started` is the monotonic time from which `recipe.minutes` count, by default now.
    """
    codec = TokenizerCodec.read(recipe.codec)
    if codec.vocab > recipe.model.vocab:
        raise PlaitError(f"the tokenizer has {codec.vocab} tokens, the model {recipe.model.vocab}")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    set_seed(recipe.seed)
    arguments = _arguments(recipe, out)
    cuda = arguments.device.type == "cuda"
    model = Transformer(recipe.model).to(arguments.device)
    budget = Budget(recipe.steps, recipe.minutes)
    budget.started = budget.started if started is None else started
    average = Average(model, recipe.average)
    rows = recipe.rows
    slots = replace(rows.slots, most=len(rows.streams))
    save = partial(
        box.write, out, recipe.model, average.weights, codec, slots, tasks=list(rows.tasks)
    )
    record = Record(out, budget, recipe.rows.positions * arguments.world_size)
    optimiser, schedule = optimisation(model, recipe.optimiser, budget)
    callbacks: list[TrainerCallback] = [budget, average, record, Keep(save, recipe.save_every)]
    callbacks += [_tensorboard(logs)] if logs else []
    graphed = cuda and recipe.graphed and arguments.world_size == 1
    trainer = (GraphTrainer if graphed else Trainer)(
        model=Denoise(
            model, recipe.objective, compiled=cuda and recipe.compiled, half=cuda and recipe.half
        ),
        args=arguments,
        train_dataset=CanvasBatches(recipe.rows, codec, exclude, recipe.seed),
        data_collator=_only,
        optimizers=(optimiser, schedule),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return out


def optimisation(
    model: nn.Module, settings: Optimiser, budget: Budget
) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW, without decay of vectors, and a learning rate that follows the budget."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": settings.decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        groups, lr=settings.rate, betas=settings.betas, fused=weights[0].is_cuda
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: settings.factor(step, budget.share)
    )
    return optimiser, schedule


def _arguments(recipe: Recipe, out: Path) -> TrainingArguments:
    """Trainer's own settings, chosen so that no step waits for the device."""
    workers, cuda = recipe.rows.workers, torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=1,  # the data set makes whole batches
        max_grad_norm=recipe.optimiser.clip,
        bf16=cuda,
        logging_steps=recipe.log_every,
        logging_nan_inf_filter=False,  # it would look at the loss after every step
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=workers,
        dataloader_prefetch_factor=2 if workers else None,
        dataloader_pin_memory=cuda,
        accelerator_config={"dispatch_batches": False, "non_blocking": cuda},
        seed=recipe.seed,
    )


def _tensorboard(folder: str | Path) -> TensorBoardCallback:
    from torch.utils.tensorboard import SummaryWriter

    return TensorBoardCallback(SummaryWriter(str(folder)))


def _only(batches: list[Batch]) -> Batch:
    """The one batch that DataLoader took from the data set."""
    (batch,) = batches
    return batch
