"""Facts of single caches: settings with which they become another one, and what they recompute."""

from dataclasses import replace

import pytest
import torch
from cached import METHODS, canvas, model, plainly, same

from plait import cache as caches
from plait.cache.evict import Kept
from plait.cache.interval import Moving
from plait.decode import decode
from plait.parts import nothing


def decoded(method: str, name: str, **settings):
    decoder, layout = METHODS[method]
    return decode(model(), replace(decoder, cache=caches.load(name, **settings)), canvas(layout))


@pytest.mark.parametrize(
    ("name", "settings", "methods"),
    [
        ("sparse_attention", {"skip": 0.0, "select": 1.0, "block": 4}, ["fast_dllm", "nap"]),
        ("interval", {"prompt": 1, "refresh": 5, "share": 1.0}, ["fast_dllm", "nap"]),
        ("d2", {"count": 99, "mass": 1.0}, ["confidence"]),  # masks that are not open stay old
    ],
)
def test_with_everything_chosen_it_is_no_cache(name, settings, methods):
    for method in methods:
        assert same(plainly(method), decoded(method, name, **settings))


@pytest.mark.parametrize(
    ("name", "settings"), [("evict", {"keep": 1.0}), ("vicinity", {"near": 0, "warmup": 0})]
)
def test_it_becomes_the_dual_cache(name, settings):
    for method in ("llada", "fast_dllm"):
        assert same(decoded(method, "dual"), decoded(method, name, **settings))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("evict", {"keep": 0.0}),
        ("sparse_attention", {"skip": 0.0, "select": 0.0, "block": 4}),
        ("interval", {"prompt": 0, "refresh": 0, "share": 0.0}),
        ("window", {"window": 2, "active": 1, "refresh": 0}),
        ("streams", {"window": 1, "refresh": 0}),
    ],
)
def test_at_its_extreme_it_changes_the_text(name, settings):
    """So the identities above are not those of a cache that does nothing."""
    methods = ("fast_dllm", "llada", "nap")
    assert any(not same(plainly(m), decoded(m, name, **settings)) for m in methods)


def test_elastic_recomputes_deep_layers_only_when_attention_has_drifted():
    never = decoded("llada", "elastic", window=2, alike=-1.0)[1]
    always = decoded("llada", "elastic", window=2, alike=1.0)[1]
    assert sum(t.query_tokens for t in never) < sum(t.query_tokens for t in always)


def asked(name: str, rounds: list[tuple[list[int], list[int]]], **settings) -> list[list[int]]:
    """What a cache calls stale on one row of 3 prompt and 9 free positions, round by round.

    A round is (positions that are open, positions that are written before it).
    """
    from plait.layout import plain

    now = canvas(plain(9), ["123"])
    cache = caches.load(name, **settings)
    memo, found = cache.init(now), []
    for number, (open, written) in enumerate(rounds):
        where = nothing(now)
        where[0, written] = True
        now = now.write(where, torch.full_like(now.tokens, 5))
        mask = nothing(now)
        mask[0, open] = True
        refresh, memo = cache(now, mask, torch.tensor([number]), memo)
        found.append(refresh.stale[0].nonzero()[:, 0].tolist())
    return found


ALL = list(range(12))
BLOCK = [([3, 4, 5], []), ([3, 5], [4]), ([5], [3]), ([6, 7, 8], [5])]


def test_what_block_caches_recompute():
    assert asked("dual", BLOCK) == [ALL, [3, 4, 5], [3, 4, 5], ALL]
    assert asked("prefix", BLOCK) == [ALL, ALL[3:], ALL[3:], ALL]
    assert asked("vicinity", BLOCK, near=1, warmup=0) == [ALL, ALL[2:7], ALL[2:7], ALL]
    assert asked("dual", BLOCK, refresh=2) == [ALL, [3, 4, 5], ALL, ALL]
    # What was written in the last round is recomputed once more, then never again.
    assert asked("free_cache", BLOCK) == [ALL[3:], ALL[3:], [3, *ALL[5:]], ALL[5:]]


def test_what_delayed_caches_recompute():
    rounds = [(ALL[3:], []), (ALL[4:], [3]), (ALL[5:], [4]), (ALL[6:], [5])]
    # Two whole rounds; then masks, and what was a mask a round before.
    assert asked("dkv_decode", rounds, refresh=0) == [ALL, ALL, ALL[4:], ALL[5:]]
    assert asked("dkv_prefill", rounds) == [ALL[3:]] * 4
    assert asked("window", rounds, window=3, active=2, refresh=0)[1:] == [
        [3, 4, 5],
        [3, 4, 5, 6],
        [3, 4, 5, 6, 7],
    ]


def test_what_streams_recompute():
    rounds = [(ALL[3:], []), (ALL[4:], [3]), ([4, *ALL[6:]], [5])]
    found = asked("streams", rounds, window=2, refresh=0)
    assert found == [ALL, [3, 4, 5], [4, 5]]


def test_the_window_hides_far_masks():
    layout = METHODS["llada"][1]
    now = canvas(layout, ["123"])
    cache = caches.load("window", window=4, active=2, refresh=8)
    _, memo = cache(now, now.masked, torch.tensor([0]), cache.init(now))
    refresh, _ = cache(now, now.masked, torch.tensor([1]), memo)
    assert refresh.seen[0].nonzero()[:, 0].tolist() == list(range(3 + 4))


def test_interval_takes_what_moved_then_masks_then_what_waited_longest_then_the_leftmost():
    """Values that stand still are alike to the bit, whatever a cosine of them rounds to."""
    torch.manual_seed(0)
    still, prompt = torch.randn(12, 7), torch.arange(12) < 4
    age, turns, masked = torch.zeros(12, dtype=torch.long), [], torch.arange(12) >= 6
    for round in range(4):
        values = still.clone()
        values[9] += 0.5 * (round == 1)
        row = Moving(0.25, prompt, masked, (False, False), {0: (still, still, still, age)})
        turns.append(row._chosen(0, values).tolist())
        age = age + 1
        age[turns[-1]] = 0
    assert turns == [[6, 7], [8, 9], [10, 11], [6, 7]]


def test_evict_keeps_what_stands_out_among_the_keys_outside():
    """Scores 5 0 | 9 9 | 0 4: the block's own do not lift their neighbours when smoothed."""
    inside = torch.tensor([False, False, True, True, False, False])
    key = torch.tensor([5.0, 0.0, 9.0, 9.0, 0.0, 4.0])[None, None, :, None]
    query, at = torch.ones(1, 1, 2, 1), torch.tensor([[2, 3]])
    seen = Kept(0.5, inside, {}).sees(0, query, key, None, at)
    assert seen.flatten().tolist() == [True, True, True, True, False, False]
