"""The engine writes the same tokens as the plain loop, and counts the same."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from cached import CACHES, METHODS, SHAPE, canvas, model, plainly, same

from plait import cache as caches
from plait import methods
from plait.budget import Budget
from plait.canvas import Canvas
from plait.decode import decode
from plait.engine import loop
from plait.engine.forward import Forward
from plait.engine.loop import Engine
from plait.engine.rounds import Rounds
from plait.engine.weights import fused, unsupported
from plait.errors import Notice, PlaitError
from plait.layout import nap, plain
from plait.meter import Meter
from plait.models.denoiser import NetDenoiser
from plait.models.transformer import Transformer
from plait.sample import Categorical

BLOCKED = nap(streams=3, length=6, summary=4, header="{j}", summary_header="5", cross="blocked")


def together(net, decoder, start):
    """Decode with rows side by side and padded, as on a GPU."""
    return Engine(fused(net), decoder, apart=False)(start)


def apart(net, decoder, start):
    """Decode with rows one by one, as on a CPU."""
    return Engine(fused(net), decoder)(start)


WAYS = pytest.mark.parametrize("way", [apart, together])


def costs(traces) -> list[tuple[int, ...]]:
    return [(t.rounds, t.forwards, t.query_tokens) for t in traces]


@WAYS
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_same_tokens_without_a_cache(method, shift, way):
    decoder, layout = METHODS[method]
    before = plainly(method, "", shift)
    found = way(model("", shift).net, decoder, canvas(layout))
    assert same(before, found)
    assert costs(before[1]) == costs(found[1])


@WAYS
@pytest.mark.parametrize("method", ["fast_dllm", pytest.param("nap", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CACHES)
def test_same_tokens_with_each_cache(name, method, way):
    decoder, layout = METHODS[method]
    decoder, net, start = replace(decoder, cache=caches.load(name)), model(name), canvas(layout)
    if loop.missing(net.net.config, decoder):
        pytest.skip("this cache runs in the plain loop only")
    before, found = decode(net, decoder, start), way(net.net, decoder, start)
    assert same(before, found)
    assert costs(before[1]) == costs(found[1])


@WAYS
@pytest.mark.parametrize("name", ["margin", "entropy"])
def test_same_tokens_by_other_statistics_and_blocked_streams(name, way):
    method = methods.load("dream", order=name, budget=Budget(2))
    decoder = replace(METHODS["nap"][0], selector=method.selector)
    for layout in (BLOCKED, plain(12)):
        chosen = decoder if layout is BLOCKED else method
        before = decode(model(), chosen, canvas(layout))
        assert same(before, way(model().net, chosen, canvas(layout)))


def test_the_network_still_works_with_fused_weights_and_stores_them_once():
    torch.manual_seed(0)
    net = Transformer(SHAPE).eval()
    tokens = torch.arange(10)[None]
    before = net(tokens, tokens)
    weights = fused(net)
    assert torch.equal(net(tokens, tokens), before)
    query = net.blocks[0].attention.query.weight
    assert query.data_ptr() == weights.layers[0].qkv.weight.data_ptr()


def test_shapes_and_methods_that_it_does_not_know_are_named():
    strange = replace(SHAPE, norm="layer")
    assert unsupported(strange) == "layer norms"
    with pytest.raises(PlaitError, match="does not know layer norms"):
        fused(Transformer(strange))
    assert loop.missing(SHAPE, METHODS["llada"][0]) is None
    assert "several versions" in str(loop.missing(SHAPE, methods.load("lookahead")))
    assert "'logp'" in str(loop.missing(SHAPE, methods.load("klass")))
    assert "length of a slot" in str(loop.missing(SHAPE, methods.load("rho_eos")))
    assert loop.missing(SHAPE, methods.load("cfg")) == "guides"
    assert loop.missing(SHAPE, methods.load("warm_start")) == "revision"
    warm = replace(METHODS["llada"][0], sampler=Categorical(1.0, 1.0, 0))
    assert loop.missing(SHAPE, warm) == "temperatures"
    inside = replace(METHODS["llada"][0], cache=caches.load("interval"))
    assert "inside of the layers" in str(loop.missing(SHAPE, inside))


def test_batches_of_any_size_one_after_another():
    """The last batch's rounds are taken up where that is possible, and change no token."""
    decoder, layout = METHODS["fast_dllm"]
    run = loop.engine(model(), decoder)
    for prompts in (["123"], ["987"], ["4567f89ab"], ["12", "9876"], ["1234", "98"], ["12", "98"]):
        start = canvas(layout, prompts)
        assert same(decode(model(), decoder, start), run(start))


def test_rows_side_by_side_take_up_another_batch():
    decoder, layout = METHODS["fast_dllm"]
    run, used = Engine(fused(model().net), decoder, apart=False), []
    for prompts in (["1234", "5678"], ["98", "4321"], ["12", "3456"]):
        start = canvas(layout, prompts)
        assert same(decode(model(), decoder, start), run(start))
        used.append(run.rounds)
    assert used[0] is used[1] is used[2]


def test_rows_that_share_a_bank_when_the_longest_is_done(monkeypatch):
    """Shorter ones fit in greater numbers into a pass, but not into the bank."""
    decoder, layout = METHODS["llada"]
    start = canvas(layout, ["1", "2", "3", "4", "5"])
    long = canvas(plain(2), ["123456789" * 3])
    start = Canvas.stack([start.row(i) for i in range(5)] + [long.row(0)])
    start = replace(start, key=torch.arange(6))
    monkeypatch.setattr("plait.engine.sizes.TOGETHER", 3 * start.tokens.shape[1])
    before, found = decode(model(), decoder, start), together(model().net, decoder, start)
    assert same(before, found)


def test_rows_apart_compute_only_what_is_counted(monkeypatch):
    """No padding, and nothing for rows that are done."""
    widths, decoder = [], METHODS["llada"][0]
    layer = Forward._layer

    def noted(self, x, *others):
        widths.append(len(x))
        return layer(self, x, *others)

    monkeypatch.setattr(Forward, "_layer", noted)
    _, traces = apart(model().net, decoder, canvas(plain(16), ["1", "234567"]))
    assert sum(widths) == SHAPE.layers * sum(t.query_tokens for t in traces)


def test_what_the_engine_cannot_do_the_plain_loop_does_with_a_notice():
    with pytest.warns(UserWarning, match="does not know methods that read 'logp'"):
        assert loop.engine(model(), methods.load("klass")) is None
    with pytest.warns(UserWarning, match="models of another kind"):
        assert loop.engine(Meter(model()), METHODS["llada"][0]) is None


def test_weights_that_are_no_plain_tensors_are_left_to_the_plain_loop():
    class Packed(torch.Tensor):
        """As quantized weights are."""

    packed = model()
    net = deepcopy(packed.net)
    net.head.weight = torch.nn.Parameter(net.head.weight.as_subclass(Packed), False)
    assert loop.engine(packed, METHODS["llada"][0]) is not None
    with pytest.warns(Notice, match="quantized weights"):
        assert loop.engine(NetDenoiser(net), METHODS["llada"][0]) is None


@pytest.fixture
def graphed(monkeypatch):
    """An engine whose rounds cannot be captured, and the error that says why."""

    def make(error):
        decoder, layout = METHODS["fast_dllm"]
        run = Engine(fused(model().net), decoder, apart=False)
        run(canvas(layout))
        assert run.rounds is not None
        run.rounds.graphs = True

        def captured(*_):
            raise error

        monkeypatch.setattr(Rounds, "_captured", captured)
        monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
        return run, decoder, canvas(layout)

    return make


def test_rounds_that_cannot_be_captured_run_without_graphs(graphed):
    run, decoder, start = graphed(RuntimeError("an operation is not permitted\nand more"))
    with pytest.warns(Notice) as told:
        found = run(start)
    assert [str(one.message) for one in told] == [
        "rounds run without CUDA graphs, which is slower: an operation is not permitted"
    ]
    assert same(decode(model(), decoder, start), found)


def test_no_memory_is_no_reason_to_go_on_without_graphs(graphed):
    run, _, start = graphed(torch.OutOfMemoryError("none left"))
    with pytest.raises(torch.OutOfMemoryError):
        run(start)


def test_watchers_see_every_round():
    decoder, layout = METHODS["fast_dllm"]
    seen: list[tuple] = []

    def note(done, rows):
        seen.append((done.canvas.tokens.tolist(), done.commit.tolist(), rows))

    decode(model(), decoder, canvas(layout), watch=note)
    plain_rounds, seen = seen, []
    Engine(fused(model().net), decoder)(canvas(layout), watch=note)
    assert seen == plain_rounds
