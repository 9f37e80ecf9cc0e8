"""`plait generate --input`: nothing is lost, nothing doubled, nothing mixed."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from entry import ENTRY, RECORD

from plait.cli import _resume, _session

PROMPTS = [f"Work out {n} * 23." for n in range(10, 16)]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"prompt": p}) + "\n" for p in PROMPTS))
    return source, tmp_path / "out.jsonl"


@pytest.fixture
def answer(plait, model, files):
    """Answer the file of prompts with the tiny model."""

    def run(*args: object):
        place = ("--input", files[0], "--output", files[1])
        return plait("generate", *place, "--model", model, "--temperature", 1, *args)

    return run


def rows(path: Path) -> list[dict]:
    """The answers, without what two runs may differ in."""
    records = map(json.loads, path.read_text().splitlines())
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def test_every_prompt_is_answered_in_order(answer, files):
    result = answer("--batch-size", 4)
    assert (result.code, result.out) == (0, "")
    assert f"6 answers are in {files[1]}" in result.err
    first = json.loads(files[1].read_text().splitlines()[0])
    assert list(first) == ["line", *RECORD]
    assert [row["prompt"] for row in rows(files[1])] == PROMPTS
    assert [row["line"] for row in rows(files[1])] == [1, 2, 3, 4, 5, 6]


def test_text_does_not_depend_on_the_batch(answer, files):
    answer("--batch-size", 6)
    together = rows(files[1])
    files[1].unlink()
    answer("--batch-size", 1)
    assert rows(files[1]) == together


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_run_cut_at_any_byte_is_continued(answer, files, share):
    answer()
    whole, data = rows(files[1]), files[1].read_bytes()
    files[1].write_bytes(data[: int(share * len(data))])
    assert answer("--batch-size", 2).code == 0
    assert rows(files[1]) == whole


def test_a_line_of_rubbish_at_the_end_is_answered_again(answer, files):
    answer()
    whole, lines = rows(files[1]), files[1].read_bytes().splitlines(keepends=True)
    files[1].write_bytes(b"".join(lines[:-1]) + b"\0" * 40 + b"\n")
    answer()
    assert rows(files[1]) == whole


def test_a_finished_file_is_left_alone(answer, files):
    answer()
    before = files[1].read_bytes()
    assert answer().code == 0
    assert files[1].read_bytes() == before


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(answer, files, monkeypatch):
    original = _session.Session.answers

    def interrupted(self, *args, **options):
        for count, found in enumerate(original(self, *args, **options)):
            if count == 2:
                assert len(rows(files[1])) == 2  # each answer is on disk before the next
                raise KeyboardInterrupt
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(_session.Session, "answers", interrupted)
        result = answer()
    assert result.code == 130
    assert "2 of 6 answers are in" in result.err
    assert "run the same command again" in result.err
    assert len(rows(files[1])) == 2
    answer()
    assert [row["line"] for row in rows(files[1])] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_real_interrupt_ends_with_130_and_whole_lines(model, tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"prompt": "3 * 5 = ?"}\n' * 5000)
    place = ["--input", source, "--output", target, "--model", model]
    run = subprocess.Popen([ENTRY, "generate", *place], stderr=subprocess.PIPE, text=True)
    while not (target.exists() and target.stat().st_size):
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=20)
    assert run.returncode == 130
    assert "Traceback" not in said
    assert f"stopped; {len(rows(target))} of 5000 answers are in {target}" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--seed", 1), "seed=0 and this run has seed=1"),
        (("--length", 5), "slots.stream 1=6"),
        (("--method", "ar"), "method=nap and this run has method=ar"),
        (("--set", "summary=concurrent"), "summary=None and this run has summary=concurrent"),
    ],
)
def test_other_settings_are_refused_by_name(answer, files, change, said):
    answer()
    before = files[1].read_bytes()
    result = answer(*change)
    assert result.code == 2
    assert said in result.err
    assert files[1].read_bytes() == before


def test_a_canvas_that_fits_no_prompt_is_refused_before_anything_is_written(answer, files):
    result = answer("--streams", 6, "--length", 100)
    assert result.code == 2
    assert "use fewer streams or a smaller length" in result.err
    assert result.err.count("\n") == 1
    assert not files[1].exists()


def test_other_prompts_are_refused(answer, files):
    answer()
    files[0].write_text(files[0].read_text().replace("12 * 23", "99 * 23"))
    result = answer()
    assert result.code == 2
    assert "line 3" in result.err


def test_a_file_that_plait_did_not_write_is_not_touched(answer, files):
    files[1].write_text("my notes\n")
    assert "cannot tell how it was made" in answer().err
    assert files[1].read_text() == "my notes\n"


def test_malformed_lines_are_named_and_the_others_answered(answer, files):
    lines = files[0].read_text().splitlines()
    lines[1], lines[3], lines[4] = "{oops", '{"question": 3}', '{"prompt": " "}'
    files[0].write_text("\n".join(["", *lines]))
    result = answer()
    assert result.code == 1
    assert [row["line"] for row in rows(files[1])] == [2, 4, 7]
    for number, fault in ((3, "not valid JSON"), (5, "it needs the form"), (6, "is empty")):
        assert f"in.jsonl, line {number}: " in result.err
        assert fault in result.err
    assert "3 of 6 lines" in result.err.splitlines()[-1]


def test_a_prompt_that_does_not_fit_is_named_and_the_others_answered(answer, files):
    files[0].write_text(files[0].read_text() + json.dumps({"prompt": "9 " * 400}) + "\n")
    result = answer()
    assert result.code == 1
    assert "line 7: the canvas needs" in result.err
    assert len(rows(files[1])) == 6


def test_no_bar_where_there_is_no_terminal(answer):
    said = answer().err
    assert said.splitlines()[0] == "plait: 6 prompts to answer, 0 answered before"
    assert len(said.splitlines()) == 2
    assert "\r" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("none.jsonl", "out.jsonl", "there is no input file"),
        ("in.jsonl", "no/out.jsonl", "there is no folder"),
        ("in.jsonl", "in.jsonl", "are the same file"),
        ("in.jsonl", ".", "is a folder"),
        ("empty.jsonl", "out.jsonl", "holds no prompts"),
    ],
)
def test_bad_places_are_one_sentence(plait, model, files, source, target, said):
    folder = files[0].parent
    (folder / "empty.jsonl").touch()
    before = sorted(folder.iterdir())
    place = ("--input", folder / source, "--output", folder / target)
    result = plait("generate", *place, "--model", model)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_a_device_gets_no_file_beside_it(plait, model, files):
    files[1].symlink_to("/dev/null")
    result = plait("generate", "--input", files[0], "--output", files[1], "--model", model)
    assert result.code == 0
    assert sorted(files[0].parent.iterdir()) == sorted(files)


def test_two_runs_at_once_are_refused(answer, files):
    with _resume.locked(files[1]):
        assert "another run is writing" in answer().err
