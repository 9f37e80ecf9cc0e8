"""plait as a model of lm-eval: its answers are plait's own, its likelihoods are bounds."""

import json
import math
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
import torch
from data_files import lines

pytest.importorskip("lm_eval")

from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model, model_registry

from plait.errors import PlaitError
from plait.eval.harness import Plait, _cut, register
from plait.generate import generate
from plait.layout import plain as slot
from plait.models.load import load

QUESTIONS = ["What is 3 * 4?", "3 * 5 = ?", "What is 42 * 23?"]


def asked(kind: str, *arguments) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)


@pytest.fixture(scope="module")
def lm(model) -> Plait:
    return Plait(model, batch_size=2, draws=64, tokens_per_round=2)


def test_answers_are_those_of_plait_generate(lm, model):
    requests = [asked("generate_until", text, {"until": []}) for text in QUESTIONS]
    wanted = generate(load(model), QUESTIONS, tokens_per_round=2)
    assert lm.generate_until(requests) == [answer.raw for answer in wanted]


def test_an_answer_is_cut_before_the_first_stop(lm):
    (whole,) = lm.generate_until([asked("generate_until", QUESTIONS[0], {})])
    stops = [f"{whole}!", whole[-1], "never"]
    cut = lm.generate_until([asked("generate_until", QUESTIONS[0], {"until": stops})])
    assert cut == [whole[: whole.index(whole[-1])]]
    assert lm.generate_until([asked("generate_until", QUESTIONS[0], {"until": "never"})]) == [whole]
    assert _cut("one two three", ["three", "two", ""]) == "one "
    assert _cut("one", None) == "one"


def test_samples_of_one_question_differ_and_come_again(lm):
    warm = {"do_sample": True, "temperature": 3.0, "until": []}
    requests = [asked("generate_until", QUESTIONS[0], warm)] * 6
    found = lm.generate_until(requests)
    assert len(set(found)) > 1
    assert lm.generate_until(requests) == found
    cold = warm | {"do_sample": False}
    assert len({*lm.generate_until([asked("generate_until", QUESTIONS[0], cold)] * 3)}) == 1


def test_a_plain_model_gets_as_many_positions_as_the_task_asks(model):
    plain = Plait(model, streams=0, method="ar", tokens_per_round=1)
    loaded, found = load(model), {}
    for n in (1, 9):
        (found[n],) = plain.generate_until([asked("generate_until", "7", {"max_gen_toks": n})])
        (wanted,) = generate(loaded, ["7"], "ar", layout=slot(n), tokens_per_round=1)
        assert found[n] == wanted.raw
    fixed = Plait(model, streams=0, method="ar", tokens_per_round=1, length=9)
    assert fixed.generate_until([asked("generate_until", "7", {"max_gen_toks": 1})]) == [found[9]]


def test_a_prompt_that_does_not_fit_is_warned_of(lm, caplog):
    requests = [asked("generate_until", text, {}) for text in ("word " * 300, QUESTIONS[0])]
    first, second = lm.generate_until(requests)
    assert (first, bool(second)) == ("", True)
    assert "does not fit: the canvas needs" in caplog.text


def test_one_token_has_its_probability(lm, model):
    """No chance is in it: log p of each next token, by hand, and they add up to 1."""
    loaded = load(model)
    before = loaded.codec.prompt("What is 3?")
    net, mask = loaded.denoiser.net, loaded.codec.mask_id
    tokens = torch.tensor([[*before, mask]])
    logits = net(tokens, torch.arange(len(before) + 1)[None])[0, -1].float()
    logits[mask] = -math.inf
    wanted = logits.log_softmax(-1)
    ids = [i for i in range(loaded.codec.vocab) if i != mask]
    found = [lm._loglikelihood_tokens([(("x", ""), before, [i])])[0] for i in ids[:40]]
    assert [score for score, _ in found] == pytest.approx(wanted[ids[:40]].tolist(), abs=1e-4)
    assert sum(greedy for _, greedy in found) <= 1
    best = int(wanted.argmax())
    assert lm._loglikelihood_tokens([(("x", ""), before, [best])])[0][1]


def test_a_text_of_several_tokens_has_a_bound(lm, model):
    """The mean of the bound over many draws is below log p of the chain rule, in every order."""
    from plait.measure.likelihood import known, log_likelihood

    loaded = load(model)
    (found,) = lm.loglikelihood([asked("loglikelihood", "What is 3?", " 12")])
    whole, before = (loaded.codec.prompt(t) for t in ("What is 3? 12", "What is 3?"))
    canvas = known([before], [whole[len(before) :]], loaded.codec.mask_id, loaded.codec.eos_id)
    orders = [log_likelihood(loaded.denoiser, canvas, order=o)[0] for o in ("left", "right")]
    if len(whole) - len(before) == 2:  # then these are all orders there are
        assert found[0] == pytest.approx(float(sum(orders)) / 2, rel=0.05)


def test_what_greedy_decoding_writes_is_greedy(lm, model):
    loaded = load(model)
    requests = [asked("generate_until", QUESTIONS[0], {"max_gen_toks": 4})]
    text = Plait(model, streams=0, method="confidence", tokens_per_round=1).generate_until(requests)
    before, ids = loaded.codec.prompt(QUESTIONS[0]), loaded.codec.encode(text[0])
    if len(ids) == 4:  # no end was written, and the text is cut into the same tokens
        assert lm._writes(before, ids)
    assert not lm._writes(before, [ids[0] + 1, *ids[1:]])


def test_scores_depend_on_neither_batch_nor_order(lm, model):
    pairs = [(q, " 12345") for q in QUESTIONS]
    one = lm.loglikelihood([asked("loglikelihood", *pair) for pair in pairs])
    other = Plait(model, batch_size=7, draws=64, tokens_per_round=2)
    two = other.loglikelihood([asked("loglikelihood", *pair) for pair in pairs[::-1]])
    assert [score for score, _ in one] == [score for score, _ in two[::-1]]


def test_a_long_text_is_scored_token_by_token_once(lm):
    text = "What is 42 * 23? " * 40
    ids = lm.tok_encode(text, add_special_tokens=False)
    windows = list(lm._windows(text))
    assert len(windows) > 1
    assert [i for _, after in windows for i in after] == ids
    assert all(len(before) + len(after) <= lm.max_length for before, after in windows)
    (total,) = lm.loglikelihood_rolling([asked("loglikelihood_rolling", text)])
    assert total < 0


def test_a_chat_template_gives_the_prompt_of_plait(model):
    templated = Plait(model, tokens_per_round=2)
    text = templated.apply_chat_template([{"role": "user", "content": QUESTIONS[0]}])
    loaded = load(model)
    assert templated.tok_encode(text) == loaded.codec.prompt(QUESTIONS[0])
    answer = next(generate(loaded, [QUESTIONS[0]], tokens_per_round=2)).raw
    assert templated.generate_until([asked("generate_until", text, {})]) == [answer]
    with pytest.raises(PlaitError, match="holds one request of a user"):
        templated.apply_chat_template([{"role": "system", "content": "x"}])


def test_the_entry_point(model):
    (found,) = entry_points(group="lm_eval.models", name="plait")
    assert found.load() is Plait
    register()
    assert get_model("plait") is Plait
    model_registry.register(
        "plait-by-entry-point", target=EntryPoint(found.name, found.value, found.group)
    )
    assert get_model("plait-by-entry-point") is Plait


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "naq"}, "unknown method 'naq'"),
        ({"treshold": 0.9, "method": "fast_dllm"}, "did you mean 'threshold'"),
        ({"adapter": "nowhere/at/all"}, "nowhere/at/all"),
        ({"dtype": "float31"}, "unknown dtype"),
    ],
)
def test_bad_arguments(options, said, model):
    with pytest.raises(PlaitError, match=said):
        Plait(model, **options)


def write_tasks(folder: Path) -> None:
    """Three local tasks: answers, choices, and a long text."""
    rows = [
        {"q": q, "a": "12", "text": q * 9, "choices": ["12", "13"], "gold": 0} for q in QUESTIONS
    ]
    lines(folder / "data.jsonl", rows)
    common = (
        f"dataset_path: json\ndataset_kwargs:\n  data_files: {folder / 'data.jsonl'}\n"
        "test_split: train\n"
    )
    (folder / "say.yaml").write_text(
        f"task: plait_say\n{common}output_type: generate_until\n"
        'doc_to_text: "{{q}}"\ndoc_to_target: "{{a}}"\n'
        "generation_kwargs:\n  until: ['!']\nmetric_list:\n  - metric: exact_match\n"
    )
    (folder / "choose.yaml").write_text(
        f"task: plait_choose\n{common}output_type: multiple_choice\n"
        'doc_to_text: "{{q}}"\ndoc_to_choice: choices\ndoc_to_target: gold\n'
        "metric_list:\n  - metric: acc\n"
    )
    (folder / "roll.yaml").write_text(
        f"task: plait_roll\n{common}output_type: loglikelihood_rolling\n"
        'doc_to_text: ""\ndoc_to_target: "{{text}}"\nmetric_list:\n  - metric: bits_per_byte\n'
    )


@pytest.mark.slow
def test_its_own_command_line_runs_local_tasks(model, tmp_path):
    write_tasks(tmp_path)
    command = [sys.executable, "-m", "plait.eval.harness", "run", "--model", "plait"]
    arguments = f"pretrained={model},tokens_per_round=2,draws=8"
    tasks = "plait_say,plait_choose,plait_roll"
    rest = ["--tasks", tasks, "--include_path", str(tmp_path), "--log_samples"]
    out = tmp_path / "out"
    done = subprocess.run(
        [*command, "--model_args", arguments, *rest, "--output_path", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = out.rglob("results_*.json")
    results = json.loads(path.read_text())
    assert results["config"]["plait"]["method"] == "nap"
    assert {"plait_say", "plait_choose", "plait_roll"} == set(results["results"])
    assert results["results"]["plait_roll"]["bits_per_byte,none"] > 0
    (said,) = out.rglob("samples_plait_say*.jsonl")
    rows = [json.loads(line) for line in said.read_text().splitlines()]
    found = {row["doc"]["q"]: row["resps"][0][0] for row in rows}
    wanted = {
        a.prompt: a.raw.split("!")[0] for a in generate(load(model), QUESTIONS, tokens_per_round=2)
    }
    assert found == wanted
    bad = subprocess.run(
        [*command, "--model_args", f"pretrained={model},method=naq", *rest, "--output_path", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert bad.returncode == 2
    assert "plait: unknown method 'naq'" in bad.stderr
    assert "Traceback" not in bad.stderr
