"""transformers' Trainer, and the module that it trains: a batch to a loss."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.utils.checkpoint import checkpoint as recomputed
from transformers import Trainer

from ..errors import PlaitError
from ..models.attention import Attention
from ..models.saving import write
from ..models.transformer import Transformer
from .batches import Batch
from .graphs import Steps
from .objective import Objective, each
from .speed import Speed
from .view import View, annealed, doubled

WEIGHTS = "model.safetensors"  # in a checkpoint


class Denoise(nn.Module):
    """A transformer and its objective, in the form that Trainer calls: a batch to a loss."""

    def __init__(
        self,
        model: Transformer,
        objective: Objective,
        view: View = View(),
        compiled: bool = False,
        half: bool = False,
        recompute: bool = False,
        fused: bool = False,
    ) -> None:
        super().__init__()
        if view.context == "text" and not (
            model.config.attention == "causal" and model.config.shift
        ):
            raise PlaitError(
                "view.context=text shows the network what it is to tell: set "
                "model.attention=causal and model.shift"
            )
        self.model, self._view = model, view
        self.opened = view.opened(0)  # the share of later positions that are seen
        self.step = 0  # which are drawn by it, so that a resumed run draws the same
        self.objective = objective
        if half:  # a narrow model waits for memory: its residual stream in 2 bytes, not 4
            model.embed.register_forward_hook(lambda _module, _tokens, x: x.bfloat16())
        if fused:
            for part in model.modules():
                if isinstance(part, Attention):
                    part.fuse()
        self._loss, self._each = objective.__call__, each
        if compiled:
            # Blocks share one compiled graph per shape; the whole model would take minutes.
            torch._dynamo.config.recompile_limit = 64
            for block in model.blocks:
                block.compile(dynamic=False)
            self._loss = torch.compile(objective.__call__, dynamic=False)
            self._each = torch.compile(each, dynamic=False)
        if recompute:
            for block in model.blocks:
                block.forward = partial(recomputed, block.forward, use_reentrant=False)

    def forward(
        self,
        tokens: Int[Tensor, "B L"],
        target: Int[Tensor, "B L"],
        masked: Bool[Tensor, "B L"],
        free: Bool[Tensor, "B L"],
        rate: Float[Tensor, "B #L"],
        real: Bool[Tensor, "B L"] | None = None,
        visible: Bool[Tensor, "B #L L"] | None = None,
        count: Float[Tensor, ""] | None = None,
        picked: Int[Tensor, " N"] | None = None,
    ) -> dict[str, Tensor]:
        """The loss of a batch; with `picked` (see `batches`) logits are computed there only."""
        states = self._states(tokens, target, visible)
        if picked is None:
            logits = self.model.read(states)
            return {"loss": self._loss(logits, target, masked, free, rate, real, count)}
        some = states.flatten(0, 1).index_select(0, picked)  # distinct: its gradient needs no sort
        found = self._each(self.model.read(some), target.flatten()[picked])
        loss = found.new_zeros(masked.numel()).index_copy(0, picked, found).view_as(target)
        return {"loss": self.objective.total(loss, masked, free, rate, real, count)}

    def _states(
        self,
        tokens: Int[Tensor, "B L"],
        target: Int[Tensor, "B L"],
        visible: Bool[Tensor, "B #L L"] | None,
    ) -> Float[Tensor, "B L W"]:
        """What the head reads, under the view."""
        length = tokens.shape[1]
        if self._view.context == "text":
            tokens = target
        if self._view.context == "clean":
            seen = self._visible(tokens, visible)
            tokens, pos, seen = doubled(tokens, target, seen, self._view.block)
            states = self.model.states(tokens, pos, seen)
            noisy, clean = states[:, :length], states[:, length:]
            if not self.model.config.shift:
                return noisy
            # What tells the first token of a block lies in a block that is written by then.
            place = pos[0, :length]
            first = (place > 0) & (place % self._view.block == 0)
            return torch.where(first[:, None], clean, noisy)
        pos = torch.arange(length, device=tokens.device).expand_as(tokens)
        if self.opened < 1:
            visible = annealed(self._visible(tokens, visible), self.opened, self.step)
        return self.model.states(tokens, pos, visible)

    @staticmethod
    def _visible(
        tokens: Int[Tensor, "B L"], visible: Bool[Tensor, "B #L L"] | None
    ) -> Bool[Tensor, "B #L L"]:
        """The mask, also where none is needed."""
        return torch.ones_like(tokens, dtype=torch.bool)[:, None] if visible is None else visible


class Runner(Trainer):
    """Trainer for `Denoise`: counts what it computes, anneals, and knows CUDA graphs.

    Where several batches make one step, on this device or on several, all of them are divided by
    their mean count, so that the step has the gradient of one large batch.
    """

    def __init__(
        self,
        denoise: Denoise,
        speed: Speed,
        graphed: bool,
        optimised: tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR],
        **settings: Any,
    ) -> None:
        super().__init__(model=denoise, **settings)
        if self.is_fsdp_enabled and self.args.bf16:
            # accelerate's own would round the loss, noise levels, counts and sums of gradients too.
            self.accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
                torch.bfloat16, torch.float32, cast_forward_inputs=False
            )
        self._denoise, self._speed, self._optimised = denoise, speed, optimised
        self._graphed = graphed
        self._steps: Steps | None = None

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The one that was given. Trainer takes none from the start where weights are sharded."""
        del model
        self.optimizer = self._optimised[0]
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LambdaLR:
        """The one that was given, for the optimiser that was given."""
        del num_training_steps, optimizer
        self.lr_scheduler = self._optimised[1]
        return self.lr_scheduler

    def get_batch_samples(
        self, epoch_iterator: Any, num_batches: int, device: torch.device
    ) -> tuple[list[Batch], None]:
        """The batches of a step, each with the count that its sum is divided by."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if batches and (num_batches > 1 or self.args.world_size > 1):
            counts = [self._denoise.objective.count(b["masked"], b["free"]) for b in batches]
            mean = torch.stack(counts).mean().to(device)
            if self.args.world_size > 1:
                torch.distributed.all_reduce(mean)
                mean = mean / self.args.world_size
            batches = [batch | {"count": mean} for batch in batches]
        return batches, None

    def training_step(
        self,
        model: nn.Module,
        inputs: Batch,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        """Loss of a batch; gradients are set."""
        view = self._denoise._view
        self._denoise.step = self.state.global_step
        self._denoise.opened = view.opened(self._denoise.step)
        rows, length = inputs["tokens"].shape
        self._speed.add(rows, length, twice=view.context == "clean")
        if not self._graphed:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        self._steps = self._steps or Steps(model)
        return self._steps(self._prepare_inputs(inputs))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The weights that are trained, in float32; those of a tied head once."""
        if self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)
        elif self.args.should_save and output_dir is not None:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            write(Path(output_dir) / WEIGHTS, trained(self._denoise.model))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = load_file(Path(resume_from_checkpoint) / WEIGHTS)
        with torch.no_grad():
            for name, weight in trained(self._denoise.model).items():
                weight.copy_(saved[name])


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The weights that are trained, by name."""
    return {n: w.detach() for n, w in model.named_parameters() if w.requires_grad}
