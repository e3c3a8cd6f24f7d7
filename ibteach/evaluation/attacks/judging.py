"""What every attack is judged by: pixels for all networks at once, in blocks, and which answers to them are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach.data.datasets import Dataset
from ibteach.evaluation.attacks.ascent import log_odds
from ibteach.evaluation.prediction import Prediction, finite

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

VALUES = 2_000_000
"""About how many pixels are attacked at once, counted once for each network."""


def blocks(judge: Prediction, data: Dataset, count: int) -> list[slice]:
    """Slices of `count` images that are attacked at once."""
    at_once = max(1, VALUES // data.test_images[0].numel())
    return [slice(block.start, min(block.stop, count)) for block in judge.blocks(count, at_once)]


def images_of(judge: Prediction, data: Dataset, block: slice) -> tuple[Float[Tensor, "M N c h w"], Int[Tensor, " N"]]:
    """Pixels for every network, (M, N, C, H, W), and labels (N,)."""
    return judge.pixels(data.test_images[block]).expand(len(judge), *[-1] * 4), data.test_labels[block]


def errs(judge: Prediction, pixels: Float[Tensor, "M N c h w"], labels: Int[Tensor, " N"]) -> Bool[Tensor, "M N"]:
    """About which images each network errs, (M, N), on the CPU; raises `InvalidInput` where it has no finite answer."""
    with torch.no_grad():
        return (finite(judge(pixels)).argmax(-1) != labels.to(pixels.device)).cpu()


def without_gradient(
    judge: Prediction, pixels: Float[Tensor, "M N c h w"], labels: Int[Tensor, " N"]
) -> Bool[Tensor, "M N"]:
    """At which images the gradient of what an attack climbs is zero, (M, N)."""
    images = pixels.detach().clone().requires_grad_()
    loss = log_odds(judge(images), labels.to(pixels.device).expand(len(judge), -1))
    (gradient,) = torch.autograd.grad(loss.sum(), images)
    return (gradient == 0).flatten(2).all(-1).cpu()
