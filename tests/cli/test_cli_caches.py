import json

import pytest

from plait import cache
from plait.cli import main


def test_the_list_names_every_cache(capsys):
    assert main(["caches", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in told] == cache.names()
    assert all(entry["arxiv"] and entry["settings"] for entry in told)
    assert main(["caches"]) == 0
    assert "exact_block" in capsys.readouterr().out
    assert main(["caches", "dual"]) == 0
    assert "--cache-set refresh=0  (int)" in capsys.readouterr().out


def test_a_cache_computes_less(capsys):
    spent = {}
    for name in ("", "streams"):
        chosen = ["--cache", name, "--cache-set", "window=8"] if name else []
        line = ["generate", "What is 7 * 8?", "--json", "--tokens-per-round", "16"]
        assert main([*line, *chosen]) == 0
        spent[name] = json.loads(capsys.readouterr().out)["query_tokens"]
    assert spent["streams"] < spent[""]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cache", "daul"], "did you mean 'dual'"),
        (["--cache", "dual", "--cache-set", "refrehs=2"], "did you mean 'refresh'"),
        (["--cache", "dual", "--cache-set", "refresh=often"], "must be a whole number"),
        (["--cache", "dual", "--cache-set", "refresh=-1"], "must be 0 (never by itself) or more"),
        (["--cache-set", "refresh=1"], "goes with --cache"),
        (["--cache", "dual", "--method", "lookahead"], "looks at several"),
        (["--cache", "dual", "--method", "cfg"], "looks at others too"),
        (["--cache", "dual", "--method", "edit"], "does not recompute"),
        (["--cache", "free_cache", "--method", "rcr"], "keeps that for good"),
        (["--cache", "exact_block"], "needs a block-causal model"),
    ],
)
def test_mistakes_and_contradictions_are_one_sentence(options, said, capsys):
    assert main(["generate", "What is 7 * 8?", *options]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert not told.out
