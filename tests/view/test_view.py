"""The picture of a canvas, and how it is drawn."""

import io
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from rich.console import Console
from tiny import EOS, MASK, Digits, Tiny

from plait.decode import decode, flow
from plait.layout import nap, plain
from plait.methods import load
from plait.parts import Reviser, Revision
from plait.trace import RETRACT
from plait.view.drawing import SHADES, Drawing, fold, newest, shade
from plait.view.live import Live, lines
from plait.view.picture import MASKED, Picture, picture_of, printable, spell

LAYOUT = nap(3, 12, 6, header="", summary_header="")
CODEC = Digits()


@pytest.fixture(scope="module")
def run():
    """A decode, and the picture after each of its rounds."""
    canvas, seen = LAYOUT.build(CODEC, ["12", "345"]), []
    picture = Picture.blank(canvas.region[0].numpy(), canvas.tokens[0].numpy(), frozenset({EOS}))

    def watch(done, rows):
        if 0 in rows:
            picture.add(done, rows.index(0))
            seen.append(replace(picture, born=picture.born.copy()))

    done, traces = decode(Tiny(), load("nap"), canvas, watch=watch)
    return done, traces[0], seen


def screen(thing, width, height=50, color=False):
    file = io.StringIO()
    system = "truecolor" if color else None
    console = Console(
        file=file, width=width, height=height, force_terminal=color, color_system=system
    )
    console.print(thing)
    return file.getvalue()


def test_the_rounds_add_up_to_the_picture_of_the_trace(run):
    _, trace, seen = run
    final, told = seen[-1], picture_of(trace)
    free = final.region >= 0
    np.testing.assert_array_equal(final.born[free], told.born[free[: len(told.born)].nonzero()[0]])
    assert (final.rounds, final.committed) == (told.rounds, told.committed)


def test_the_last_picture_reads_as_the_answer(run):
    done, trace, _ = run
    for region, text in enumerate(LAYOUT.read(CODEC, done, 0).values()):
        pieces = picture_of(trace).pieces(region, CODEC)
        assert "".join(text for text, _ in pieces).rstrip("■") == text


def test_open_positions_are_dots_until_written(run):
    _, _, seen = run
    first = seen[0].pieces(0, CODEC)
    assert sum(born == MASKED for _, born in first) == sum(text == "·" for text, _ in first) > 0
    assert all(born == 0 for text, born in first if text != "·")


def test_nothing_after_the_end_is_shown():
    ids = np.array([1, EOS, 2, MASK])
    picture = Picture(np.zeros(4, int), ids, np.array([0, 1, 2, MASKED]), frozenset({EOS}))
    assert picture.pieces(0, CODEC) == [("1", 0), ("■", 1)]


@dataclass(frozen=True)
class TakeBackOnce(Reviser):
    """Masks all that is written, in the third round."""

    def __call__(self, view, commit, memo):
        written = ~view.canvas.masked & ~view.canvas.given & (view.round == 2)[:, None]
        return Revision(written, torch.zeros_like(written)), memo


def test_a_retracted_token_is_a_dot_again():
    decoder = replace(load("ar"), reviser=TakeBackOnce())
    seen: list[list] = []
    canvas = LAYOUT.build(CODEC, ["12"])
    picture = Picture.blank(canvas.region[0].numpy(), canvas.tokens[0].numpy(), frozenset({EOS}))

    def watch(done, rows):
        picture.add(done, 0)
        seen.append(picture.pieces(0, CODEC))

    _, (trace,) = decode(Tiny(), decoder, canvas, watch=watch)
    back = trace.position[trace.kind == RETRACT]
    assert len(back) > 0
    assert seen[1][0] != ("·", MASKED)
    assert seen[2][0] == ("·", MASKED)
    np.testing.assert_array_equal(picture.born, picture_of(trace).born)


def test_tokens_that_share_a_character_make_one_piece():
    class Bytes(Digits):
        def decode(self, ids):
            return bytes(ids).decode("utf-8", "replace")

    text = list("aé€".encode())
    assert spell(text, [0, 1, 2, 3, 4, 5], Bytes()) == [("a", 0), ("é", 2), ("€", 5)]
    assert spell(text[:2], [0, 1], Bytes()) == [("a", 0), ("\ufffd", 1)]


def test_control_codes_never_reach_the_terminal():
    assert printable("a\x1b[2Jb\nc\td\r") == "a\ufffd[2Jb↵c d\ufffd"


@pytest.mark.parametrize("width", [20, 40, 80, 99, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_token_lost(run, width):
    _, trace, _ = run
    drawing = Drawing(picture_of(trace), LAYOUT, CODEC, "prompt", "status")
    out = screen(drawing, width)
    assert max(map(len, out.splitlines())) <= width
    assert (out.splitlines()[1].count("╭") == 3) == (width >= 100)
    body = "".join(c for c in out if c in "123456789abcdef")
    assert len(body) >= trace.answer_tokens()


@pytest.mark.parametrize("height", [12, 24])
def test_a_long_canvas_is_cut_to_the_terminal(height):
    size = 3 * 2000 + 32
    region = np.repeat([0, 1, 2, 3], [2000, 2000, 2000, 32])
    picture = Picture.blank(region, np.full(size, MASK), frozenset({EOS}))
    picture.tokens[900], picture.born[900] = 7, 0
    long = nap(3, 2000, 32, header="", summary_header="")
    out = screen(Drawing(picture, long, CODEC, "prompt " * 99, "status", height), 80)
    assert len(out.splitlines()) <= max(height, 17)  # four panels of one line, heading, status
    assert "7" in out


def test_colours_follow_the_round():
    assert shade(0, 10) == SHADES[0]
    assert shade(9, 10) == SHADES[-1]
    assert shade(MASKED, 10).dim
    out = screen(fold([("3", 0), ("4", 9)], 10, 20)[0], 80, color=True)
    assert "48;2;68;1;84m3" in out  # viridis' first, behind the token
    assert "48;2;253;231;37m4" in out


def test_lines_break_between_tokens():
    folded = fold([("abc", 0), ("def", 0), ("ghijklmnopqrst", 0)], 1, 7)
    assert [line.plain for line in folded] == ["abcdef", "ghijkl…"]
    assert [line.plain for line in newest(folded, 1)] == ["ghijkl…"]


def test_live_draws_the_first_row_and_leaves_nothing_behind():
    file = io.StringIO()
    console = Console(file=file, width=80, height=30, force_terminal=True, color_system=None)
    prompts = ["12", "345"]
    with Live(LAYOUT, CODEC, prompts, console) as view:
        view._drawn = -1.0
        decode(Tiny(), load("nap"), LAYOUT.build(CODEC, prompts), watch=view)
    out = file.getvalue()
    assert "round 1, 1 commits, 1.0 per round; 1 more prompts beside it" in out
    assert "stream 3" in out
    assert "345" not in out
    assert "\x1b[?25h" in out  # the cursor is back


def test_live_goes_on_with_a_row_that_begins():
    """With two slots: the second row goes on when the first is done, and the third begins."""
    console = Console(file=io.StringIO(), width=80, height=30, force_terminal=True)
    prompts, drawn = ["1", "2", "3"], []
    with Live(plain(8), CODEC, prompts, console) as view:

        def watch(done, rows):
            view(done, rows)
            drawn.append((view._number, view._picture.rounds))

        canvases = [plain(n).build(CODEC, ["5"], [i]) for i, n in enumerate([2, 8, 3])]
        for _ in flow(Tiny(), load("ar"), canvases, 2, watch=watch):
            pass
    assert drawn == [(0, 1), (0, 2), (2, 1), (2, 2), *[(2, 3)] * 4]


def test_lines_come_every_ten_rounds_and_at_the_end():
    said: list[str] = []
    canvas = LAYOUT.build(CODEC, ["12"])
    _, (trace,) = decode(Tiny(), load("ar"), canvas, watch=lines(said.append))
    rounds = [int(text.split()[1].rstrip(":")) for text in said]
    assert rounds == [*range(10, trace.rounds, 10), trace.rounds]
    assert said[-1].endswith("42 of 42 positions written")
