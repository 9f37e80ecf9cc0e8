"""What happens between training steps: the budget, the average of weights, the record, saving."""

# Trainer decides which arguments a callback has.
# ruff: noqa: ARG002

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

AGREE = 20  # steps after which ranks agree on the time


@dataclass
class Budget(TrainerCallback):
    """How much of a run is used: steps or minutes, whichever is further. Ends the run at 1.

    Its `share` drives the learning rate, so that the decay is over when the time is up. Ranks
    take the largest share among them; they would otherwise stop at different steps.
    """

    steps: int
    minutes: float = 0.0  # 0 = no limit
    started: float = field(default_factory=time.monotonic)
    share: float = 0.0

    def measure(self, step: int) -> float:
        """The share in [0, 1] after `step` steps."""
        minutes = (time.monotonic() - self.started) / 60
        return min(1.0, max(step / self.steps, minutes / self.minutes if self.minutes else 0.0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Update the share, and stop at 1."""
        if args.world_size == 1:
            self.share = self.measure(state.global_step)
        elif state.global_step % AGREE == 0:
            share = torch.tensor(self.measure(state.global_step), device=args.device)
            torch.distributed.all_reduce(share, torch.distributed.ReduceOp.MAX)
            self.share = float(share)
        control.should_training_stop |= self.share >= 1


class Average(TrainerCallback):
    """Exponential moving average of the weights (EMA): what is evaluated and saved.

    The decay starts low, as min(decay, (1 + n) / (10 + n)), to forget the random start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._current = dict(model.named_parameters())
        self.weights: dict[str, Tensor] = {
            name: weight.detach().clone() for name, weight in self._current.items()
        }

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Move the average towards the current weights."""
        n = state.global_step
        step = 1 - min(self._decay, (1 + n) / (10 + n))
        current = [weight.detach() for weight in self._current.values()]
        torch._foreach_lerp_(list(self.weights.values()), current, step)


@dataclass
class Record(TrainerCallback):
    """Loss over time: one printed line per logging step, and `loss.json` in the output folder."""

    folder: Path
    budget: Budget
    positions: int  # per step, on all ranks
    rows: list[dict[str, float]] = field(default_factory=list)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Keep what the trainer logs, with the time and the speed."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        seconds = time.monotonic() - self.budget.started
        last = self.rows[-1] if self.rows else {"step": 0, "seconds": 0.0}
        passed = max(seconds - last["seconds"], 1e-9)
        row = {
            "step": state.global_step,
            "seconds": seconds,
            "loss": logs["loss"],
            "rate": logs["learning_rate"],
            "gradient": logs["grad_norm"],
            "positions_per_second": self.positions * (state.global_step - last["step"]) / passed,
        }
        self.rows.append(row)
        (self.folder / "loss.json").write_text(json.dumps(self.rows))
        print(
            f"step {row['step']:6.0f}  {seconds:6.1f} s  loss {row['loss']:.4f}  "
            f"lr {row['rate']:.2e}  |g| {row['gradient']:.2f}  "
            f"{row['positions_per_second'] / 1e6:.2f} M positions/s",
            flush=True,
        )


@dataclass
class Keep(TrainerCallback):
    """Save every few minutes and at the end, on the first rank."""

    save: Callable[[], None]
    minutes: float
    saved: float = field(default_factory=time.monotonic)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save if the last time was long ago."""
        if state.is_world_process_zero and time.monotonic() - self.saved > 60 * self.minutes:
            self.save()
            self.saved = time.monotonic()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save the final weights."""
        if state.is_world_process_zero:
            self.save()
