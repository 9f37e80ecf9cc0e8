"""Canvases and methods that several tests share."""

import inspect

from tiny import Digits
from toys import ToyCausal, ToyDrafter

from plait import methods
from plait.budget import Budget
from plait.canvas import Canvas
from plait.layout import Layout, nap, plain

METHODS = methods.names()
OPTIONS = {name: inspect.signature(methods.function(name)).parameters for name in METHODS}
BUDGETED = [name for name in METHODS if "budget" in OPTIONS[name]]
HELPERS = {  # models that some methods have beside
    "guider": ToyCausal(),
    "scorer": ToyCausal(),
    "drafter": ToyDrafter(),
}
PROMPTS = ["123", "4567f", "9", "1"]  # ragged on purpose


def streams(cross: str = "full") -> Layout:
    return nap(streams=3, length=8, summary=5, header="{j}", summary_header="5", cross=cross)


def canvas(layout: Layout | None = None, prompts: list[str] = PROMPTS) -> Canvas:
    return (layout or streams()).build(Digits(), prompts, context=128)


def one_slot(length: int = 24) -> Layout:
    return plain(length)


def build(name: str, **budget):
    """The method `name`, with a budget if it takes one and toy models where it needs some."""
    settings = {k: model for k, model in HELPERS.items() if k in OPTIONS[name]}
    if name in BUDGETED:
        settings["budget"] = Budget(**budget)
    return methods.load(name, **settings)
