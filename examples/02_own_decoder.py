"""Make a decoder of your own from parts: `python examples/02_own_decoder.py`.

It goes by margin (how far the best token is ahead of the second) instead of by confidence, and
the summary joins in when half of the streams is written.
"""

from dataclasses import dataclass
from typing import Any

import plait
from plait.parts import Mask, Selector, View
from plait.schedule import Streams
from plait.select import TopK


def margin(view: View) -> Any:
    """Log-probability of the best token over that of the second, nats."""
    assert view.second is not None  # because of `needs` below
    return view.chosen - view.second


@dataclass(frozen=True)
class ByMargin(Selector):
    """The positions with the widest margin, as many as the schedule wants."""

    needs = frozenset({"second"})

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Leave the quotas to TopK and give it another order."""
        return TopK(by=margin)(view, memo)


budget = plait.Budget(tokens_per_round=4)
decoder = plait.Decoder(Streams(budget, summary="open_at", open_at=0.5), ByMargin())

model = plait.load("plait-tiny")
layout = model.layout()
canvas = layout.build(model.codec, ["Work out 42 * 23."]).to(model.device)
done, (trace,) = plait.decode(model.denoiser, decoder, canvas)
for name, text in layout.read(model.codec, done, row=0).items():
    print(f"{name}: {text}")
print(f"{trace.rounds} rounds, {trace.answer_tokens()} tokens")
