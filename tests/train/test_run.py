import json
import time
from dataclasses import replace

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from plait.errors import Notice, PlaitError
from plait.models import box
from plait.models.load import load as load_model
from plait.models.transformer import Transformer
from plait.train.callbacks import Average, Budget, Keep
from plait.train.recipes import Optimiser, load
from plait.train.run import alone, train


def test_a_toy_learns_saves_and_reloads(tmp_path):
    recipe = load("toy")
    train(recipe, tmp_path / "one")
    losses = [row["loss"] for row in json.loads((tmp_path / "one" / "loss.json").read_text())]
    assert losses[-1] < 0.7 * losses[0]
    read = load_model(str(tmp_path / "one"))
    assert read.slots == replace(recipe.rows.slots, most=4)
    net = read.denoiser.net
    weights = dict(net.named_parameters())
    box.write(tmp_path / "copy", recipe.model, weights, read.codec, read.slots)
    tokens = torch.arange(40).view(2, 20)
    pos = torch.arange(20).expand(2, -1)
    again = load_model(str(tmp_path / "copy")).denoiser.net
    assert torch.equal(again(tokens, pos), net(tokens, pos))
    train(recipe, tmp_path / "two", logs=tmp_path / "logs")
    same = load_model(str(tmp_path / "two")).denoiser.net
    assert torch.equal(same(tokens, pos), net(tokens, pos))  # a seed fixes the result
    assert list((tmp_path / "logs").iterdir())


def test_a_kill_leaves_a_usable_box(tmp_path, monkeypatch):
    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Keep, "on_train_end", killed)
    with pytest.raises(KeyboardInterrupt):
        train(replace(load("toy"), steps=4, save_every=1e-9), tmp_path)
    assert load_model(str(tmp_path)).denoiser.net.config == load("toy").model


def test_the_time_limit_ends_the_run_and_the_learning_rate(tmp_path):
    recipe = replace(load("toy"), steps=100_000, minutes=0.1, log_every=1, checkpoints=0)
    start = time.monotonic()
    train(recipe, tmp_path, started=start)
    assert time.monotonic() - start < 25
    rows = json.loads((tmp_path / "loss.json").read_text())
    assert rows[-1]["rate"] < 0.3 * max(row["rate"] for row in rows)


def test_the_last_step_is_in_the_record(tmp_path):
    found = train(replace(load("toy"), steps=3, log_every=50, checkpoints=0), tmp_path)
    (row,) = json.loads((tmp_path / "loss.json").read_text())
    assert row["step"] == found.rows[-1]["step"] == 3


def test_learning_rate_rises_stays_and_falls_to_zero():
    factor = Optimiser(warmup=10, cooldown=0.5).factor
    assert factor(0, 0.0) == pytest.approx(0.1)
    assert factor(9, 0.1) == factor(50, 0.5) == 1
    assert factor(60, 0.75) == pytest.approx(0.5)
    assert factor(99, 1.0) == 0


def test_the_average_follows_the_weights(tmp_path):
    arguments = TrainingArguments(str(tmp_path))
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    average = Average(layer, decay=0.5)
    torch.nn.init.ones_(layer.weight)
    state, control, expected = TrainerState(), TrainerControl(), 0.0
    for step in range(1, 6):
        state.global_step = step
        average.on_step_end(arguments, state, control)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay)
        assert float(average.weights["weight"].detach()) == pytest.approx(expected)


def test_the_budget_takes_the_further_of_steps_and_minutes():
    budget = Budget(steps=10, minutes=1.0, started=time.monotonic() - 30)
    assert budget.measure(2) == pytest.approx(0.5, abs=0.05)
    assert budget.measure(9) == 0.9
    assert budget.measure(11) == 1.0
    assert Budget(steps=10).measure(5) == 0.5


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("plait_tyni", [], "did you mean 'plait_tiny'"),
        ("toy", ["model"], "field=value"),
        ("toy", ["model.widht=8"], "did you mean 'width'"),
        ("toy", ["model.width=wide"], "has the type int, which 'wide' is not of"),
        ("toy", ["model=8"], "has fields"),
        ("toy", ["steps.x=8"], "has no fields"),
        ("toy", ["rows.positions=50"], "must hold a row"),
        ("toy", ["head=maske"], "unknown head 'maske'"),
        ("toy", ["rows.cross=x"], "unknown cross 'x'"),
        ("toy", ["seed=-1"], "must be >= 0"),
        ("toy", ["average=2.0"], "less than 1"),
        ("nap", ["lora.rank=4", "lora.alpha=0"], r"lora\.alpha is 0\.0; it must be above 0"),
        ("nap", ["lora.rank=-4"], r"lora\.rank is -4; it must be >= 0"),
        ("nap", ["lora.rank=4", "lora.of=()"], r"lora\.of is empty"),
        ("block_diffusion", ["view.block=4"], "set both alike"),
        ("nap", ["rows.ends.padding=block"], "set view.block"),
    ],
)
def test_settings_are_checked(name, settings, message):
    with pytest.raises(PlaitError, match=message):
        load(name, settings)


def test_a_rate_without_warmup_or_cooldown_stays():
    flat = Optimiser(warmup=0, cooldown=0.0)
    assert [flat.factor(step, share) for step, share in ((0, 0.0), (5, 0.9), (9, 1.0))] == [1.0] * 3


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    wild = load("toy", ["optimiser.rate=1e30", "optimiser.clip=1e30", "log_every=1"])
    with pytest.raises(PlaitError, match="the loss is"):
        train(wild, tmp_path / "run")


def test_settings_that_fit_only_together():
    recipe = load("plait_tiny", ["model.heads=6", "model.kv_heads=6", "optimiser.rate=2e-3"])
    assert (recipe.model.heads, recipe.model.kv_heads, recipe.optimiser.rate) == (6, 6, 2e-3)
    with pytest.raises(PlaitError, match="the tokenizer has"):
        train(load("toy", ["model.vocab=100"]), "/nonexistent")


def test_the_model_in_the_box_stays_small():
    config = load("plait_tiny").model
    with torch.device("meta"):
        assert sum(w.numel() for w in Transformer(config).parameters()) < 12_000_000


def test_a_process_takes_one_of_several_devices(tmp_path):
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    arguments._n_gpu = 2
    assert arguments.train_batch_size == 2 * arguments.per_device_train_batch_size
    with pytest.warns(Notice, match="nproc-per-node 2"):
        alone(arguments)
    assert arguments.train_batch_size == arguments.per_device_train_batch_size


def test_a_run_that_cannot_begin_leaves_no_folder_but_one_that_was_there(tmp_path, monkeypatch):
    def refused(*_):
        raise PlaitError("no such model")

    monkeypatch.setattr("plait.train.run.origin", refused)
    (tmp_path / "old").mkdir()
    for name in ("new", "old"):
        with pytest.raises(PlaitError, match="no such model"):
            train(load("toy", []), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
