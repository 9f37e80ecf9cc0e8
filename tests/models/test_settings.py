"""A value of config.json that has the wrong type: one sentence that names file and key."""

import contextlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from foreign import CONFIGS, shapes, write

from plait.errors import PlaitError
from plait.models.checkpoint import open_folder
from plait.models.family import Settings
from plait.models.load import config_of
from plait.models.tokens import Words, ends_of, mask_of, read_words

LLAMA = {
    "model_type": "llama",
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
MODERNBERT = LLAMA | {"model_type": "modernbert", "intermediate_size": 48}


def written(folder: Path, values: dict) -> str:
    (folder / "config.json").write_text(json.dumps(values))
    return str(folder)


@pytest.mark.parametrize("wrong", ["x", "2", ["x"], {"a": 1}, True, 1.5, -1, 0])
@pytest.mark.parametrize("family", CONFIGS)
def test_no_value_of_any_family_is_a_traceback(family, wrong, tmp_path):
    for key in CONFIGS[family]:
        place = written(tmp_path, CONFIGS[family] | {key: wrong})
        with contextlib.suppress(PlaitError):  # a key may also be one that nothing depends on
            config_of(place)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hidden_size": "x"}, "hidden_size = 'x' should be a whole number >= 1"),
        ({"num_attention_heads": 0}, "num_attention_heads = 0 should be a whole number >= 1"),
        ({"num_hidden_layers": True}, "num_hidden_layers = True should be a whole number >= 1"),
        ({"num_hidden_layers": None}, "the key 'num_hidden_layers' that it needs is missing"),
        ({"intermediate_size": 1.5}, "intermediate_size = 1.5 should be a whole number >= 0"),
        ({"rms_norm_eps": "1e-6"}, "rms_norm_eps = '1e-6' should be a number"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings = 'no' should be true or false"),
        ({"architectures": 5}, "architectures = 5 should be a list"),
        ({"rope_scaling": "yarn"}, "rope_scaling = 'yarn' should be an object"),
        ({"rope_scaling": {"rope_theta": []}}, "rope_theta = [] should be a number"),
        ({"rope_scaling": {"type": "linear", "factor": "2"}}, "factor = '2' should be a number"),
        (MODERNBERT | {"layer_types": [1]}, "layer_types = [1] should be a list, each item a text"),
        (MODERNBERT | {"rope_parameters": {"full_attention": 1}}, "should be an object"),
        (MODERNBERT | {"global_attn_every_n_layers": 0}, "should be a whole number >= 1"),
    ],
)
def test_the_file_the_key_and_what_it_should_be_are_told(values, said, tmp_path):
    with pytest.raises(PlaitError, match=rf"config\.json: .*{re.escape(said)}"):
        config_of(written(tmp_path, LLAMA | values))


@pytest.mark.parametrize("inner", [{"rope_theta": None}, {}, {"rope_theta": 5}])
def test_the_rotary_base_of_the_inner_object_wins_unless_it_is_null(inner, tmp_path):
    values = LLAMA | {"rope_theta": 7, "rope_parameters": inner}
    assert config_of(written(tmp_path, values)).rope_base == (inner.get("rope_theta") or 7)


def test_null_is_the_default_and_whole_numbers_may_have_a_point(tmp_path):
    config = config_of(written(tmp_path, LLAMA | {"hidden_size": 32.0, "rms_norm_eps": None}))
    assert (config.width, config.norm_eps) == (32, 1e-6)
    assert type(config.width) is int


@pytest.mark.parametrize("wrong", ["x", [1, "x"], {"a": 1}, True, -1])
def test_ids_of_tokens_are_ids(wrong, tmp_path):
    found = open_folder(write(tmp_path, "dream", shapes("dream")))
    said = Settings({"eos_token_id": wrong, "mask_token_id": wrong}, found.settings.path)
    found = replace(found, settings=said)
    with pytest.raises(PlaitError, match=r"config\.json: eos_token_id = .* a list of ids"):
        ends_of(found, Words(""))
    with pytest.raises(PlaitError, match=r"config\.json: mask_token_id = .* a whole number >= 0"):
        mask_of(found, Words(""))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": wrong}))
    with pytest.raises(PlaitError, match=r"generation_config\.json: eos_token_id = "):
        read_words(tmp_path)


def test_one_id_or_a_list_of_them_or_none():
    one, many = ({"eos_token_id": value} for value in (3, [3, 4.0]))
    read = [Settings(values, Path("config.json")).ids("eos_token_id") for values in (one, many, {})]
    assert read == [[3], [3, 4], []]
