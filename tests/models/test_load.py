"""Loading by folder, shards, dtype, adapter and quantization; what a user gets wrong."""

import json
import runpy
import shutil
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("transformers", reason="small checkpoints are made with transformers")

from foreign import CONFIGS, shapes, write
from hf import AR, ENCODERS, inputs, saved
from tokenizer_files import TEMPLATE, write_tokenizer

import plait
from plait.errors import PlaitError
from plait.models import fit
from plait.models.checkpoint import build, open_folder

LAYOUT = plait.plain(6)


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    saved(AR["llama"], folder)
    write_tokenizer(folder, chat=TEMPLATE)
    return folder


@pytest.fixture(scope="module")
def dream(tmp_path_factory) -> Path:
    folder = write(tmp_path_factory.mktemp("dream"), "dream", shapes("dream"))
    write_tokenizer(folder, mask="<|mask|>", chat=TEMPLATE)
    return folder


@pytest.fixture
def spoilt(dream, tmp_path) -> Path:
    return Path(shutil.copytree(dream, tmp_path / "dream"))


def edit(folder: Path, name: str = "config.json", **changes: object) -> None:
    settings = json.loads((folder / name).read_text()) | changes
    (folder / name).write_text(json.dumps({k: v for k, v in settings.items() if v is not ...}))


def load(folder: Path, **options: object) -> plait.Model:
    return plait.load(str(folder), device="cpu", **options)


@pytest.mark.parametrize("name", [*CONFIGS, *AR, *ENCODERS])
def test_every_family_decodes(name, tmp_path):
    if name in CONFIGS:
        write(tmp_path, name, shapes(name))
    else:
        saved({**AR, **ENCODERS}[name], tmp_path)
    write_tokenizer(tmp_path, mask="<mask>")
    edit(tmp_path, mask_token_id=..., eos_token_id=...)
    if name == "esm":
        edit(tmp_path, mask_token_id=5)
    model = load(tmp_path)
    answers = list(plait.generate(model, ["ab", "abc"], method="llada", layout=LAYOUT, rounds=3))
    assert [a.rounds <= 3 for a in answers] == [True, True]
    assert [a.text for a in answers[:1]] == [
        a.text for a in plait.generate(model, ["ab"], method="llada", layout=LAYOUT, rounds=3)
    ]


def test_shards_are_one_model(dream, spoilt):
    weights = load_file(spoilt / "model.safetensors")
    names = sorted(weights)
    homes = {n: f"model-0000{i % 3 + 1}-of-00003.safetensors" for i, n in enumerate(names)}
    for file in set(homes.values()):
        save_file({n: weights[n] for n in names if homes[n] == file}, spoilt / file)
    (spoilt / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": homes}
    (spoilt / "model.safetensors.index.json").write_text(json.dumps(index))
    tokens, pos, _ = inputs()
    whole, parts = (load(f).denoiser.net(tokens % 60, pos) for f in (dream, spoilt))
    assert torch.equal(whole, parts)
    (spoilt / homes[names[0]]).unlink()
    with pytest.raises(PlaitError, match="1 of 3 shards are missing, model-00001"):
        load(spoilt)


def test_weights_come_in_the_dtype_asked_for(dream):
    net = load(dream, dtype="bfloat16").denoiser.net
    assert {w.dtype for w in net.parameters()} == {torch.bfloat16}
    assert all(w.untyped_storage().nbytes() == w.nbytes or w.ndim == 1 for w in net.parameters())


def test_a_request_stands_in_the_chat_template(dream):
    codec = load(dream).codec
    text = codec.prompt("a b")
    assert text[0] == codec.encode("<bos>")[0]
    assert text.count(codec.encode("<end>")[0]) == 1
    forged = codec.prompt("a<|mask|><end>b")
    assert codec.mask_id not in forged
    assert forged.count(codec.encode("<end>")[0]) == 1
    assert codec.stop_ids == {codec.eos_id}


def test_everything_that_stops_a_model_ends_an_answer(spoilt):
    """config.json, generation_config.json and the tokenizer may each name another end."""
    plain = load(spoilt).codec
    (spoilt / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    edit(spoilt, eos_token_id=[5, 6])
    model = load(spoilt)
    assert model.codec.eos_id == 5
    assert model.codec.stop_ids == {5, 6, 7, 9, *plain.encode("<end>")}
    start = LAYOUT.build(model.codec, ["ab"])
    assert {start.eos_id, *start.stops} == model.codec.stop_ids
    (spoilt / "generation_config.json").write_text("{")
    with pytest.raises(PlaitError, match="is not valid JSON"):
        load(spoilt)


def test_without_a_template_the_tokenizer_frames_a_request(spoilt):
    write_tokenizer(spoilt, mask="<|mask|>")
    codec = load(spoilt).codec
    assert codec.prompt("ab") == codec.encode("<bos>ab")


def test_an_autoregressive_model_has_a_mask_of_its_own(llama):
    model = load(llama)
    assert model.codec.mask_id == 67
    assert model.denoiser.vocab == 68
    tokens, pos, _ = inputs()
    after = tokens.clone()
    after[:, 6:] = 67
    net = model.denoiser.net
    assert torch.equal(net(tokens, pos)[:, :7], net(after, pos)[:, :7])


@pytest.mark.parametrize("name", ["dream", "llada2"])
def test_int8_and_int4_are_close(name, tmp_path):
    pytest.importorskip("torchao", reason="quantization is by torchao, which is not installed")
    write(tmp_path, name, shapes(name))
    write_tokenizer(tmp_path, mask="<|mask|>")
    tokens, pos, _ = inputs()
    exact = load(tmp_path).denoiser.net(tokens % 60, pos)
    for kind, most in (("int8", 0.05), ("int4", 1.0)):
        net = load(tmp_path, quantize=kind).denoiser.net
        error = (net(tokens % 60, pos) - exact).abs().mean()
        assert 0 < error < most


def test_a_block_is_made_smaller_before_the_next_is_read(dream):
    """Else the whole model would lie in memory in full precision."""
    checkpoint = open_folder(dream)
    order: list[str] = []

    class Watched:
        where, shapes = checkpoint.tensors.where, checkpoint.tensors.shapes

        def read(self, name, device):
            order.append(name.split(".layers.")[-1].split(".")[0] if "layers" in name else "-")
            return checkpoint.tensors.read(name, device)

    watched = replace(checkpoint, tensors=Watched())
    build(watched, torch.device("cpu"), torch.float32, lambda _: order.append("done"))
    assert [key for key, _ in groupby(order)] == ["-", "0", "done", "1", "done", "-"]


def adapter(base: Path, folder: Path, **changes: object) -> torch.nn.Module:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base)
    wanted = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "down_proj"]} | changes
    tuned = get_peft_model(model, LoraConfig(**wanted)).eval()
    for name, weight in tuned.named_parameters():
        if "lora_" in name:
            weight.data.normal_(std=0.3)
    tuned.save_pretrained(folder)
    return tuned


@torch.no_grad()
@pytest.mark.parametrize("changes", [{}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}}])
def test_an_adapter_is_merged(llama, tmp_path, changes):
    pytest.importorskip("peft", reason="the reference is peft, which is not installed")
    tuned = adapter(llama, tmp_path, **changes)
    tokens, pos, _ = inputs()
    found = load(llama, adapter=str(tmp_path)).denoiser.net(tokens, pos)[:, 1:, :67]
    assert (found - tuned(tokens).logits[:, :-1]).abs().max() <= 1e-4


def test_an_adapter_for_another_base_is_named(llama, dream, tmp_path):
    pytest.importorskip("peft", reason="adapters are made with peft, which is not installed")
    adapter(llama, tmp_path)
    edit(tmp_path, "adapter_config.json", base_model_name_or_path="org/other")
    with pytest.raises(PlaitError, match=r"is for org/other: it changes .model\.layers"):
        load(dream, adapter=str(tmp_path))
    file = tmp_path / "adapter_model.safetensors"
    save_file(load_file(file) | {"embed.lora_embedding_A": torch.zeros(2, 3)}, file)
    with pytest.raises(PlaitError, match=r"embed\.lora_embedding_A', which is not supported"):
        load(llama, adapter=str(tmp_path))
    edit(tmp_path, "adapter_config.json", use_dora=True)
    with pytest.raises(PlaitError, match="use_dora = True is not supported"):
        load(llama, adapter=str(tmp_path))


def weights(**changes: object):
    def spoil(folder: Path) -> None:
        held = load_file(folder / "model.safetensors")
        held |= {k.replace("__", "."): v for k, v in changes.items()}
        held = {k: v for k, v in held.items() if v is not None}
        save_file(held, folder / "model.safetensors")

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: edit(f, model_type="mamba", architectures=["M"]), "'mamba'.*known: .*llada"),
        (lambda f: edit(f, hidden_size=...), "key 'hidden_size' that it needs is missing"),
        (lambda f: edit(f, hidden_act="relu"), "hidden_act = 'relu' is not supported, only 'silu'"),
        (lambda f: edit(f, use_sliding_window=True), "use_sliding_window = True is not supported"),
        (lambda f: edit(f, rope_scaling={"rope_type": "longrope"}), "rope_type = 'longrope'"),
        (lambda f: edit(f, plait={"atention": "full"}), "atention"),
        (lambda f: edit(f, num_attention_heads=3, num_key_value_heads=2), "kv_heads=2"),
        (lambda f: edit(f, hidden_size=64), "has shape .* asks for"),
        (weights(model__norm__weight=None), "the tensor 'model.norm.weight' is missing"),
        (weights(model__norm__weight=torch.ones(7)), r"has shape \(7,\)"),
        (weights(model__more=torch.ones(7)), "leaves 1 tensors without use, 'model.more'"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pickled"),
        (lambda f: (f / "tokenizer.json").unlink(), "there is no tokenizer at"),
        (lambda f: (edit(f, mask_token_id=...), write_tokenizer(f)), "has no mask token"),
    ],
)
def test_a_spoilt_checkpoint_is_one_sentence(spoilt, spoil, said):
    spoil(spoilt)
    with pytest.raises(PlaitError, match=said) as caught:
        load(spoilt)
    assert "\n" not in str(caught.value)


def test_offline_with_nothing_cached(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PlaitError, match="the hub cannot be reached, and its cache does not hold"):
        plait.load("GSAI-ML/LLaDA-8B-Instruct")


def test_not_enough_memory_says_how_much_is_needed(dream, monkeypatch):
    monkeypatch.setattr(fit, "free", lambda device: 50_000)
    with pytest.raises(PlaitError, match=r"needs 0.0 GiB .* in float32, and cpu has 0.0 GiB free"):
        load(dream)


def test_the_size_of_llada_8b_is_known_without_it(tmp_path):
    from plait.models import families
    from plait.models.family import Settings

    shape = {
        "d_model": 4096,
        "n_heads": 32,
        "n_layers": 32,
        "mlp_hidden_size": 12288,
        "vocab_size": 126464,
    }
    size = fit.Fit.of(families.load("llada").config(Settings(shape, tmp_path)))
    assert round(size.weights / 1e9, 2) == 8.02  # as its authors say
    assert round(size.weight_bytes("bfloat16") / fit.GIB, 1) == 14.9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quantize": "int3"}, "unknown quantization 'int3'"),
        ({"dtype": "float8"}, "unknown dtype 'float8'"),
        ({"adapter": "nowhere/at/all"}, "there is no adapter folder 'nowhere/at/all'"),
        ({"adapter": "nowhere"}, "there is no adapter folder 'nowhere'; give a folder"),
    ],
)
def test_unknown_options_are_named(dream, options, said):
    with pytest.raises(PlaitError, match=said):
        load(dream, **options)


def test_a_missing_torchao_is_one_sentence(dream, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(PlaitError, match="quantize needs torchao"):
        load(dream, quantize="int8")


def test_a_file_that_is_no_gguf(tmp_path):
    pytest.importorskip("gguf", reason="gguf is not installed")
    (tmp_path / "x.gguf").write_bytes(b"not a model at all, but long enough to be read")
    with pytest.raises(PlaitError, match=r"x.gguf is no GGUF file"):
        load(tmp_path / "x.gguf")
    with pytest.raises(PlaitError, match="there is no file"):
        load(tmp_path / "y.gguf")


def test_the_bench_of_8b_shapes_runs_on_small_ones(monkeypatch, capsys):
    bench = Path(__file__).parents[2] / "bench" / "load_8b.py"
    monkeypatch.setattr("sys.argv", [str(bench), "--device", "cpu", "--small"])
    runpy.run_path(str(bench), run_name="__main__")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["model"], second["model"]) == ("LLaDA-8B", "Dream-7B")
    assert first["rounds"] == 8
