"""`plait convert` and `plait doctor MODEL`, by the functions behind them and as commands."""

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="small checkpoints are made with transformers")

import transformers as hf
from hf import AR, ENCODERS, inputs, saved
from safetensors import SafetensorError
from tokenizer_files import TEMPLATE, write_tokenizer

import plait
from plait.cli import main
from plait.errors import PlaitError
from plait.models.convert import Change, convert


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    saved(AR["llama-tied-biased"], folder)
    write_tokenizer(folder, chat=TEMPLATE)
    return folder


@torch.no_grad()
@pytest.mark.parametrize("name", ["llama", "llama-tied-biased", "qwen2", "qwen3"])
def test_an_autoregressive_model_becomes_a_diffusion_model(name, tmp_path):
    theirs = saved(AR[name], tmp_path / "ar")
    write_tokenizer(tmp_path / "ar", chat=TEMPLATE)
    told = convert(str(tmp_path / "ar"), tmp_path / "dlm", Change(rows=70), torch.float32)
    assert told["attention"] == "full"
    assert told["shift"]
    assert (told["rows"], told["added_rows"]) == (70, 3)
    model = plait.load(str(tmp_path / "dlm"), device="cpu")
    assert model.codec.mask_id == told["mask_token_id"] == model.codec.encode("<|mask|>")[0]
    tokens, pos, _ = inputs()
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "dlm").eval()
    wanted = theirs(tokens).logits
    assert torch.allclose(again(tokens).logits[..., :67], wanted, atol=1e-5)
    rows = again.get_input_embeddings().weight
    assert torch.allclose(rows[67:], rows[:67].mean(0).expand(3, -1), atol=1e-6)
    ours = model.denoiser.net(tokens, pos)
    assert (ours[:, 1:, :67] - wanted[:, :-1]).abs().max() > 0.1  # it sees both sides now
    assert list(plait.generate(model, ["ab"], method="llada", layout=plait.plain(6), rounds=3))


@torch.no_grad()
def test_nothing_changes_where_nothing_is_asked(llama, tmp_path):
    convert(str(llama), tmp_path / "same", Change("causal"), torch.float32)
    tokens, pos, _ = inputs()
    before, after = (
        plait.load(str(f), device="cpu").denoiser.net(tokens, pos)[..., :67]
        for f in (llama, tmp_path / "same")
    )
    assert torch.allclose(before, after, atol=1e-6)


@torch.no_grad()
def test_blocks_see_themselves_and_what_came_before(llama, tmp_path):
    convert(str(llama), tmp_path / "b", Change("block", 4, shift=False), torch.float32)
    net = plait.load(str(tmp_path / "b"), device="cpu").denoiser.net
    tokens, pos, _ = inputs()
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 60
    heard = (net(changed, pos) - net(tokens, pos)).abs().amax((0, 2)) > 1e-6
    assert heard.tolist() == [False] * 4 + [True] * 8


@torch.no_grad()
@pytest.mark.parametrize("name", ["bert", "modernbert", "esm"])
def test_a_masked_encoder_keeps_its_mask_and_does_not_shift(name, tmp_path):
    theirs = saved(ENCODERS[name], tmp_path / "mlm")
    write_tokenizer(tmp_path / "mlm", mask="<mask>")
    told = convert(str(tmp_path / "mlm"), tmp_path / "dlm", dtype=torch.float32)
    assert not told["shift"]
    assert told["added_rows"] == 0
    tokens, pos, _ = inputs()
    again = hf.AutoModelForMaskedLM.from_pretrained(tmp_path / "dlm").eval()
    wanted = theirs(tokens, attention_mask=torch.ones_like(tokens)).logits
    mask = torch.ones_like(tokens)
    assert torch.allclose(again(tokens, attention_mask=mask).logits, wanted, atol=1e-5)
    model = plait.load(str(tmp_path / "dlm"), device="cpu")
    assert torch.allclose(model.denoiser.net(tokens, pos), wanted, atol=1e-4)


def test_the_weights_may_lie_in_many_files(llama, tmp_path, monkeypatch):
    monkeypatch.setattr("plait.models.convert.SHARD", 20_000)
    convert(str(llama), tmp_path / "s")
    assert len(list((tmp_path / "s").glob("model-*.safetensors"))) > 1
    assert plait.load(str(tmp_path / "s"), device="cpu", dtype="bfloat16").codec.mask_id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(rows=50), "50 rows are too few: the embedding has 67"),
        (Change("block", 0), "block=0 positions"),
    ],
)
def test_what_cannot_be_is_refused_before_a_file_is_written(llama, tmp_path, change, said):
    with pytest.raises(PlaitError, match=said):
        convert(str(llama), tmp_path / "no", change)
    assert not (tmp_path / "no").exists()
    with pytest.raises(PlaitError, match="is there already"):
        convert(str(llama), llama)
    with pytest.raises(PlaitError, match="there is nothing to convert"):
        convert("plait-tiny", tmp_path / "no")


def test_a_full_disk_leaves_nothing_in_the_way(llama, tmp_path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("plait.models.saving.save_file", full)
        with pytest.raises(PlaitError, match=r"safetensors cannot be written \(No space left"):
            convert(str(llama), tmp_path / "dlm")
    assert not (tmp_path / "dlm").exists()
    convert(str(llama), tmp_path / "dlm")


def test_the_commands(llama, tmp_path, capsys):
    assert main(["convert", str(llama), str(tmp_path / "d"), "--no-shift", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["shift"] is False
    assert main(["doctor", str(tmp_path / "d")]) == 0
    page = capsys.readouterr().out
    assert "context 64" in page
    assert all(word in page for word in ("float32", "int4", "canvas", "free", "cpu yes"))
    assert main(["doctor", str(tmp_path / "d"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["weight bytes"]["float32"] == 4 * report["weights"]
    assert main(["doctor", str(tmp_path / "nowhere")]) == 2
    assert "there is no model folder" in capsys.readouterr().err
