"""How far a change may reach: all images within ε of one, in a norm, that are images still.

Every attack that climbs needs three things of it: the nearest point inside, the direction in which a step of a given
length climbs most, and a place to begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

NORMS = {"linf": "L∞", "l2": "L2"}
TINY = torch.finfo(torch.float32).tiny  # instead of 0 in a denominator


@dataclass(frozen=True)
class Ball:
    """What lies within `epsilon` of an image in `norm`, pixels in [0, 1]. Images are (M, N, C, H, W).

    >>> start = torch.full((1, 1, 1, 1, 2), 0.5)
    >>> Ball("linf", 0.25).nearest(start, start + torch.tensor([1.0, -0.125])).flatten()
    tensor([0.7500, 0.3750])
    """

    norm: str
    epsilon: float

    def nearest(
        self, start: Float[Tensor, "*batch c h w"], images: Float[Tensor, "*batch c h w"]
    ) -> Float[Tensor, "*batch c h w"]:
        """The images, each moved to the nearest point within reach of `start`, and then into [0, 1]."""
        if self.norm == "linf":
            return images.clamp(start - self.epsilon, start + self.epsilon).clamp(0, 1)
        change = images - start
        beyond = length(change).clamp_min(self.epsilon or TINY)
        return (start + change * (self.epsilon / beyond)).clamp(0, 1)

    def steepest(self, gradient: Float[Tensor, "*batch c h w"]) -> Float[Tensor, "*batch c h w"]:
        """The change of length 1 that climbs most: the sign of the gradient, or the gradient at length 1."""
        if self.norm == "linf":
            return gradient.sign()
        gradient = gradient / gradient.abs().amax((-3, -2, -1), keepdim=True).clamp_min(TINY)  # or squares overflow
        return gradient / length(gradient).clamp_min(TINY)

    def anywhere(self, shape: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, "*batch c h w"]:
        """Changes of this shape, uniform within reach of 0."""
        if self.norm == "linf":
            return self.epsilon * (2 * torch.rand(shape, generator=generator) - 1)
        drawn, dimensions = torch.randn(shape, generator=generator), shape[-3] * shape[-2] * shape[-1]
        reach = torch.rand((*shape[:-3], 1, 1, 1), generator=generator) ** (1 / dimensions)
        return self.epsilon * reach * drawn / length(drawn)


def length(change: Float[Tensor, "*batch c h w"]) -> Float[Tensor, "*batch 1 1 1"]:
    """The root of the sum of squares of each image, (…, 1, 1, 1)."""
    return torch.linalg.vector_norm(change, dim=(-3, -2, -1), keepdim=True)
