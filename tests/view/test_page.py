"""The HTML page of a decode, in a headless Chromium."""

import time

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from cases import PROMPTS, canvas, streams
from tiny import Digits, Tiny
from traces import trace

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.measure.label import labelled
from plait.view.page import page

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")


def decoded(name, **settings):
    _, traces = decode(Tiny(), methods.load(name, **settings), canvas())
    return labelled(traces[0], Digits(), streams(), PROMPTS[0])


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


def opened(browser, folder, *traces):
    path = folder / "page.html"
    path.write_text(page(traces), encoding="utf-8")
    browser.events.clear()
    browser.open(path)


def texts(browser, side):
    script = (
        f"[...document.querySelectorAll('section')[{side}].querySelectorAll('.text')]"
        ".map(e => e.textContent)"
    )
    return browser.run(script)


def slide(browser, to):
    browser.run(
        f"(() => {{ const s = document.getElementById('slider'); s.value = {to};"
        " s.dispatchEvent(new Event('input')); })()"
    )


def wanted(t, rounds):
    """What the streams must show after so many rounds."""
    tokens = t.start.copy()
    for number, place, token in zip(t.round, t.position, t.token, strict=True):
        if number < rounds:
            tokens[place] = token
    show = {t.mask_id: "·", t.eos_id: "▪"}
    return [
        "".join(show.get(x, t.label.pieces.get(x, "")) for x in tokens[t.region == r].tolist())
        for r in range(int(t.region.max()) + 1)
    ]


def test_the_page_is_one_file_without_network():
    t = decoded("nap")
    text = page([("a </script><b>", t, {"model": "<script>"})])
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert text.count("</script>") == 2
    assert "src=" not in text.replace("script-src", "").replace("style-src", "")


@needs_chromium
def test_the_slider_shows_each_round_of_both_traces(browser, tmp_path):
    a, b = decoded("nap", budget=Budget(2)), decoded("wino")
    assert (b.kind == 2).any() or (b.kind == 1).any()
    opened(browser, tmp_path, ("nap", a, {}), ("wino", b, {"method": "wino"}))
    last = int(browser.run("document.getElementById('slider').max"))
    assert last == max(a.rounds, b.rounds)
    for to in (0, 1, 2, last // 2, 3, last, 1):  # backwards too
        slide(browser, to)
        assert texts(browser, 0) == wanted(a, to)
        assert texts(browser, 1) == wanted(b, to)
        assert f"round {to} of {last}" in browser.run("document.body.innerText")
    assert browser.faults() == []


@needs_chromium
def test_it_plays_to_the_end_and_stops(browser, tmp_path):
    t = decoded("nap", budget=Budget(4))
    opened(browser, tmp_path, ("nap", t, {}))
    browser.run("document.getElementById('speed').value = '40'")
    browser.run("document.getElementById('play').click()")
    assert "pause" in browser.run("document.getElementById('play').textContent")
    end, seen = time.monotonic() + 10, set()
    while "play" not in browser.run("document.getElementById('play').textContent"):
        seen.add(browser.run("document.getElementById('slider').value"))
        assert time.monotonic() < end
    assert len(seen) > 1
    assert texts(browser, 0) == wanted(t, t.rounds)
    assert browser.faults() == []


@needs_chromium
def test_colours_say_round_or_confidence(browser, tmp_path):
    t = trace([[0], [1], [2]], 3)
    t.score[:] = np.log([0.01, 0.5, 1.0])
    opened(browser, tmp_path, ("by hand", t, {}))
    slide(browser, 3)
    spans = "[...document.querySelectorAll('.text span')].map(e => e.style.background)"
    first, middle, last = browser.run(spans)
    assert first == "rgb(68, 1, 84)"  # viridis' darkest
    browser.run(
        "(() => { const c = document.getElementById('colour'); c.value = 'confidence';"
        " c.dispatchEvent(new Event('change')); })()"
    )
    low, half, sure = browser.run(spans)
    assert sure == "rgb(253, 231, 37)"  # viridis' lightest
    assert len({low, half, sure}) == 3
    assert last != sure  # the last of three rounds is not the end of the scale
    assert middle != half
    assert browser.faults() == []


@needs_chromium
def test_a_thousand_rounds_of_two_thousand_positions_stay_responsive(browser, tmp_path):
    """A jump over the whole decode takes at most a quarter of a second, a round 50 ms.

    Lower quartiles: what the machine does besides is no fault of the page.
    """
    order = np.random.default_rng(0).permutation(2000).reshape(1000, 2).tolist()
    long = trace(order, 2000, [k // 500 for k in range(2000)])
    opened(browser, tmp_path, ("one", long, {}), ("two", long, {}))
    timed = (
        "(() => { const s = document.getElementById('slider'); const t = performance.now();"
        " s.value = %d; s.dispatchEvent(new Event('input'));"
        " document.body.getBoundingClientRect(); return performance.now() - t; })()"
    )
    browser.run(timed % 500)
    jumps = [browser.run(timed % to) for to in (1000, 0, 1000, 3, 990)]
    steps = [browser.run(timed % to) for to in range(400, 430)][1:]
    assert sorted(jumps)[1] < 250, jumps
    assert sorted(steps)[len(steps) // 4] < 50, steps
    assert browser.faults() == []
