"""The theory of optimal parallel sampling, executable and exact (arXiv:2512.25014).

`laws` and `library` are what is sampled, `circuits` how it may be computed, `programs` what a
diffusion language model does with it, `compile` the way from one to the other, `pushforward` the
exact law of what a program writes, `bounds` what no program can beat. Only `denoiser` and
`decoding`, which run plait's own methods on a law, need torch.
"""
