"""What happens between training steps: the budget, the average of weights, the record, saving."""

# Trainer decides which arguments a callback has.
# ruff: noqa: ARG002

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..errors import PlaitError
from ..files import write_whole
from ..models import saving
from .speed import Speed, peak

AGREE = 20  # steps after which ranks agree on the time
CHECKPOINTS = "checkpoint-*"
AVERAGE, DONE = "average.safetensors", "progress.json"  # in a checkpoint; the second comes last


def agreed(value: float, args: TrainingArguments, step: int) -> float | None:
    """The largest value among ranks; None at steps at which they do not compare."""
    if args.world_size == 1:
        return value
    if step % AGREE:
        return None
    among = torch.tensor(value, device=args.device)
    torch.distributed.all_reduce(among, torch.distributed.ReduceOp.MAX)
    return float(among)


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

    def go_on(self, args: TrainingArguments, step: int) -> None:
        """Take the share after `step` steps, of which another process has taken the first."""
        self.share = agreed(self.measure(step), args, step=0) or 0.0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Update the share, and stop at 1."""
        share: float | None = self.measure(state.global_step)
        if self.minutes:  # clocks differ; steps do not
            share = agreed(share or 0.0, args, state.global_step)
        self.share = self.share if share is None else share
        control.should_training_stop |= self.share >= 1
        control.should_log |= self.share >= 1  # the record ends with the last step


class Average(TrainerCallback):
    """Exponential moving average of the weights (EMA): what is evaluated and saved.

    The decay starts low, as min(decay, (1 + n) / (10 + n)), to forget the random start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay = model, decay
        self._bind()

    def _bind(self) -> None:
        named = self._model.named_parameters()
        self._current = {n: w for n, w in named if w.requires_grad}
        self.weights: dict[str, Tensor] = {
            name: weight.detach().clone() for name, weight in self._current.items()
        }

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Take the parts of this rank where weights have been spread over ranks (FSDP)."""
        if any(isinstance(weight, DTensor) for weight in self._model.parameters()):
            before = {name: weight.cpu() for name, weight in self.weights.items()}
            self._bind()
            self.load(before)

    def whole(self) -> dict[str, Tensor]:
        """The average, put together where it is spread; all ranks must ask."""
        return {
            name: weight.full_tensor() if isinstance(weight, DTensor) else weight
            for name, weight in self.weights.items()
        }

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Set the average to whole weights."""
        for name, own in self.weights.items():
            new = weights[name].to(own.device, own.dtype)
            if isinstance(own, DTensor):
                new = distribute_tensor(new, own.device_mesh, own.placements)
            own.copy_(new)

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
    """Loss over time: `loss.json` in the output folder, and a row to whoever watches."""

    folder: Path
    budget: Budget
    speed: Speed
    watch: Callable[[dict[str, float]], None] | None = None
    rows: list[dict[str, float]] = field(default_factory=list)
    _last: tuple[float, int, float] = (0.0, 0, 0.0)  # seconds, positions and operations

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Keep what the trainer logs, with the time and the speed, which it gets to log too."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise PlaitError(
                f"the loss is {logs['loss']} at step {state.global_step}: lower optimiser.rate and "
                "start anew"
            )
        seconds = time.monotonic() - self.budget.started
        now = seconds, self.speed.positions, self.speed.flops
        passed, positions, flops = (a - b for a, b in zip(now, self._last, strict=True))
        self._last, ranks, top = now, args.world_size, peak()
        row = {
            "step": state.global_step,
            "seconds": seconds,
            "share": self.budget.share,
            "loss": logs["loss"],
            "rate": logs["learning_rate"],
            "gradient": logs["grad_norm"],
            "positions_per_second": ranks * positions / max(passed, 1e-9),
            "teraflops": ranks * flops / max(passed, 1e-9) / 1e12,
        }
        if top is not None:
            row["mfu"] = row["teraflops"] * 1e12 / (ranks * top)
        logs |= {k: row[k] for k in ("positions_per_second", "teraflops", "mfu") if k in row}
        self.rows.append(row)
        write_whole(self.folder / "loss.json", json.dumps(self.rows))
        if self.watch is not None:
            self.watch(row)


def line(row: dict[str, float]) -> str:
    """A row of the record as text."""
    used = f"  MFU {100 * row['mfu']:.0f} %" if "mfu" in row else ""
    return (
        f"step {row['step']:6.0f}  {row['seconds']:6.1f} s  loss {row['loss']:.4f}  "
        f"lr {row['rate']:.2e}  |g| {row['gradient']:.2f}  "
        f"{row['positions_per_second'] / 1e6:.2f} M positions/s{used}"
    )


@dataclass
class Keep(TrainerCallback):
    """Save after the first step, every few minutes and at the end, on the first rank.

    With `checkpoints` the trainer writes one at these times too, and this adds what it does not
    know: the average of weights, and how much of the run is over. Only then are old ones removed,
    down to that number.
    """

    save: Callable[[Mapping[str, Tensor]], None]
    minutes: float
    average: Average
    budget: Budget
    record: Record
    checkpoints: int = 0
    saved: float = -math.inf

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save if the last time was long ago."""
        due = float(time.monotonic() - self.saved > 60 * self.minutes)
        if agreed(due, args, state.global_step) or control.should_training_stop:
            control.should_save |= self.checkpoints > 0
            self._save(state)
            if state.is_world_process_zero:  # an old one of this step is not whole any more
                (_checkpoint(args, state) / DONE).unlink(missing_ok=True)
            self.saved = time.monotonic()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Complete a checkpoint."""
        weights = self.average.whole()
        if state.is_world_process_zero:
            folder = _checkpoint(args, state)
            saving.write(folder / AVERAGE, weights)
            seconds = time.monotonic() - self.budget.started
            progress = {"seconds": seconds, "rows": self.record.rows}
            write_whole(folder / DONE, json.dumps(progress))
            self._rotate(Path(str(args.output_dir)))

    def _rotate(self, out: Path) -> None:
        whole = [path.stat().st_mtime_ns for path in out.glob(f"{CHECKPOINTS}/{DONE}")]
        oldest = sorted(whole)[-self.checkpoints :][0]
        for folder in out.glob(CHECKPOINTS):
            done = folder / DONE
            if not done.is_file() or done.stat().st_mtime_ns < oldest:
                saving.remove(folder)

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint: the average, the time that is used up, and the record."""
        progress = json.loads((folder / DONE).read_text())
        self.budget.started -= progress["seconds"]
        self.record.rows = progress["rows"]
        self.record._last = progress["seconds"], 0, 0.0
        self.average.load(load_file(folder / AVERAGE))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Save the final weights."""
        self._save(state)

    def _save(self, state: TrainerState) -> None:
        weights = self.average.whole()
        if state.is_world_process_zero:
            self.save(weights)


def _checkpoint(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"


class Interrupt(TrainerCallback):
    """Ctrl-C and SIGTERM end the run after the step, with everything saved."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Listen; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self.asked:  # the second time: at once
            raise KeyboardInterrupt
        self.asked = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop if asked to."""
        control.should_training_stop |= self.asked

    def quiet(self) -> None:
        """Listen no longer."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()
