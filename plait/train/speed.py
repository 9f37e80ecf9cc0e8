"""How much a run has computed, and what share of the device's peak that is (MFU)."""

from dataclasses import dataclass

import torch

from ..bench.roofline import Work
from ..models.config import Config

PEAKS = {  # bfloat16, dense, of the makers' data sheets; operations per second
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A10G": 70e12,
}


@dataclass
class Speed:
    """Positions and operations so far, of this process.

    Operations are counted as is usual: 6 for each weight and position (the embedding aside) and
    12 for each pair of positions and feature of attention; what is recomputed does not count.
    """

    config: Config
    positions: int = 0
    flops: float = 0.0

    def add(self, rows: int, length: int, twice: bool) -> None:
        """Count a batch; `twice`: each row also ran as its clean copy."""
        ran = 2 * length if twice else length
        self.positions += rows * length
        self.flops += 3 * Work.of(self.config, rows, ran, ran, length, 2).flops


def peak() -> float | None:
    """Operations per second that this GPU can do at most; None where it is not known."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    return next(
        (value for key, value in PEAKS.items() if all(w in name for w in key.split())), None
    )
