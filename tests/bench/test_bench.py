"""The benchmark's arithmetic, its reference loop, and that all of it runs."""

import json

import pytest
import torch

from plait import methods
from plait.bench import reference, report, shapes
from plait.bench.roofline import Ceilings, Work
from plait.bench.setting import Setting
from plait.budget import Budget
from plait.cli import main
from plait.decode import decode
from plait.models.denoiser import NetDenoiser


def setting() -> Setting:
    return Setting(shapes.shape("tiny", layers=1), torch.device("cpu"), torch.float32, small=True)


def test_the_work_of_a_pass_of_llada():
    """Parameters, bytes and operations of the published shape, counted by hand."""
    config = shapes.shape("llada-8b")
    body, head = 32 * (4 * 4096**2 + 3 * 4096 * 12288), 4096 * 126464
    assert (body, head) == (6_979_321_856, 517_996_544)
    whole = Work.of(config, 1, 1024, 1024, 1024, 2)
    assert whole.flops == 2 * 1024 * (body + head) + 4 * 1024 * 1024 * 4096 * 32
    kv = 2 * 1024 * 4096 * 32
    assert whole.bytes == 2 * (body + head + kv)
    ceilings = Ceilings(800e12, 3e12)
    assert whole.floor(ceilings) == pytest.approx(1e3 * whole.flops / 800e12)
    step = Work.of(config, 1, 32, 1174, 32, 2)
    assert step.floor(ceilings) == pytest.approx(1e3 * step.bytes / 3e12)


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_shapes_have_the_published_number_of_weights(name):
    with torch.device("meta"):
        net = shapes.Transformer(shapes.shape(name))
    billions = sum(w.numel() for w in net.parameters()) / 1e9
    known = {"tiny": 0.0117, "smollm2": 0.1345, "llada-8b": 8.016, "dream-7b": 7.616}
    assert billions == pytest.approx(known[name], rel=0.01)


@pytest.mark.parametrize(("count", "end"), [(1, 8), (3, 8)])
def test_the_reference_loop_is_llada(count, end):
    """Written apart from the loop of plait, it decodes the same text."""
    s = setting()
    canvas = s.canvas([6], 2 * end)
    plain = methods.load("llada", block=end, budget=Budget(count))
    done, [trace] = decode(NetDenoiser(s.net), plain, canvas)
    found, forwards = reference.decode(s.net, canvas.tokens, 6, s.mask_id, end, count)
    assert torch.equal(found, done.tokens)
    assert forwards == trace.forwards


def test_a_part_that_fails_does_not_lose_the_others(tmp_path, monkeypatch, capsys):
    def broken(s: Setting) -> dict:
        raise RuntimeError("no such kernel")

    monkeypatch.setitem(report.PARTS, "forward", broken)
    out = tmp_path / "figures.json"
    report.run(setting(), "tiny", ["forward", "step"], out)
    figures = json.loads(out.read_text())
    assert figures["forward"] == {"error": "RuntimeError: no such kernel"}
    assert figures["step"]["1 x 4"]["share"] > 0
    assert figures["conditions"]["layers"] == 1


def test_mistakes_are_one_sentence(capsys):
    assert main(["bench", "--shape", "llada-9b"]) == 2
    assert "did you mean 'llada-8b'" in capsys.readouterr().err
    assert main(["bench", "--part", "stepp"]) == 2
    assert "did you mean 'step'" in capsys.readouterr().err
    assert main(["bench", "--json", "/nowhere/x.json"]) == 2
    assert "there is no folder '/nowhere'" in capsys.readouterr().err


@pytest.mark.slow
def test_all_parts_run():
    figures = report.run(setting(), "tiny", list(report.PARTS), None)
    assert not [part for part, found in figures.items() if "error" in found]
    assert figures["same"]["float32"]["equal rows"] == 1.0


def test_figures_as_tables(tmp_path, capsys):
    """Goals are compared, and what other code took has a table too."""
    ours = {
        "conditions": {"plait": "0.1.0", "device": "X", "shape": "llada-8b"},
        "ceilings": {"TFLOP/s": 800.0, "TFLOP/s, hot": 640.0},
        "forward": {"512": {"ms": 9.0, "share": 0.9}, "1024": {"ms": 21.0, "share": 0.5}},
        "decode": {"256 tokens": {"seconds": 2.0}},
        "memory": {"rest GB": 0.5},
    }
    theirs = {
        "conditions": {"code": "Y", "device": "X"},
        "decode": {"256 tokens": {"seconds": 9.0, "engine seconds": 2.0}},
    }
    files = [tmp_path / "ours.json", tmp_path / "theirs.json"]
    for file, report_ in zip(files, (ours, theirs), strict=True):
        file.write_text(json.dumps(report_))
    assert main(["bench", "--table", str(files[0]), "--table", str(files[1])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| forward, 512 positions: share of the floor | at least 0.83 | 0.9 | yes |" in lines
    assert "| forward, 1024 positions: share of the floor | at least 0.86 | 0.5 | no |" in lines
    assert "| 1024 | 21.0 | 0.5 | 0.625 |" in lines
    assert any(line.endswith("| at most 1 | 0.5 | yes |") for line in lines)
    assert "| 256 tokens | 9.0 | 2.0 |" in lines
    assert "- rest GB: 0.5" in lines
    files[0].write_text("[]")
    assert main(["bench", "--table", str(files[0])]) == 2
    assert "holds no figures of 'plait bench --json'" in capsys.readouterr().err


def test_small_figures_say_so_and_meet_no_goal(tmp_path, capsys):
    """A goal says for which size it was set."""
    made = {"conditions": report.conditions(setting(), "tiny")}
    made["box"] = {"no cache": {"rows": 4, "engine is faster by": 9.0}}
    for small, goals in ((True, 0), (False, 1)):
        if not small:
            del made["conditions"]["canvases"]
        (tmp_path / "b.json").write_text(json.dumps(made))
        assert main(["bench", "--table", str(tmp_path / "b.json")]) == 0
        assert capsys.readouterr().out.count("at least 2") == goals
