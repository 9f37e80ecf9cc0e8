"""What a recipe is: all that decides the result of a training run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import PlaitError, unknown
from ..models.config import Config
from .canvas_data import Rows
from .corrupt import Corruption
from .objective import Objective
from .records import Records
from .view import View
from .weights.schedule import Scheduled


@dataclass(frozen=True)
class Start:
    """A model to go on from: whatever plait.load can load.

    An autoregressive model becomes a diffusion model first (`plait convert`), with the attention
    and the shift that are asked for; "source" keeps what it has.
    """

    name: str = "plait-tiny"
    attention: Literal["source", "full", "block", "causal"] = "source"
    block: int = 1  # positions per block, for attention "block"
    shift: Literal["source", "yes", "no"] = "source"

    def __post_init__(self) -> None:
        for name, known in (
            ("attention", ("source", "full", "block", "causal")),
            ("shift", ("source", "yes", "no")),
        ):
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)


@dataclass(frozen=True)
class Lora:
    """Low-rank changes of some weights in place of all (LoRA, arXiv:2106.09685), by PEFT."""

    rank: int = 0  # 0 = all weights are trained
    alpha: float = 32.0
    of: tuple[str, ...] = ("query", "key", "value", "out", "gate", "up", "down")

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise PlaitError(f"lora.rank is {self.rank}; it must be >= 0")
        if self.alpha <= 0:  # times 0, the changes would have no gradient
            raise PlaitError(f"lora.alpha is {self.alpha}; it must be above 0")
        if not self.of:
            raise PlaitError("lora.of is empty; name the products to change, such as query")


@dataclass(frozen=True)
class Optimiser:
    """AdamW or Muon, and its learning rate: warm-up by steps, then constant, then linear to zero.

    Muon (arXiv:2502.16982) is for the matrices of the blocks; the other weights keep AdamW.
    """

    kind: Literal["adamw", "muon"] = "adamw"
    rate: float = 2e-3  # at its highest; Muon's steps are as large as AdamW's
    warmup: int = 200  # steps
    cooldown: float = 0.7  # share of the run at the end in which the rate falls
    betas: tuple[float, float] = (0.9, 0.98)
    decay: float = 0.1  # of matrices; vectors have none
    clip: float = 1.0  # norm of the gradient

    def __post_init__(self) -> None:
        if self.kind not in ("adamw", "muon"):
            raise unknown("optimiser", self.kind, ("adamw", "muon"))

    def factor(self, step: int, share: float) -> float:
        """Learning rate relative to the highest, `share` of the run being over."""
        falls = (1 - share) / self.cooldown if self.cooldown else 1.0
        return min(1.0, (step + 1) / max(1, self.warmup), falls)


@dataclass(frozen=True)
class Recipe:
    """All that decides the result of a training run, hardware and data on disk aside.

    The seven choices in which published losses differ are `objective.weight` (token weight),
    `objective.normaliser`, `corruption.per` (what shares a noise level), `corruption.levels` with
    `low` and `high`, `corruption.law` (how many are masked, and which), the shift (`model.shift`),
    and `rows.ends` (padding).
    """

    model: Config | Start
    codec: Path = Path()  # tokenizer.json, for a model from scratch
    rows: Rows | Records = Rows()
    corruption: Corruption = Corruption()
    view: View = View()
    objective: Objective = Objective()
    optimiser: Optimiser = Optimiser()
    lora: Lora = Lora()
    average: float = 0.999  # decay of the average of weights, per step
    steps: int = 1_000_000
    minutes: float = 0.0  # 0 = no limit; whichever of steps and minutes is over first
    accumulate: int = 1  # batches in a step
    compiled: bool = True  # on CUDA only
    graphed: bool = False  # whole steps as CUDA graphs; on one CUDA device only
    half: bool = False  # residual stream in bfloat16; on CUDA only
    fused: bool = True  # rotary positions and attention as one operation; on CUDA only
    precision: Literal["bf16", "float32"] = "bf16"  # of matrix products; on CUDA only
    head: Literal["all", "masked"] = "all"  # positions whose logits are computed
    recompute: bool = False  # activations in the backward pass (gradient checkpointing)
    shard: bool = False  # weights over all GPUs (FSDP)
    save_every: float = 2.0  # minutes
    checkpoints: int = 2  # kept, to resume from; 0 = none are written
    log_every: int = 50  # steps
    seed: int = 0

    def __post_init__(self) -> None:
        at_least = {"steps": 1, "accumulate": 1, "log_every": 1, "seed": 0, "checkpoints": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise PlaitError(f"{name} is {getattr(self, name)}; it must be >= {least}")
        if not 0 <= self.average < 1:
            raise PlaitError(f"average is {self.average}; it must be at least 0 and less than 1")
        self._blocks()
        weight = self.objective.weight
        if isinstance(weight, Scheduled) and weight.noise != self.corruption.schedule:
            raise PlaitError(
                f"objective.weight is that of the schedule '{weight.noise.kind}', but "
                f"corruption.schedule is '{self.corruption.schedule.kind}': set both alike"
            )
        if self.optimiser.kind == "muon" and (self.lora.rank or self.shard):
            raise PlaitError(
                "optimiser.kind=muon turns whole matrices: leave it out with lora.rank or shard"
            )
        if self.graphed and (self.accumulate > 1 or self.view.anneal):
            raise PlaitError("graphed=True goes with accumulate=1 and view.anneal=0")

    def _blocks(self) -> None:
        """Raise PlaitError where parts do not mean the same blocks."""
        model, view = self.model, self.view
        if view.context == "clean" and model.attention == "block" and model.block != view.block:
            raise PlaitError(
                f"view.block is {view.block} and model.block is {model.block}: set both alike, or "
                "the model decodes in other blocks than it is trained on"
            )
        ends = self.rows.ends if isinstance(self.rows, Records) else None
        if ends is not None and ends.padding == "block" and not view.block:
            raise PlaitError("rows.ends.padding=block needs a block size: set view.block")
