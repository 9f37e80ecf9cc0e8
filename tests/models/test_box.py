import hashlib

import pytest
import torch

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


def test_the_models_in_the_box_are_what_their_sums_say():
    for line in (box.HERE / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((box.HERE / name).read_bytes()).hexdigest() == digest
    assert box.names() == ["plait-tiny"]
    assert sum(f.stat().st_size for f in box.HERE.rglob("*.safetensors")) <= 24_000_000
