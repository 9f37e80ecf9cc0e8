"""ADJUST: approximate joint sampling of several tokens per forward pass (arXiv:2509.22738)."""

from ..decode import Decoder
from ..joint import JointHead, Jointly
from ..schedule import Blocks


def joint_sampler(weights: str = "", tokens: int = 4, block: int = 32) -> Decoder:
    """Commit `tokens` tokens one by one from one forward, corrected by a layer for those before.

    `weights` is a safetensors file of the layer (`plait.joint.JointHead.save`), trained for one
    model; "" corrects nothing, and then this is `llada` with that many tokens per round. The
    order is by confidence; at a temperature tokens are drawn from the corrected distributions.

    Needs: states before the head, and a trained layer.
    Exact: as far as the layer is.
    """
    head = JointHead.read(weights) if weights else None
    return Decoder(Blocks(block), judge=Jointly(head, tokens))
