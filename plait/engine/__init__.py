"""The fast path: partial forwards over fused weights, a fused head, rounds as CUDA graphs."""
