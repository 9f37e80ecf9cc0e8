"""Logits of diffusion models against those of their official code, which is not needed here.

docs/models.md says which commit gave them. `foreign.py` makes the same weights by formula.
"""

from pathlib import Path

import pytest
import torch
from foreign import CONFIGS, LENGTH, shapes, tokens, write
from hf import net

from plait.models import families
from plait.models.checkpoint import part
from plait.models.family import Settings
from plait.models.transformer import Transformer

# The logits at positions 0, 3, 6, 9 of two rows, for the tokens 5, 22 and 39. Dream's are shifted.
GOLDEN = {
    "llada": "-2.2212 -1.9442 -0.9072 1.8953 -0.1662 -2.1394 -0.259 -0.2224 0.2943 -2.3372 -1.1357 "
    "0.4765 0.7639 1.343 1.4014 0.1436 3.1092 0.4049 -0.3707 0.9683 1.8568 -0.4703 0.2497 -0.5697",
    "dream": "-1.163 2.5586 1.9102 0.0451 1.1251 1.2606 0.6949 0.3956 -0.4265 0.2953 0.9504 0.9725 "
    "-0.4591 0.3354 1.2586 -1.8512 1.2756 2.1377 -0.875 2.0936 -0.7235 -1.7959 1.1624 2.0805",
    "sdar": "0.6798 0.0413 2.9856 -0.196 0.2906 1.4436 1.0111 -0.6057 3.0801 -1.5638 0.1261 1.5766 "
    "0.9839 -1.5756 0.2321 1.4241 -1.1572 1.0539 0.0934 2.1061 2.092 0.8312 -0.2323 -1.3222",
    "llada_moe": "0.9356 0.956 1.9686 -0.4053 2.5208 1.6995 -0.5787 1.7503 2.7698 -1.2518 4.3296 "
    "1.0301 0.8807 1.5891 0.1115 1.5354 -0.1179 1.0504 -0.5282 -0.7047 0.3449 -1.1623 1.0916 "
    "0.0599",
    "llada2": "1.7498 -0.9188 -0.5703 1.9286 -1.979 0.5837 2.4797 -3.2258 -0.819 1.4972 -0.7185 "
    "0.4345 -0.3343 0.3279 0.6175 -1.1149 0.6687 -1.5711 0.9073 2.1714 0.1835 1.7385 1.1758 0.5793",
    "smdm": "1.07 -0.4962 0.3137 1.0619 0.2601 1.2839 0.4667 0.1154 1.4475 1.1035 -1.8166 -0.3334 "
    "1.5525 -1.2392 0.2203 1.8734 0.8472 0.0035 -1.3162 -2.549 -2.4006 0.8456 -0.9356 2.4844",
    "mdlm": "-1.7888 -0.6842 0.0861 -1.1971 0.3099 0.4544 -1.359 0.2911 0.2756 -2.1417 0.0993 "
    "0.1993 -1.1001 1.7753 1.9538 -2.1693 2.3089 2.3059 -1.6564 0.7921 0.5004 -1.7036 1.9856 "
    "1.7407",
    "bd3lm": "-1.98 -0.757 -0.0718 -1.4174 0.0574 0.2562 -1.4913 0.2329 0.2562 -2.1799 0.0816 "
    "0.1551 -0.7194 1.9999 2.0785 -2.096 2.4011 2.6278 -1.9898 1.0224 0.9916 -1.9095 2.0786 1.5536",
}


@torch.no_grad()
@pytest.mark.parametrize("name", CONFIGS)
def test_official_logits_come_back(name, tmp_path):
    ours = net(write(tmp_path, name, shapes(name)))
    logits = ours(tokens(), torch.arange(LENGTH).expand(2, -1))
    wanted = torch.tensor([float(x) for x in GOLDEN[name].split()])
    assert (logits[:, ::3, 5:40:17].flatten() - wanted).abs().max() <= 1e-4  # rounded to 4 places


def test_every_family_is_compared_with_something():
    with_transformers = {"llama", "qwen2", "qwen3", "bert", "modernbert", "esm"}
    assert set(families.names()) == (set(GOLDEN) - {"bd3lm"}) | with_transformers | {"plait"}


@pytest.mark.parametrize("name", families.names())
def test_a_family_says_what_it_is(name):
    family = families.load(name)
    assert family.types
    assert (families.load(name).config.__doc__ or "").strip()
    if name != "plait":
        assert {"embed", "head", "embed.weight"} & set(family.names)
        assert all(not ours.endswith(".") for ours in family.names)


def test_llada_moe_is_told_from_llada_by_its_architecture(tmp_path):
    said = CONFIGS["llada_moe"] | {"model_type": "llada"}
    assert families.of(Settings(said, tmp_path))[0] == "llada_moe"


def test_the_names_of_a_published_checkpoint(tmp_path):
    """SDAR-4B-Chat: the number and size of the tensors that its index lists."""
    said = {
        "model_type": "sdar",
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_attention_heads": 32,
        "num_hidden_layers": 36,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
    }
    family = families.load("sdar")
    with torch.device("meta"):
        weights = Transformer(family.config(Settings(said, tmp_path))).state_dict()
    names = {part(family, ours).names[0] for ours in weights}
    assert len(names) == 399
    assert "model.layers.35.self_attn.k_norm.weight" in names
    assert 2 * sum(w.numel() for w in weights.values()) == 8_822_848_512


def test_every_family_has_a_row_and_is_short():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    for name in families.names():
        assert f"families/{name}.py)" in page
        lines = Path(families.__file__).with_name(f"{name}.py").read_text().splitlines()
        assert len([line for line in lines if line.strip()]) < 80
