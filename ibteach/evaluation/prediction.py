"""A trained network as it is used: its prediction averaged over the noise, as a function of the pixels.

In training each example meets one draw of the noise. What a network says about an image is the mean over draws,
(1/S) Σ_s q(y | f(x) + ε_s), and that is the function that is attacked (`attacks`), whose confidence is compared with
its accuracy (`calibration`), and that may or may not notice a foreign image (`ood`). The noise is added behind
the encoder, so that any number of draws costs one pass through it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_images
from ibteach.errors import InvalidInput
from ibteach.information.continuous import zero_entropy_noise
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.precision import exactly
from ibteach.training.devices import memory_format

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Float64, UInt8

BEYOND = 1e-5
"""Pixels may lie so far outside [0, 1], by rounding."""

SAMPLES = 64
"""Draws of the noise behind a prediction where nothing else is said."""


def paired_draws(samples: int, dimension: int, seed: int = 0) -> Float32[Tensor, "S K"]:
    """Zero-entropy noise (S, K) in pairs ε, −ε, so that in a mean over draws all that is odd in the noise cancels.

    >>> paired_draws(64, 2).sum(0)
    tensor([0., 0.])
    """
    samples, dimension = checks.whole("samples", samples), checks.whole("dimension", dimension)
    checks.memory("samples", samples * dimension * 4)
    generator = seeds.generator(checks.seed("seed", seed), "predicted noise")
    drawn = zero_entropy_noise(((samples + 1) // 2, dimension), generator)
    return torch.stack([drawn, -drawn], 1).flatten(0, 1)[:samples]


class Prediction(nn.Module):
    """x in [0, 1] → ln (1/S) Σ_s q(y | f(x) + ε_s): one differentiable, deterministic function for each network.

    The S draws (`paired_draws`) are fixed by the seed and the same for every image. It works on a copy in evaluation
    mode (no dropout, running statistics of batch normalisation) whose parameters take no gradient: the networks given
    are left as they are.

    Args:
        networks: a `Bottleneck` (M = 1) or an `Ensemble` of M.
        data: what they were trained on; it says how pixels are normalised. Pixels are counted as shares of the
            largest value among its images, `levels` (255 of most, 16 of the 8×8 digits).
        samples, seed: number and origin of the draws.
        noise: False for networks that were trained without.

    Called on pixels (N, C, H, W) or (M, N, C, H, W), it returns log-probabilities (M, N, C), nats.
    Raises `InvalidInput` for networks that do not take the images of `data`, or have parameters that are no finite
    numbers; and, called, for what are no pixels, such as the images as bytes.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits = load("digits")
    >>> predict = Prediction(mlp(digits.shape, classes=10), digits)
    >>> predict(predict.pixels(digits.test_images[:5])).shape
    torch.Size([1, 5, 10])
    """

    def __init__(
        self,
        networks: Bottleneck | Ensemble,
        data: Dataset,
        *,
        samples: int = SAMPLES,
        seed: int = 0,
        noise: bool = True,
    ):
        super().__init__()
        draws = paired_draws(samples, getattr(networks, "latent_dimension", 1), seed)
        if not isinstance(networks, Bottleneck | Ensemble) or not isinstance(data, Dataset):
            came = f"{type(networks).__name__} and {type(data).__name__}"
            raise InvalidInput(f"networks, data: got {came}, expected what training.build and data.load return.")
        if networks.classes != len(data.classes):
            raise InvalidInput(f"networks: got {networks.classes} classes, expected the {len(data.classes)} of {data}.")
        checks.finite_parameters("networks", networks)
        noise = checks.flag("noise", noise)
        self.networks = copy.deepcopy(networks).requires_grad_(False)
        self.networks.to(memory_format=memory_format(networks))
        self.networks.low_precision = None
        self.levels = float(max(data.train_images.max(), data.test_images.max()))
        self.eval()

        device = self.networks.decoders[0].device
        self.draws = (draws if noise else torch.zeros_like(draws[:1])).to(device)
        self.mean, self.std = (one.to(device)[:, None, None] for one in (data.mean, data.std))
        try:
            self.latents(self.pixels(data.test_images[:1]))
        except RuntimeError as error:
            raise InvalidInput(f"networks: do not take images of shape {data.shape} ({error}).") from error

    def __len__(self) -> int:
        """M."""
        return len(self.networks) if isinstance(self.networks, Ensemble) else 1

    def pixels(self, images: UInt8[Tensor, "N channels height width"]) -> Float32[Tensor, "N channels height width"]:
        """Images as bytes (N, C, H, W) → pixels in [0, 1], on the device of the networks.

        Raises `InvalidInput` for other images: of floats, or brighter than all images of the data.
        """
        check_images("images", images)
        if (brightest := int(images.max())) > self.levels:
            raise InvalidInput(
                f"images: got values up to {brightest}, expected at most {self.levels:g}, the largest of the images "
                "that the networks were trained on; bring them to the same scale."
            )
        return images.to(self.draws.device, torch.float32) / self.levels

    def latents(self, pixels: Float[Tensor, "*networks N channels height width"]) -> Float[Tensor, "M N K"]:
        """Noiseless latents f(x), (M, N, K)."""
        inputs = ((pixels.to(self.mean) * self.levels - self.mean) / self.std).to(self.networks.decoders[0])
        silence = self.draws.new_zeros(1, self.draws.shape[1])
        if isinstance(self.networks, Ensemble):
            return self.networks(inputs, silence.expand(*inputs.shape[:-3], -1))[0]
        return self.networks(inputs.flatten(0, -4), silence)[0][None]

    def forward(self, pixels: Float[Tensor, "*networks N channels height width"]) -> Float[Tensor, "M N C"]:
        checks.real("pixels", pixels, "... N C H W")
        low, high = pixels.detach().aminmax()
        if low < -BEYOND or high > 1 + BEYOND:
            raise InvalidInput(
                f"pixels: got values from {low:.4g} to {high:.4g}, expected shares of the largest value, in [0, 1]; "
                "Prediction.pixels makes them of images as bytes."
            )
        weight, bias = self.networks.decoders
        # All draws at once: Σ_s q(y|z_s) = e^{l_y} Σ_s e^{j_sy} / Σ_c e^{l_c} e^{j_sc}, two matrix products, with the
        # logits l (M, N, C) without noise and what a draw adds to them, j (M, S, C). Each shifted to at most 0.
        weight, bias = exactly(weight), exactly(bias)
        logits = exactly(self.latents(pixels)) @ weight.mT + bias[:, None]
        logits = logits - logits.amax(-1, keepdim=True)
        jitter = exactly(self.draws) @ weight.mT
        jitter = jitter - jitter.amax(-1, keepdim=True)
        least = math.log(torch.finfo(jitter.dtype).tiny) / 2  # −354: less would overflow in the gradient
        if jitter.amin() < least:  # of decoders that have grown beyond measure: draw by draw, in logarithms
            each = [(logits + drawn[:, None]).log_softmax(-1) for drawn in jitter.unbind(1)]
            return (torch.stack(each).logsumexp(0) - math.log(len(each))).to(pixels)
        jitter = jitter.exp()
        evidence = logits.exp() @ jitter.mT  # (M, N, S)
        return (logits + (evidence.reciprocal() @ jitter / len(self.draws)).log()).to(pixels)

    def of_first(self, draws: int) -> Prediction:
        """The same prediction from the first draws alone, at least one; it shares the networks."""
        draws = checks.whole("draws", draws, maximum=len(self.draws))
        fewer = copy.copy(self)
        fewer.draws = self.draws[:draws]
        return fewer

    def blocks(self, count: int, largest: int = 2000) -> Iterator[slice]:
        """Slices of `count` images that keep memory flat: at most `largest` images, counted once for each network."""
        size = max(1, largest // len(self))
        return (slice(start, start + size) for start in range(0, count, size))


@torch.no_grad()
def probabilities(
    networks: Bottleneck | Ensemble, data: Dataset, images: UInt8[Tensor, "N channels height width"], **options: Any
) -> Float64[Tensor, "M N C"]:
    """q(y|x) = (1/S) Σ_s q(y | f(x) + ε_s) for images as bytes (N, C, H, W): (M, N, C), float64.

    `options` and what is raised: `Prediction`; `InvalidInput` also where the networks answer with no finite number.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits = load("digits")
    >>> probabilities(mlp(digits.shape, classes=10), digits, digits.test_images).shape
    torch.Size([1, 500, 10])
    """
    check_images("images", images)
    predict = Prediction(networks, data, **options)
    found = [predict(predict.pixels(images[block])) for block in predict.blocks(len(images))]
    log_q = finite(torch.cat(found, 1)).cpu().double()
    return log_q.softmax(-1)  # of logarithms that sum to 1 but for rounding


def finite(log_q: Float[Tensor, "M N C"]) -> Float[Tensor, "M N C"]:
    """The same; raises `InvalidInput` where networks answered with no finite number."""
    if not torch.isfinite(log_q).all():
        raise InvalidInput("networks: answer with NaN or infinity to these images; train them again.")
    return log_q
