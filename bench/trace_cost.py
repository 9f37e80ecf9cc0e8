"""What tracing costs: its share of the time of a decode, and the size of its file.

    python bench/trace_cost.py

decodes one canvas of 1,024 free positions, eight tokens per round, with a transformer of
the shape of the model in the box, and times what only the trace needs: recording each round,
making the trace, its texts, and writing the file.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

import plait
from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.layout import nap
from plait.measure import trace_file
from plait.measure.label import labelled
from plait.models.denoiser import NetDenoiser
from plait.models.transformer import Transformer
from plait.trace import Recorder

LAYOUT = nap(3, 330, 34, header="", summary_header="")  # 1,024 free positions


class Watch:
    """Adds up the seconds that some functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, function: Callable) -> Callable:
        """The function, timed."""

        def timed(*args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def measure(model: plait.Model, net: NetDenoiser, tokens: int) -> dict:
    """Decode once with a watch over the recorder, then write the file."""
    canvas = LAYOUT.build(model.codec, ["What is 4821 * 937?"]).to(model.device)
    decoder = methods.load("random", budget=Budget(tokens))
    watch, kept = Watch(), {name: getattr(Recorder, name) for name in ("join", "add", "trace")}
    for name, function in kept.items():
        setattr(Recorder, name, watch.over(function))
    try:
        start = time.perf_counter()
        _, (trace,) = decode(net, decoder, canvas)
        total = time.perf_counter() - start
    finally:
        for name, function in kept.items():
            setattr(Recorder, name, function)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.trace"
        start = time.perf_counter()
        trace_file.write(path, [labelled(trace, model.codec, LAYOUT, "?")], {})
        written, size = time.perf_counter() - start, path.stat().st_size
    return {
        "tokens_per_round": tokens,
        "rounds": trace.rounds,
        "decode_s": round(total, 2),
        "recording_ms_per_round": round(1000 * watch.seconds / trace.rounds, 3),
        "recording_share": round(watch.seconds / total, 5),
        "writing_share": round(written / total, 5),
        "bytes": size,
    }


def loaded(device: str | None) -> tuple[plait.Model, NetDenoiser]:
    """The model in the box, and one of its shape with random weights and more context."""
    model = plait.load("plait-tiny", device=device)
    config = replace(model.denoiser.net.config, context=2048)
    torch.manual_seed(0)
    return model, NetDenoiser(Transformer(config).to(model.device))


def main() -> None:
    """Print one line per budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device")
    parser.add_argument("--budgets", nargs="+", type=int, default=[8])
    args = parser.parse_args()
    model, net = loaded(args.device)
    for tokens in args.budgets:
        print(measure(model, net, tokens), flush=True)


if __name__ == "__main__":
    main()
