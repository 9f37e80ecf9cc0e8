"""Every file in plait/cache must pass these; a new cache is tested by existing."""

import re
from dataclasses import replace

import pytest
import torch
from cached import CACHES, METHODS, PROMPTS, canvas, model, plainly, same
from tiny import MASK

from plait import cache as caches
from plait.decode import decode, flow


@pytest.mark.parametrize(
    ("method", "shift"),
    [
        ("fast_dllm", True),
        ("nap", False),
        pytest.param("llada", False, marks=pytest.mark.slow),
        pytest.param("confidence", True, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", CACHES)
def test_refreshed_in_every_round_it_is_no_cache(name, method, shift):
    decoder, layout = METHODS[method]
    net, start = model(name, shift), canvas(layout)
    cached = decode(net, replace(decoder, cache=caches.load(name, refresh=1)), start)
    assert same(plainly(method, name, shift), cached)


@pytest.mark.parametrize("method", METHODS)
def test_the_exact_cache_changes_nothing_and_computes_less(method):
    decoder, layout = METHODS[method]
    net, start = model("exact_block"), canvas(layout)
    before = plainly(method, "exact_block")
    cached = decode(net, replace(decoder, cache=caches.load("exact_block")), start)
    assert same(before, cached)
    assert sum(t.query_tokens for t in cached[1]) < sum(t.query_tokens for t in before[1])


@pytest.mark.parametrize("method", [pytest.param("fast_dllm", marks=pytest.mark.slow), "nap"])
@pytest.mark.parametrize("name", CACHES)
def test_it_ends_and_a_row_does_not_depend_on_its_batch(name, method):
    decoder, layout = METHODS[method]
    decoder, net, start = replace(decoder, cache=caches.load(name)), model(name), canvas(layout)
    done, traces = decode(net, decoder, start)
    assert not done.masked.any()
    assert torch.equal(done.tokens[start.given], start.tokens[start.given])
    assert MASK not in done.tokens
    for row, prompt in enumerate(PROMPTS):
        alone = decode(net, decoder, canvas(layout, [prompt], first=row))
        assert torch.equal(alone[0].tokens[0], done.tokens[row, : done.length[row]])
        assert (alone[1][0].round == traces[row].round).all()
        assert alone[1][0].query_tokens == traces[row].query_tokens


@pytest.mark.parametrize("name", CACHES)
def test_rows_join_at_any_round(name):
    """A longer row that joins makes the others' canvas wider, and changes nothing for them."""
    decoder, layout = METHODS["fast_dllm"]
    decoder, net = replace(decoder, cache=caches.load(name)), model(name)
    prompts = ["9", "123", "1", "4567f89ab", "2"]
    waiting = [canvas(layout, [prompt], first=i) for i, prompt in enumerate(prompts)]
    for i, row, trace in flow(net, decoder, waiting, slots=2):
        alone, [own] = decode(net, decoder, waiting[i])
        assert torch.equal(row.tokens, alone.tokens)
        assert trace.query_tokens == own.query_tokens


@pytest.mark.parametrize("name", [name for name in CACHES if name != "sparse_attention"])
def test_it_computes_less(name):
    """With its defaults it saves positions on at least one method."""
    saved = False
    for method, (decoder, layout) in METHODS.items():
        cached = decode(model(name), replace(decoder, cache=caches.load(name)), canvas(layout))
        per_forward = [
            sum(t.query_tokens for t in traces) / sum(t.forwards for t in traces)
            for _, traces in (plainly(method, name), cached)
        ]
        saved = saved or per_forward[1] < per_forward[0]
    assert saved


@pytest.mark.parametrize("name", CACHES)
def test_paper_and_size(name):
    source = caches.FOLDER.source(name)
    assert re.search(r"arXiv:\d{4}\.\d{5}", source)
    assert len(source.splitlines()) <= 160
