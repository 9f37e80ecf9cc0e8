"""The adapters that come with the project: small, told of, and for the base that they name."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from plait.models.adapter import adapt

ADAPTERS = sorted((Path(__file__).parents[2] / "adapters").iterdir())
SMOLLM2 = {
    "self_attn.q_proj": (576, 576),
    "self_attn.k_proj": (192, 576),
    "self_attn.v_proj": (192, 576),
    "self_attn.o_proj": (576, 576),
    "mlp.gate_proj": (1536, 576),
    "mlp.up_proj": (1536, 576),
    "mlp.down_proj": (576, 1536),
}


@dataclass(frozen=True)
class Zeros:
    """A checkpoint of SmolLM2-135M's shape without a file."""

    shapes: dict[str, tuple[int, ...]]
    where: Path = Path("zeros")

    def read(self, name: str, device: torch.device) -> torch.Tensor:
        """A weight."""
        return torch.zeros(self.shapes[name], device=device)


@pytest.fixture
def base():
    names = {f"model.layers.{n}.{part}.weight": s for n in range(30) for part, s in SMOLLM2.items()}
    return Zeros(names)


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_it_changes_every_matrix_of_its_base(folder, base):
    found = adapt(base, str(folder))
    assert set(found.changed) == set(base.shapes)
    for name in ("model.layers.0.mlp.up_proj.weight", "model.layers.29.self_attn.q_proj.weight"):
        change = found.read(name, torch.device("cpu"))
        assert change.isfinite().all()
        assert change.abs().max() > 1e-3


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_it_is_small_and_has_a_card(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 16e6
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")
