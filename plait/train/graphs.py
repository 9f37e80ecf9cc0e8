"""Training steps as CUDA graphs: a narrow model otherwise waits for Python, not for the device."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .batches import Batch

WARM = 3  # steps before a capture, in which kernels are compiled and chosen


@dataclass
class Captured:
    """One shape of batch: the graph, what it reads, and the loss that it writes."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    loss: Tensor


class Steps:
    """Loss and gradients of batches, by one CUDA graph for each shape; all share their memory."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.gradients = [torch.zeros_like(weight) for weight in self.weights]
        self.pool = torch.cuda.graph_pool_handle()
        self.captured: dict[tuple[object, ...], Captured] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """Set the gradient of every weight and return the loss, both valid until the next call."""
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient  # Trainer takes gradients away after each step
        shape = tuple((name, tuple(values.shape)) for name, values in batch.items())
        if shape not in self.captured:
            self.captured[shape] = self._capture({k: v.clone() for k, v in batch.items()})
        known = self.captured[shape]
        for name, values in known.batch.items():
            values.copy_(batch[name], non_blocking=True)
        known.graph.replay()
        return known.loss

    def _capture(self, batch: Batch) -> Captured:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM):
                self._step(batch)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # The data loader pins memory in a thread of its own meanwhile, hence thread_local.
        with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
            loss = self._step(batch)
        return Captured(graph, batch, loss)

    def _step(self, batch: Batch) -> Tensor:
        torch._foreach_zero_(self.gradients)
        loss: Tensor = self.model(**batch)["loss"]
        loss.backward()
        return loss.detach()
