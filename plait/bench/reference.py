"""A plain reference decoder, written from the published algorithms, to compare the engine with.

LLaDA's loop (arXiv:2502.09992) with Fast-dLLM's prefix and dual cache (arXiv:2505.22618) as they
are described: the whole canvas goes through the network unless a cache is on, every position gets
its logits, and confidences are a softmax in float64. Block by block, a fixed number per round.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..models.kv import Kv
from ..models.transformer import Transformer

Kind = Literal["none", "prefix", "dual"]


def commit(
    tokens: Int[Tensor, "B L"],
    logits: Float[Tensor, "B N V"],
    start: int,
    end: int,
    span: slice,
    mask_id: int,
    count: int,
) -> None:
    """Write the `count` most confident candidates of `start` to `end` of each row, in place."""
    logits[..., mask_id] = -torch.inf
    candidate = logits.argmax(-1)
    sure = logits.double().softmax(-1).gather(-1, candidate[..., None])[..., 0]
    place = torch.arange(tokens.shape[1], device=tokens.device)[span]
    open = (tokens[:, span] == mask_id) & (place >= start) & (place < end)
    sure = sure.masked_fill(~open, -torch.inf)
    for row in range(len(tokens)):
        best = sure[row].topk(min(count, int(open[row].sum()))).indices
        tokens[row, place[best]] = candidate[row, best]


@torch.inference_mode()
def decode(
    net: Transformer,
    tokens: Int[Tensor, "B L"],
    prompt: int,
    mask_id: int,
    block: int,
    count: int,
    cache: Kind = "none",
) -> tuple[Int[Tensor, "B L"], int]:
    """Decode rows with prompts of equal length; return the tokens and the forward passes."""
    tokens, forwards = tokens.clone(), 0
    rows, length = tokens.shape
    pos = torch.arange(length, device=tokens.device).expand(rows, -1)
    for start in range(prompt, length, block):
        end = min(start + block, length)
        kv: Kv | None = None
        while bool((tokens[:, start:end] == mask_id).any()):
            span = slice(0, length)
            if cache == "none":
                logits = net(tokens, pos)
            elif kv is None:
                kv = net.buffer(rows, length)
                logits = net(tokens, pos, kv=kv).view(rows, length, -1)
            else:
                span = slice(start, end if cache == "dual" else length)
                stale = torch.zeros_like(tokens, dtype=torch.bool)
                stale[:, span] = True
                logits = net(tokens, pos, stale=stale, kv=kv)
                logits = logits.view(rows, span.stop - span.start, -1)
            commit(tokens, logits, start, end, span, mask_id, count)
            forwards += 1
    return tokens, forwards
