"""The weights of a transformer as the engine reads them: side by side what is read together."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import PlaitError
from ..models.config import Config
from ..models.transformer import Transformer

EIGHT = torch.float8_e4m3fn
MOST = torch.finfo(EIGHT).max  # 448


@dataclass(frozen=True)
class Linear:
    """A matrix, perhaps in 8 bits with a scale for each output, and a bias."""

    weight: Tensor  # [O, I]
    bias: Float[Tensor, " O"] | None = None
    scale: Float[Tensor, "1 O"] | None = None  # float32; None = not quantized

    def eight(self) -> "Linear":
        """The same in float8 (e4m3), each output scaled to the whole range."""
        top = self.weight.abs().amax(1).float().clamp(min=1e-12)
        scale = (top / MOST)[:, None]
        weight = torch.empty_like(self.weight, dtype=EIGHT)
        for start in range(0, len(weight), 4096):  # float32 copies of a few rows at a time
            rows = slice(start, start + 4096)
            weight[rows] = (self.weight[rows].float() / scale[rows]).to(EIGHT)
        return Linear(weight, self.bias, scale.T.contiguous())


@dataclass(frozen=True)
class Layer:
    """One block."""

    norm: Float[Tensor, " W"]
    qkv: Linear
    query_norm: Float[Tensor, " D"] | None
    key_norm: Float[Tensor, " D"] | None
    out: Linear
    mlp_norm: Float[Tensor, " W"]
    gate_up: Linear
    down: Linear

    def eight(self) -> "Layer":
        """The same with matrices in 8 bits."""
        made = {name: getattr(self, name).eight() for name in ("qkv", "out", "gate_up", "down")}
        return Layer(**(vars(self) | made))


@dataclass(frozen=True)
class Weights:
    """All that a forward pass reads."""

    config: Config
    embed: Float[Tensor, "V W"]
    layers: tuple[Layer, ...]
    norm: Float[Tensor, " W"]
    head: Linear

    def eight(self) -> "Weights":
        """The same with the matrices of the blocks in 8 bits; embedding and head stay."""
        layers = tuple(layer.eight() for layer in self.layers)
        return Weights(self.config, self.embed, layers, self.norm, self.head)


def unsupported(config: Config) -> str | None:
    """What about a shape the engine does not know, in a few words; None = it knows all of it."""
    plain = {
        "layers with experts": config.experts is not None,
        "a time input": config.time > 0,
        "norms after the residual": config.post_norm,
        "layer norms": config.norm != "rms",
        "an MLP without a gate": not config.gated or config.activation != "silu",
        "an MLP with biases": config.mlp_bias,
        "learned positions": not config.rotary,
        "partly turned heads": config.rope_part != 1,
        "attention windows": bool(config.windows),
        "causal attention": config.attention == "causal",
        "a layer before the head": config.transform,
        "a norm of the embedding": config.embed_norm or not config.first_norm,
        "rescaled embeddings": config.dropped >= 0,
    }
    return next((what for what, there in plain.items() if there), None)


def fused(net: Transformer) -> Weights:
    """The weights of a network; its own become views of them, so that nothing is stored twice.

    Raises PlaitError for shapes that the engine does not know.
    """
    strange = unsupported(net.config)
    if strange:
        raise PlaitError(f"the engine does not know {strange}; decode without it")
    layers = tuple(_layer(block, net.config.qk_norm) for block in net.blocks)
    final: Any = net.norm
    embed, head = net.embed.weight.data, _together(net.head)
    return Weights(net.config, embed, layers, final.weight.data, head)


def _layer(block: Any, normed: bool) -> Layer:
    mind, mlp = block.attention, block.mlp
    return Layer(
        norm=block.attention_norm.weight.data,
        qkv=_together(mind.query, mind.key, mind.value),
        query_norm=mind.query_norm.weight.data if normed else None,
        key_norm=mind.key_norm.weight.data if normed else None,
        out=_together(mind.out),
        mlp_norm=block.mlp_norm.weight.data,
        gate_up=_together(mlp.gate, mlp.up),
        down=_together(mlp.down),
    )


def _together(*parts: Any) -> Linear:
    """Linear layers that read the same, as one."""
    if len(parts) == 1:
        bias = parts[0].bias
        return Linear(parts[0].weight.data, None if bias is None else bias.data)
    weight = torch.cat([part.weight.data for part in parts])
    biased = parts[0].bias is not None
    bias = torch.cat([part.bias.data for part in parts]) if biased else None
    start = 0
    for part in parts:
        end = start + part.weight.shape[0]
        part.weight.data = weight[start:end]
        if bias is not None:
            part.bias.data = bias[start:end]
        start = end
    return Linear(weight, bias)
