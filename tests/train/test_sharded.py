"""Weights spread over two processes learn what whole ones learn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent


def train(program, out, *settings):
    """Two processes; their losses and the weights they leave."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *program]
    command += ["toy", "--out", str(out), "--set", "steps=24", "--set", "log_every=1", *settings]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert not done.returncode, done.stderr[-2000:]
    losses = [row["loss"] for row in json.loads((out / "loss.json").read_text())]
    return losses, load_file(out / "model.safetensors")


@pytest.mark.slow
def test_sharded_equals_whole(tmp_path):
    program, shard = (str(HERE / "sharded_on_cpu.py"),), ("--set", "shard=True")
    saved = "--set", "save_every=0.0001", "--set", "checkpoints=9"
    whole, weights = train(("-m", "plait", "train"), tmp_path / "whole")
    losses, found = train(program, tmp_path / "sharded", *shard, *saved)
    assert (tmp_path / "sharded" / "checkpoint-20" / "pytorch_model_fsdp.bin").exists()
    assert losses == pytest.approx(whole, abs=1e-5)
    for name, weight in weights.items():
        torch.testing.assert_close(found[name], weight, atol=1e-3, rtol=1e-2)  # bfloat16 on disk
    again = train(program, tmp_path / "sharded", *shard, *saved, "--resume", "--step", "20")
    assert again[0] == pytest.approx(whole, abs=1e-5)


@pytest.mark.slow
def test_in_bfloat16_losses_are_not_rounded(tmp_path, monkeypatch):
    """Nor are noise levels and counts, as they would be by accelerate's own policy."""
    monkeypatch.setenv("BF16", "1")
    program = (str(HERE / "sharded_on_cpu.py"),)
    whole, _ = train(program, tmp_path / "whole")
    losses, _ = train(program, tmp_path / "sharded", "--set", "shard=True")
    assert losses[:4] == pytest.approx(whole[:4], abs=2e-3)
