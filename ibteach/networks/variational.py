"""The variational bottleneck with a learned noise: a Gaussian of its own for each input (Alemi et al. 2017).

Elsewhere in this package the noise is fixed, and its rate is a surrogate that needs nothing but the latents. Here the
encoder says its noise too, p(z|x) = N(μ(x), diag σ²(x)), and the rate is the KL to a unit Gaussian: it may buy a
dimension off by giving it σ = 1.
"""

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ibteach import checks
from ibteach.errors import InvalidInput


class Encoding(NamedTuple):
    """p(z|x) of each input: `mean` and `std`, (N, K)."""

    mean: Tensor
    std: Tensor


def rate(encoding: Encoding) -> Tensor:
    """The rate E KL(N(μ(x), diag σ²(x)) ‖ N(0, I)), in nats: an upper bound on I[X;Z] (Alemi et al. 2017).

    ½ E Σ_i (μ_i² + σ_i² − 1 − ln σ_i²), 0 where the latent is the prior whatever the input.

    Args:
        encoding: mean (..., N, K) and std (..., N, K), positive.

    Returns (...), nats. Raises `InvalidInput` for other shapes, NaN, or a standard deviation that is not positive.

    >>> rate(Encoding(torch.ones(5, 3), torch.ones(5, 3))).item()  # half the squared distance from the origin
    1.5
    """
    mean, std = checks.real("mean", encoding.mean, "... N K"), checks.real("std", encoding.std, "... N K")
    if mean.shape != std.shape:
        raise InvalidInput(f"std: got shape {tuple(std.shape)}, expected {tuple(mean.shape)} like the mean.")
    if not (std > 0).all():
        raise InvalidInput(f"std: got {std.min().item():.4g}, expected > 0: without noise the rate is infinite.")
    found = rates(mean, std).mean(-1)
    if not torch.isfinite(found).all():
        raise InvalidInput(f"mean: got values so large that the rate is no finite {found.dtype}; pass float64.")
    return found


def rates(mean: Tensor, std: Tensor) -> Tensor:
    """Of each example, (..., N): the unchecked inner function of `rate`."""
    return 0.5 * (mean.square() + std.square() - 1 - 2 * std.log()).sum(-1)


class Variational(nn.Module):
    """x → μ(x), σ(x) → z = μ + σ ε → logits of q(y|z), with ε ~ N(0, I).

    Args:
        inputs: the number of values of one image.
        classes: C ≥ 2.
        latent_dimension: K ≥ 1.
        hidden: widths of the hidden layers.

    >>> network = Variational(784, classes=10, latent_dimension=256, hidden=(1024, 1024))
    >>> network.encode(torch.zeros(5, 1, 28, 28)).std.shape
    torch.Size([5, 256])
    """

    def __init__(self, inputs: int, classes: int, latent_dimension: int = 256, hidden: tuple[int, ...] = (1024, 1024)):
        super().__init__()
        latent_dimension = checks.whole("latent_dimension", latent_dimension)
        widths = [checks.whole("hidden", width) for width in checks.several("hidden", hidden)]
        widths.insert(0, checks.whole("inputs", inputs))
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.encoder = nn.Sequential(*layers, nn.Linear(widths[-1], 2 * latent_dimension))
        self.decoder = nn.Linear(latent_dimension, checks.whole("classes", classes, minimum=2))

    def encode(self, images: Tensor) -> Encoding:
        """Mean and standard deviation of p(z|x), (N, K) each; σ = softplus(· − 5) starts near 0.007."""
        mean, raw = self.encoder(images).float().chunk(2, -1)  # whatever precision the products were in
        # Not below the smallest normal number, whose logarithm is finite.
        return Encoding(mean, F.softplus(raw - 5).clamp_min(torch.finfo(raw.dtype).tiny))

    def decode(self, encoding: Encoding) -> Tensor:
        """Logits (N, C) of one draw of z for each input."""
        return self.decoder(torch.addcmul(encoding.mean, encoding.std, torch.randn_like(encoding.mean)))

    def forward(self, images: Tensor) -> tuple[Encoding, Tensor]:
        """The encoding, and the logits of one draw of z."""
        encoding = self.encode(images)
        return encoding, self.decode(encoding)
