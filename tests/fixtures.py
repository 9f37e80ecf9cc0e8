"""A model of random weights, small enough that a decode takes milliseconds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from plait.cli import main
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.transformer import Config, Transformer
from plait.train.tokens import train_tokenizer

TASKS = ["chain", "countdown", "multiply", "sudoku4"]


def write_model(folder: Path) -> Path:
    """A model folder with three streams of 6 positions and a summary of 4."""
    torch.manual_seed(0)
    codec = TokenizerCodec(
        train_tokenizer(iter(["What is 42 * 23?"] * 3), 300).to_str(), "<mask>", "<eos>", "<user>"
    )
    small = Config(codec.vocab, width=32, layers=1, heads=2, kv_heads=2, hidden=32)
    config = replace(small, head_dim=16, context=256)
    weights = {k: 8 * v for k, v in Transformer(config).state_dict().items()}
    box.write(folder, config, weights, codec, box.Slots(streams=3, length=6, summary=4))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"tasks": TASKS}))
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny"))


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def plait(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the console entry and return its exit code and what it wrote."""

    def run(*args: object) -> Result:
        code = main([str(arg) for arg in args])
        return Result(code, *capfd.readouterr())

    return run
