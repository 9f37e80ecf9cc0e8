"""Methods from the command line: a second model, forms, ends, what stands inside, adapters."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import plait as package
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.transformer import Config, Transformer

PROMPT = "Work out 42 * 23."
SLOT = ("--streams", 0, "--length", 12)


def sibling(model: str, folder: Path, **changes: object) -> str:
    """A model with the tokenizer of `model`, another seed and other settings."""
    torch.manual_seed(1)
    codec = TokenizerCodec.read(Path(model) / "tokenizer.json")
    small = Config(codec.vocab, width=32, layers=1, heads=2, kv_heads=2, hidden=32)
    config = replace(small, head_dim=16, context=256, **changes)
    weights = {k: 8 * v for k, v in Transformer(config).state_dict().items()}
    box.write(folder, config, weights, codec, box.Slots(streams=3, length=6, summary=4))
    return str(folder)


@pytest.fixture(scope="module")
def reader(model, tmp_path_factory) -> str:
    """An autoregressive model beside `model`."""
    folder = tmp_path_factory.mktemp("aux") / "reader"
    return sibling(model, folder, attention="causal", shift=True)


def record(plait, *args):
    result = plait("generate", PROMPT, *args, "--json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def greedy(reader: str, prompt: list[int], length: int) -> list[int]:
    """The reader's own greedy text, without plait's loop; its mask is never chosen."""
    model, text = package.load(reader), list(prompt)
    for _ in range(length):
        ids = torch.tensor([[*text, 0]])
        logits = model.denoiser.net(ids, torch.arange(ids.shape[1])[None])[0, -1]
        logits[model.codec.mask_id] = -torch.inf
        text.append(int(logits.argmax()))
    return text[len(prompt) :]


def test_a_guider_from_the_command_line_writes_its_greedy_text(plait, model, reader):
    codec = package.load(model).codec
    own = ("--method", "guided", "--set", "rule=deterministic", "--set", "block=4")
    found = record(plait, "--model", model, *SLOT, *own, "--aux", reader, "--no-early-stop")
    ids = greedy(reader, codec.prompt(PROMPT), 12)
    ends = ids.index(codec.eos_id) if codec.eos_id in ids else len(ids)
    assert found["answer"] == codec.decode(ids[:ends]).strip()


def test_a_scorer_and_drafters_from_the_command_line(plait, model, reader):
    record(plait, "--model", model, *SLOT, "--method", "edlm", "--aux", reader)
    warm = ("--model", model, *SLOT, "--method", "warm_start", "--set", "doubt=0.0")
    codec = package.load(model).codec
    drafted = record(plait, *warm, "--set", "share=1.0", "--aux", reader)
    ids = greedy(reader, codec.prompt(PROMPT), 12)
    if codec.eos_id not in ids:
        assert drafted["answer"] == codec.decode(ids).strip()
        assert drafted["rounds"] <= 1
    mixed = record(plait, *warm, "--set", "weight=0.9", "--aux", model)
    assert mixed["rounds"] == 3


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--method", "guided"), "needs a model beside: name one with --aux"),
        (("--method", "guided", "--set", "guider=x"), "--set guider: use --aux"),
        (("--method", "guided", "--aux", "MODEL"), "is not autoregressive"),
        (("--method", "klass", "--aux", "MODEL"), "takes no auxiliary model"),
        (("--method", "edlm", "--aux", "OTHER"), "has another tokenizer"),
        (("--method", "edlm", "--aux", "nowhere"), "unknown model 'nowhere'"),
        (("--method", "guided", "--aux", "MODEL", "--set", "k=0"), "want k >= 1"),
        (("--method", "klass", "--inside", "llada"), "takes no other method inside"),
        (("--inside", "nap"), "cannot be inside nap"),
        (("--inside", "spec"), "owns its rounds"),
        (("--method", "daedal", "--early-stop"), "'Expand' decides where a region ends"),
        (("--end-penalty", -1), "penalty on ends is -1"),
        (("--end-penalty", "nan"), "penalty on ends is nan"),
        (("--method", "klass", "--temperature", 0.7), "threshold=0.9, which was set for"),
        (("--adapter", "nowhere"), "nowhere"),
        (("--quantize", "int3"), "did you mean 'int"),
    ],
)
def test_what_cannot_be_is_one_sentence(plait, model, tmp_path, args, said):
    other = tmp_path / "other"
    if "OTHER" in args:
        sibling(model, other, attention="causal", shift=True)
        _forget_merges(other / "tokenizer.json")
    args = [{"MODEL": model, "OTHER": str(other)}.get(a, a) for a in args]
    result = plait("generate", PROMPT, "--model", model, *SLOT[:2], *args)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def _forget_merges(path: Path) -> None:
    """The same ids, but texts are cut into single characters."""
    definition = json.loads(path.read_text())
    definition["model"]["merges"] = []
    path.write_text(json.dumps(definition))


def test_ends_can_be_forbidden_and_need_not_stop_a_slot(plait, model):
    args = ("--model", model, *SLOT, "--method", "confidence", "--tokens-per-round", 1)
    assert record(plait, *args, "--end-penalty", "inf")["answer_tokens"] == 12
    assert record(plait, *args, "--no-early-stop")["rounds"] == 12


def test_what_stands_inside_the_streams(plait, model):
    inside = record(plait, "--model", model, "--inside", "ar", "--tokens-per-round", 3)
    assert inside["arness"]["per_stream"][:3] == [1, 1, 1]
    by_set = record(plait, "--model", model, "--set", "inside=ar", "--tokens-per-round", 3)
    assert by_set["text"] == inside["text"]


def test_an_explicit_bar_goes_with_a_temperature(plait, model):
    args = ("--model", model, "--method", "klass", "--temperature", 0.7)
    record(plait, *args, "--set", "threshold=0.9")


def test_a_text_with_holes(plait, model):
    found = record(plait, "--model", model, "--infill", "first [[4]], then [[3]].")
    assert found["answer"].startswith("first ")
    assert ", then " in found["answer"]
    assert found["answer"].endswith(".")
    alone = plait("generate", "", "--model", model, "--infill", "one [[2]]", "--json")
    assert json.loads(alone.out)["answer"].startswith("one ")


def test_json_of_a_schema(plait, model, tmp_path):
    shape = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "kind": {"enum": ["cat", "dog"]},
        },
    }
    (tmp_path / "s.json").write_text(json.dumps(shape))
    for method in ((), ("--method", "klass"), ("--method", "confidence", "--temperature", 1)):
        found = record(plait, "--model", model, "--schema", tmp_path / "s.json", *method)
        value = json.loads(found["answer"])
        assert list(value) == ["name", "age", "kind"]
        assert isinstance(value["age"], int)
        assert value["kind"] in ("cat", "dog")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--infill", "no hole"), "the text has no hole"),
        (("--infill", "a [[x]]"), "is not a hole"),
        (("--infill", "a [[4]]", "--schema", "s.json"), "not both"),
        (("--infill", "a [[4]]", "--streams", 2), "do not go with a form"),
        (("--infill", "a [[4]]", "--method", "nap"), "a single slot"),
        (("--infill", "a [[4000]]"), "the model's context is 256"),
        (
            ("--schema", "nowhere.json"),
            "cannot be read as a JSON Schema: No such file or directory",
        ),
        (("--schema", "bad.json"), "cannot be read as a JSON Schema"),
        (("--schema", "s.json"), "type 'thing'"),
        (("--schema", "ok.json", "--method", "rho_eos"), "a form's slots keep their length"),
    ],
)
def test_forms_that_cannot_be_are_one_sentence(plait, model, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.json").write_text('{"type": "thing"}')
    (tmp_path / "ok.json").write_text('{"enum": ["cat", "dog"]}')
    (tmp_path / "bad.json").write_text("{")
    result = plait("generate", PROMPT, "--model", model, *args)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_what_a_model_was_trained_with_is_told(plait, model, tmp_path):
    """Streams that do not see each other, where nothing is said on the command line."""
    twin = Path(sibling(model, tmp_path / "twin"))
    settings = json.loads((twin / "config.json").read_text())
    settings["layout"]["cross"] = "blocked"
    (twin / "config.json").write_text(json.dumps(settings))
    options = ("--tasks", "chain", "--limit", 1, "--tokens-per-round", 8)
    for more, cross in ((), "blocked"), (("--cross", "full"), "full"):
        out = tmp_path / cross
        assert plait("eval", twin, *options, *more, "--out", out).code == 0
        assert f'"cross": "{cross}"' in (out / "settings.json").read_text()
