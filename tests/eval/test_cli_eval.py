"""`plait eval`: what it keeps, and how it goes on after any kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import data_files
import numpy as np
import pytest
from kept import TASKS, figures, same, samples

from plait.measure import trace_file


def test_what_is_kept(evaluate, tmp_path):
    out = tmp_path / "r"
    done = evaluate(out, "--batch-size", 3)
    assert done.code == 0, done.err
    assert [p.name for p in sorted(out.iterdir())] == sorted(
        ["results.json", "runs.jsonl", "samples.jsonl", "settings.json", "traces.jsonl.gz"]
    )
    run = json.loads((out / "runs.jsonl").read_text())
    assert {"command", "plait", "code", "data", "torch", "python", "batch_size"} <= run.keys()
    settings = json.loads((out / "settings.json").read_text())
    assert {"weights", "method", "seed", "slots", "dtype", "device"} <= settings.keys()
    kept = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert len(kept) == 8
    by_key = {t.key: t for t in trace_file.read(out / "traces.jsonl.gz")[0]}
    for sample in kept:
        trace = by_key[sample["key"]]
        assert sample["answer_tokens"] == trace.answer_tokens()
        assert (sample["rounds"], sample["forwards"]) == (trace.rounds, trace.forwards)
        start, size = sample["trace"]
        assert start > 0 < size
    found = figures(out)
    assert found["multiply"]["n"] == 4
    mine = [s for s in kept if s["task"] == "multiply"]
    assert found["multiply"]["rounds"] == pytest.approx(np.mean([s["rounds"] for s in mine]))
    assert "| multiply" in done.out
    assert "Conditions: " in done.out


def test_a_batch_changes_nothing(evaluate, tmp_path):
    for size in (1, 5):
        assert evaluate(tmp_path / f"{size}", "--batch-size", size).code == 0
    assert same(tmp_path / "1", tmp_path / "5")


def test_the_engine_changes_nothing(evaluate, tmp_path):
    assert evaluate(tmp_path / "plain").code == 0
    done = evaluate(tmp_path / "engine", "--engine", "--batch-size", 2)
    assert done.code == 0, done.err
    assert "the plain loop decodes" not in done.err
    assert same(tmp_path / "plain", tmp_path / "engine")


def test_it_goes_on_from_any_torn_end(evaluate, tmp_path):
    whole = tmp_path / "whole"
    evaluate(whole)
    rng = random.Random(0)
    for _ in range(4):
        out = tmp_path / "torn"
        out.mkdir(exist_ok=True)
        for name in ("settings.json", "runs.jsonl", "samples.jsonl", "traces.jsonl.gz"):
            (out / name).write_bytes((whole / name).read_bytes())
        (out / "results.json").unlink(missing_ok=True)
        cut = rng.randrange((whole / "samples.jsonl").stat().st_size)
        os.truncate(out / "samples.jsonl", cut)
        text = (out / "samples.jsonl").read_bytes()
        complete = text[: text.rfind(b"\n") + 1]
        done = evaluate(out)
        assert done.code == 0, done.err
        assert same(out, whole)
        assert (out / "samples.jsonl").read_bytes().startswith(complete)
        last = json.loads((out / "runs.jsonl").read_text().splitlines()[-1])
        assert last["done"] == complete.count(b"\n")
        assert last["todo"] == 8 - last["done"]


def test_more_items_go_into_the_same_folder(evaluate, tmp_path):
    out = tmp_path / "r"
    evaluate(out, limit=2)
    before = (out / "samples.jsonl").read_bytes()
    evaluate(out, limit=3, tasks="countdown,multiply,chain")
    assert (out / "samples.jsonl").read_bytes().startswith(before)
    assert len(samples(out)) == 9
    evaluate(out, limit=1, tasks="multiply")
    assert figures(out)["multiply"]["n"] == 1
    assert len(samples(out)) == 9


def test_settings_are_not_mixed(evaluate, tmp_path):
    out = tmp_path / "r"
    evaluate(out)
    kept = {p.name: p.read_bytes() for p in out.iterdir()}
    for options, said in (
        (("--method", "ar"), "was made with method=nap and this run has method=ar"),
        (("--seed", 1), "seed=0 and this run has seed=1"),
        (("--length", 5), "slots.stream 1=6"),
        (("--no-chat",), "chat=True"),
    ):
        done = evaluate(out, *options)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    assert kept == {p.name: p.read_bytes() for p in out.iterdir()}


def test_other_questions_are_not_mixed(evaluate, tmp_path):
    data = data_files.write(tmp_path / "data")
    out = tmp_path / "r"
    assert evaluate(out, "--data-dir", data, tasks="gsm8k").code == 0
    data_files.lines(data / "gsm8k/test.jsonl", [{"question": "Other?", "answer": "#### 1"}])
    done = evaluate(out, "--data-dir", data, tasks="gsm8k")
    assert done.code == 2
    assert "answers gsm8k test-1 with another text" in done.err


@pytest.mark.slow
def test_kill_at_ten_random_moments(tmp_path):
    """Whatever moment the process dies at, the next one loses and doubles nothing."""
    out, whole = tmp_path / "killed", tmp_path / "whole"
    options = ["--tasks", TASKS, "--limit", "14", "--tokens-per-round", "16", "--batch-size", "4"]
    command = [sys.executable, "-c", "from plait.cli import main; raise SystemExit(main())", "eval"]
    command += ["plait-tiny", *options, "--out"]
    rng, kills, kept, doubled = random.Random(1), 0, b"", 0
    for _ in range(60):
        process = subprocess.Popen(
            [*command, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        before, start = len(kept), time.monotonic()
        wait = rng.choice((0.2, 0.5, 1.5)) * rng.random()
        while process.poll() is None:
            here = out / "samples.jsonl"
            grown = here.exists() and here.stat().st_size > before
            if kills < 10 and (grown or rng.random() < 0.002):
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
                break
            assert time.monotonic() - start < 300
            time.sleep(0.01)
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
        text = (out / "samples.jsonl").read_bytes() if (out / "samples.jsonl").exists() else b""
        assert text.startswith(kept)  # what was answered stays, and is not answered again
        kept = text[: text.rfind(b"\n") + 1]
        doubled += 4
    assert kills == 10
    runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    assert [run["done"] for run in runs] == sorted(run["done"] for run in runs)
    assert runs[-1]["todo"] > 0
    assert subprocess.run([*command, str(whole)], check=False, capture_output=True).returncode == 0
    assert same(out, whole)


def test_conditions_are_those_of_the_starts_that_measured(evaluate, tmp_path):
    """A start that asks nothing changes no condition of the seconds; one that goes on adds its."""
    out, found = tmp_path / "r", []
    for size, limit in ((2, 1), (7, 1), (3, 2)):
        assert evaluate(out, "--batch-size", size, tasks="multiply", limit=limit).code == 0
        found.append(json.loads((out / "results.json").read_text())["run"]["batch_size"])
    assert found == [2, 2, [2, 3]]


def test_a_start_whose_note_a_kill_tore_is_none(evaluate, tmp_path):
    out = tmp_path / "r"
    assert evaluate(out, "--batch-size", 2, tasks="multiply", limit=1).code == 0
    with (out / "runs.jsonl").open("a") as file:
        file.write('{"todo": 1, "batch_')
    assert evaluate(out, "--batch-size", 3, tasks="multiply", limit=2).code == 0
    run = json.loads((out / "results.json").read_text())["run"]
    assert run["batch_size"] == [2, 3]
