import json

import pytest
import torch

from plait.errors import PlaitError
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.transformer import Config, Transformer

CODEC = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_written_is_read(tmp_path, tied):
    config = Config(768, 16, 1, 2, 1, 32, head_dim=8, tied=tied)
    model = Transformer(config).bfloat16().float()
    box.write(tmp_path, config, dict(model.named_parameters()), CODEC, box.Slots(2, 8, 4))
    read = box.read(tmp_path)
    assert read.model.config == config
    assert read.slots == box.Slots(2, 8, 4)
    assert [s.length for s in read.slots.layout().segments] == [8, 8, 4]
    assert read.codec.encode("6 times 7") == CODEC.encode("6 times 7")
    tokens = torch.arange(12).view(2, 6)
    pos = torch.arange(6).expand(2, -1)
    assert torch.equal(read.model(tokens, pos), model(tokens, pos))


def test_a_folder_that_is_no_box_is_named(tmp_path):
    with pytest.raises(PlaitError, match=r"config\.json is missing"):
        box.read(tmp_path)
    for name in (box.CODEC, box.WEIGHTS):
        (tmp_path / name).touch()
    (tmp_path / box.MODEL).write_text(json.dumps({"model_type": "llada"}))
    with pytest.raises(PlaitError, match="not a model of plait"):
        box.read(tmp_path)
