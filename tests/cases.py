"""Canvases that several tests share."""

from tiny import Digits

from plait.canvas import Canvas
from plait.layout import Layout, nap, plain

PROMPTS = ["123", "4567f", "9", "1"]  # ragged on purpose


def streams(cross: str = "full") -> Layout:
    return nap(streams=3, length=8, summary=5, header="{j}", summary_header="5", cross=cross)


def canvas(layout: Layout | None = None, prompts: list[str] = PROMPTS) -> Canvas:
    return (layout or streams()).build(Digits(), prompts)


def one_slot(length: int = 24) -> Layout:
    return plain(length)
