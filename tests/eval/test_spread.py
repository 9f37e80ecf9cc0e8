"""Ray: the same answers from several workers, whatever happens to one of them."""

import functools
import os
import signal
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from ray_workers import busy

from plait.cli._evaluation import opened
from plait.cli._session import Request
from plait.errors import PlaitError
from plait.eval import spread
from plait.eval.spread import Place, cluster

PROMPTS = [f"What is {i} * {j}?" for i in range(3, 9) for j in range(20, 25)]
KEYS = [1000 + i for i in range(len(PROMPTS))]


def same(one, other) -> bool:
    if (one.prompt, one.raw, one.rounds) != (other.prompt, other.raw, other.rounds):
        return False
    names = [f.name for f in fields(one.trace) if f.name not in ("seconds", "spent", "label")]
    return all(np.array_equal(getattr(one.trace, n), getattr(other.trace, n)) for n in names)


@pytest.fixture
def request_(model) -> Request:
    return Request(model=model, tokens_per_round=2, batch_size=2, temperature=0.7)


def at(address: str, request: Request, share: int = 2):
    open = functools.partial(opened, request, True)
    return cluster(address, request.open(), open, "cpu", share)


@pytest.mark.slow
def test_the_same_answers_though_a_worker_is_killed(request_):
    pytest.importorskip("ray")
    wanted = dict(request_.open().stream(PROMPTS, KEYS))
    killed: list[int] = []
    found = {}
    with at("local", request_) as many:
        for number, answer in many.stream(PROMPTS, KEYS):
            assert number not in found
            found[number] = answer
            if not killed and (at_work := busy("_decode")):
                os.kill(at_work[0], signal.SIGKILL)
                killed.append(at_work[0])
    assert killed
    assert len(found) < len(PROMPTS) + 1
    assert sorted(found) == list(range(len(PROMPTS)))
    assert all(same(found[i], wanted[i]) for i in wanted)


@pytest.mark.slow
def test_the_command_on_a_cluster(plait, model, tmp_path):
    pytest.importorskip("ray")
    options = ("--tasks", "multiply", "--limit", 6, "--tokens-per-round", 2, "--batch-size", 2)
    alone = plait("eval", model, *options, "--out", tmp_path / "a")
    many = plait("eval", model, *options, "--out", tmp_path / "b", "--ray", "local")
    assert many.code == 0, many.err
    left = [
        [line.split("|")[i] for i in (1, 2, 3, 4, 5, 6, 7)] for line in alone.out.splitlines()[:3]
    ]
    right = [
        [line.split("|")[i] for i in (1, 2, 3, 4, 5, 6, 7)] for line in many.out.splitlines()[:3]
    ]
    assert left == right


def test_a_worker_of_another_kind_is_refused(request_):
    """By hand, without a cluster: the worker's own check."""
    here = Place.here("cpu")
    open = functools.partial(opened, request_, True)
    (number, answer), *_ = spread._decode(open, here, PROMPTS[:2], KEYS[:2])
    assert answer.prompt == PROMPTS[number]
    with pytest.raises(PlaitError, match=r"has another torch \(.*\) than this machine \(1.0\)"):
        spread._decode(open, replace(here, torch="1.0"), PROMPTS[:2], KEYS[:2])


def test_without_ray(monkeypatch, request_):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PlaitError, match=r"plait\[ray\]"), at("local", request_):
        pass


def test_no_cluster_at_an_address(request_):
    pytest.importorskip("ray")
    with (
        pytest.raises(
            PlaitError, match=r"there is no Ray cluster at '127\.0\.0\.1:1' \(Connection refused\)"
        ),
        at("127.0.0.1:1", request_),
    ):
        pass
