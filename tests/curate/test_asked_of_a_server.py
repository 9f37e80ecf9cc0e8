"""A server as a teacher: what it is asked, what becomes of what it says, how it fails."""

import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from servers import QUESTIONS, adding, asked, server

from plait.curate import teachers
from plait.errors import PlaitError


def test_a_server_is_asked_once_per_path_with_a_seed_of_its_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with server(adding) as (url, came):
        found = asked(url, length=7, system="Be short.", ask="{prompt} Think.", top_p=0.9)
    assert {sent["path"] for sent in came} == {"/v1/chat/completions"}
    assert {sent["key"] for sent in came} == {"Bearer secret"}
    one = came[0]
    assert (one["model"], one["max_tokens"], one["temperature"], one["top_p"]) == ("m", 7, 1.0, 0.9)
    assert one["messages"][0] == {"role": "system", "content": "Be short."}
    assert one["messages"][1]["content"].endswith("? Think.")
    assert len({sent["seed"] for sent in came}) == 6
    for number, paths in found.items():
        assert all(path.text == f"seed {path.seed}, so {number + 1}" for path in paths)


def test_seeds_do_not_depend_on_the_other_questions():
    with server(adding) as (url, _):
        assert asked(url)[2] == asked(url, QUESTIONS[2:])[0]
        assert asked(url)[2] != asked(url, seed=1)[2]


def test_a_path_that_the_server_cut_is_no_path():
    with server(lambda sent, n: (200, "and then", "length")) as (url, _):
        assert not any(path.ended for path in asked(url)[0])


def test_a_server_that_stumbles_is_asked_again():
    with server(lambda sent, n: (503, "busy", "") if n <= 3 else adding(sent, n)) as (url, came):
        found = asked(url, QUESTIONS[:1], 1, concurrent=1)
    assert len(came) == 4
    assert found[0][0].text.endswith("so 1")


def test_a_problem_that_the_server_refuses_has_no_paths_and_stops_nobody():
    def reply(sent, number):
        long = "1 + 1" in sent["messages"][-1]["content"]
        return (400, "too long", "") if long else adding(sent, number)

    with server(reply) as (url, came):
        found = asked(url)
    assert found[1] == []
    assert all(path.text for number in (0, 2) for path in found[number])
    assert len(came) == 6  # and is not asked again


def test_a_server_that_runs_out_of_room_before_a_word_was_asked():
    """Its paths are empty; only what it refuses has none."""
    with server(lambda sent, number: (200, "", "length")) as (url, _):
        found = asked(url)
    assert [[(path.text, path.ended) for path in paths] for paths in found.values()] == [
        [("", False)] * 2
    ] * 3


@pytest.mark.parametrize(("status", "times"), [(401, 1), (404, 1), (500, 3)])
def test_a_server_that_fails_is_one_sentence(status, times):
    with server(lambda sent, n: (status, "no", "")) as (url, came):
        with pytest.raises(PlaitError, match="does not answer") as caught:
            asked(url, QUESTIONS[:1], 1, tries=3, concurrent=1)
        assert url in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(came) == times


def test_no_server_at_all():
    with pytest.raises(PlaitError, match=r"127\.0\.0\.1:9/v1 does not answer"):
        asked("http://127.0.0.1:9/v1", QUESTIONS[:1], 1, tries=2)


def test_what_a_server_said_before_it_failed_is_kept_and_not_asked_again(plait, tmp_path):
    source, out = tmp_path / "p.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps({"prompt": q.prompt, "answer": q.gold}) + "\n"
                              for q in QUESTIONS))  # fmt: skip
    down = True

    def reply(sent, number):
        broken = down and "2 + 1" in sent["messages"][-1]["content"]
        return (401, "no", "") if broken else adding(sent, number)

    with server(reply) as (url, came):
        args = ["curate", source, "--teacher", "openai", "--out", out, "--paths", 3]
        args += ["--set", f"url={url}", "--set", "model=m", "--set", "concurrent=1"]
        failed = plait(*args)
        assert failed.code == 2
        assert "what it answered before is kept" in failed.err
        assert not (out / "records.jsonl").exists()
        assert len((out / "samples.jsonl").read_text().splitlines()) == 2
        partly = plait(*args, "--no-sample", "--json")
        assert json.loads(partly.out)["unanswered"] == 1
        down = False
        before = len(came)
        done = plait(*args, "--json")
        assert len(came) == before + 3
    report = json.loads(done.out)
    assert (report["unanswered"], report["right_paths"], report["sampled_paths"]) == (0, 1, 9)
    record = json.loads((out / "records.jsonl").read_text().splitlines()[0])
    assert record["teacher"] == "openai m"
    assert "secret" not in (out / "settings.json").read_text()


def test_who_stops_waits_for_no_request_and_keeps_what_was_answered(tmp_path):
    go = threading.Event()

    def reply(sent, number):
        if "0 + 1" not in sent["messages"][-1]["content"]:
            go.wait(60)
        return adding(sent, number)

    source, out = tmp_path / "p.jsonl", tmp_path / "out"
    rows = [json.dumps({"prompt": q.prompt, "answer": q.gold}) for q in QUESTIONS]
    source.write_text("\n".join(rows))
    with server(reply) as (url, came):
        settings = ("--set", f"url={url}", "--set", "model=m", "--set", "concurrent=2")
        args = ("curate", source, "--teacher", "openai", "--paths", "1", "--streams", "1")
        command = [sys.executable, "-m", "plait", *map(str, args), "--out", str(out), *settings]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
            kept, deadline = out / "samples.jsonl", time.monotonic() + 60
            while not (len(came) == 3 and kept.read_text()) and time.monotonic() < deadline:
                time.sleep(0.05)
            run.send_signal(signal.SIGINT)
            try:
                assert "stopped; run the same command again" in run.communicate(timeout=20)[1]
            finally:
                go.set()
    assert run.returncode == 130
    assert len(kept.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [("timeout=-1", "timeout must be more than 0"), ("timeout=nan", "timeout must be more than 0"),
     ("wait=-1", "wait must be 0"), ("temperature=-1", "temperature must be 0 or more"),
     ("top_p=0", "top_p must be above 0"), ("length=0", "length must be >= 1"),
     ("url=nonsense", "write http://HOST:PORT/v1"), ("url=http://", "write http://HOST:PORT/v1"),
     ("url=http://h:x/v1", "write http://HOST:PORT/v1")],
)  # fmt: skip
def test_a_server_that_cannot_be_asked_so_is_not_asked(plait, tmp_path, setting, said):
    source = tmp_path / "p.jsonl"
    source.write_text('{"prompt": "One?", "answer": "1"}\n')
    args = ["curate", source, "--teacher", "openai", "--out", tmp_path / "out", "--set", "model=m"]
    result = plait(*args, "--set", "url=http://127.0.0.1:9/v1", "--set", setting)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1


def test_offline_mode_that_bars_a_local_server_is_said_at_once(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PlaitError, match="set HF_HUB_OFFLINE=0 for this command"):
        teachers.load("openai", model="m", url="http://127.0.0.1:9/v1")


def test_half_of_a_surrogate_pair_from_a_server_is_no_path(plait, tmp_path):
    """JSON spells it, UTF-8 does not: the sample is kept, and the path stands in no record."""
    source, out = tmp_path / "p.jsonl", tmp_path / "out"
    source.write_text('{"prompt": "What is 1 + 1?", "answer": "2"}\n')
    with server(lambda sent, n: (200, "2\ud83d" if n == 1 else f"way {n}, 2", "stop")) as (url, _):
        args = ["curate", source, "--teacher", "openai", "--out", out, "--paths", 3]
        args += ["--streams", 2, "--set", f"url={url}", "--set", "model=m", "--json"]
        result = plait(*args)
    assert result.code == 0, result.err
    assert json.loads(result.out)["paths_left_out"] == {"with half of a surrogate pair": 1}
    assert plait(*args).out == result.out
