import hashlib
import json
import math

import pytest
import torch

from plait.errors import PlaitError
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.load import load
from plait.models.transformer import Config, Transformer

CODEC = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_written_is_read(tmp_path, tied):
    config = Config(768, 16, 1, 2, 1, 32, head_dim=8, tied=tied)
    net = Transformer(config).bfloat16().float()
    slots = box.Slots(2, 8, 4, most=2)
    box.write(tmp_path, config, dict(net.named_parameters()), CODEC, slots, ["chain"])
    read = load(str(tmp_path))
    assert read.denoiser.net.config == config
    assert (read.slots, read.tasks) == (slots, ("chain",))
    assert [s.length for s in read.layout().segments] == [8, 8, 4]
    assert read.codec.encode("6 times 7") == CODEC.encode("6 times 7")
    tokens = torch.arange(12).view(2, 6)
    pos = torch.arange(6).expand(2, -1)
    assert torch.equal(read.denoiser.net(tokens, pos), net(tokens, pos))
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1  # all for the same users


@pytest.fixture
def told(tmp_path):
    """Write a small box, with some things in its config.json changed."""
    config = Config(768, 16, 1, 2, 1, 32, head_dim=8)
    weights = dict(Transformer(config).named_parameters())
    box.write(tmp_path, config, weights, CODEC, box.Slots(2, 8, 4, most=2))
    values = json.loads((tmp_path / "config.json").read_text())

    def change(where, **changes):
        inside = values if where == "" else values[where]
        inside.update(changes)
        (tmp_path / "config.json").write_text(json.dumps(values))
        return str(tmp_path)

    return change


@pytest.mark.parametrize(
    ("where", "key", "value", "said"),
    [
        ("layout", "length", math.inf, "length = inf is not a setting"),
        ("layout", "length", 0, "config.json: the length of 'stream 1' is 0; it must be >= 1"),
        ("layout", "length", True, "length = True is not a setting"),
        ("layout", "cross", "x", "cross = 'x' is not a setting"),
        ("layout", "streams", 3, "of which the model has seen at most 2"),
        ("layout", "strange", math.inf, "strange = inf is not a setting"),
        ("", "layout", [], r"\[\] should be an object with streams, length"),
        ("", "tasks", 5, "tasks = 5 should be a list"),
        ("", "template", "no", "template = 'no' should be true or false"),
        ("", "layers", math.nan, "layers = nan is not a setting"),
        ("", "attention", "half", "attention = 'half' is not a setting"),
    ],
)
def test_what_a_box_cannot_mean_is_told_when_it_is_loaded(told, where, key, value, said):
    with pytest.raises(PlaitError, match=said):
        load(told(where, **{key: value}))


def test_whole_numbers_may_have_a_point(told):
    told("", layers=1.0)
    read = load(told("layout", streams=2.0))
    assert [s.length for s in read.layout().segments] == [8, 8, 4]


def test_the_models_in_the_box_are_what_their_sums_say():
    for line in (box.HERE / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((box.HERE / name).read_bytes()).hexdigest() == digest
    assert box.names() == ["plait-tiny"]
    assert sum(f.stat().st_size for f in box.HERE.rglob("*.safetensors")) <= 24_000_000
