"""The optimiser of a recipe, and the learning rate that follows its budget."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .callbacks import Budget
from .muon import Muon
from .recipe import Optimiser


class Together(Optimizer):
    """Several optimisers, each with weights of its own, as one."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.parts = parts
        self._share()

    def _share(self) -> None:
        """Let the groups be those of the parts: a learning rate that is set here is set there."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of each."""
        for part in self.parts:
            part.step(closure)

    def state_dict(self) -> dict[str, Any]:
        """The states of all."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the states of all."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share()


def optimisation(
    model: nn.Module, settings: Optimiser, budget: Budget
) -> tuple[Optimizer, LambdaLR]:
    """The optimiser, which does not decay vectors, and a learning rate that follows the budget."""
    weights = {name: w for name, w in model.named_parameters() if w.requires_grad}
    inner = [w for name, w in weights.items() if w.ndim == 2 and numbered(name)]
    turned = {id(w) for w in inner} if settings.kind == "muon" else set()
    others = [w for w in weights.values() if id(w) not in turned]
    groups = [
        {"params": [w for w in others if w.ndim > 1], "weight_decay": settings.decay},
        {"params": [w for w in others if w.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser: Optimizer = AdamW(
        [group for group in groups if group["params"]],
        lr=settings.rate,
        betas=settings.betas,
        fused=others[0].is_cuda,
    )
    if turned:
        optimiser = Together([Muon(inner, settings.rate, settings.decay), optimiser])
    schedule = LambdaLR(optimiser, lambda step: settings.factor(step, budget.share))
    return optimiser, schedule


class Resumed(TrainerCallback):
    """Gives a run that goes on the rates of its own length, not of that of its checkpoint."""

    def __init__(self, schedule: LambdaLR, budget: Budget) -> None:
        self._schedule, self._budget = schedule, budget

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002  (Trainer gives it)
        **_: Any,
    ) -> None:
        """Set the rate of the next step, which is known from the step before the last one on."""
        if not state.global_step:
            return
        self._budget.go_on(args, state.global_step - 1)
        schedule = self._schedule
        groups, step = schedule.optimizer.param_groups, schedule.last_epoch
        for group, rate, factor in zip(groups, schedule.base_lrs, schedule.lr_lambdas, strict=True):
            group["lr"] = rate * factor(step)
        schedule._last_lr = [group["lr"] for group in groups]  # what is recorded
        self._budget.go_on(args, state.global_step)


def numbered(name: str) -> bool:
    """Say whether a weight lies in one of a list of layers, as `blocks.3.mlp.up.weight` does."""
    return any(part.isdigit() for part in name.split("."))
