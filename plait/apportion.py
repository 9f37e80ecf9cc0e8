"""Share commits among streams, one at a time, so that none runs ahead of or behind its part."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """What each region has been given, and among which regions it was shared.

    While the same regions are unfinished, |done_j - c w_j / sum w| < 1 after any number c of
    commits: no stream stabilises before another has started (macro-parallelism of NAP,
    arXiv:2602.23225, which leaves the rule open). Tijdeman's rule (the chairman assignment
    problem, 1980): among the regions whose share is due, serve the one with the earliest
    deadline. Largest-deficit-first looks simpler but exceeds 1 for some weights.
    """

    weight: Int[Tensor, "B R"]
    done: Int[Tensor, "B R"]
    among: Bool[Tensor, "B R"]

    @staticmethod
    def start(weight: Int[Tensor, "B R"]) -> "Split":
        """Nothing given yet; shares are proportional to `weight`."""
        return Split(weight, torch.zeros_like(weight), weight > 0)

    def give(
        self, count: Int[Tensor, " B"], left: Int[Tensor, "B R"], most: int | None = None
    ) -> tuple[Int[Tensor, "B R"], "Split"]:
        """Hand out `count` commits per row to regions that have positions `left`.

        A region that finishes leaves the sharing, which then starts afresh among the others.
        Where the largest count is known, `most` spares asking the device for it.
        """
        quota, split = torch.zeros_like(left), self
        most = (int(count.max()) if len(count) else 0) if most is None else most
        for i in range(most):
            split = split._restart(left - quota > 0)
            one = split._next() & (count > i)[:, None]
            quota = quota + one
            split = Split(split.weight, split.done + one, split.among)
        return quota, split

    def _restart(self, among: Bool[Tensor, "B R"]) -> "Split":
        same = (among == self.among).all(1, keepdim=True)
        return Split(self.weight, torch.where(same, self.done, 0), among)

    def _next(self) -> Bool[Tensor, "B R"]:
        """One-hot: the region that gets the next commit (none where no region is left)."""
        weight = torch.where(self.among, self.weight, 0).double()
        part = weight / weight.sum(1, keepdim=True).clamp(min=1)
        slack = 0.5 / (self.among.sum(1, keepdim=True) - 1).clamp(min=1).double()
        given = self.done.sum(1, keepdim=True)
        due: Float[Tensor, "B R"] = part * (given + 1) - self.done
        deadline = (self.done + 1 - slack) / part
        urgent = torch.where(self.among & (due >= slack - 1e-9), deadline, torch.inf)
        first = urgent.argmin(1, keepdim=True)  # of equals, the lowest region
        return torch.zeros_like(self.among).scatter_(1, first, True) & self.among
