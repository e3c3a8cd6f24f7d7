"""From N inputs to all of them: what a sample's mixture says about the population's entropy.

`mixture` is exact for the inputs at hand and stops at ln N; the population's H[Z] is another question. The mixture of N
inputs has too low an entropy on average, because entropy is concave; as a model of inputs it has not seen it has too
high a cross-entropy, because that exceeds H[Z] by a KL divergence. Between them lies the truth, found without a density
estimator. The bracket closes as N grows; where it stays wide (high dimension, little compression), N inputs do not
determine H[Z]. Builds on `mixture` and `continuous`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks, seeds
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, gaussian_cross_entropy
from ibteach.information.mixture import Estimate, Mixture, log_sum_exp
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

FOLDS = 5


@dataclass(frozen=True)
class Bracket:
    """Bounds, in expectation, on the H[Z] of a population; each an `Estimate` in nats, (...), float64.

    The standard errors count which inputs were evaluated and their noise, with the mixture or Gaussian held fixed.
    """

    lower: Estimate  # entropy of the mixture of the N inputs
    mixture_upper: Estimate  # cross-entropy of that mixture at inputs it was not built from
    gaussian_upper: Estimate  # cross-entropy, at such inputs, of a Gaussian fitted to the others

    @property
    def upper(self) -> Estimate:
        """The smaller of the two upper bounds."""
        mixture, gaussian = self.mixture_upper, self.gaussian_upper
        pairs = zip(mixture, gaussian, strict=True)
        return Estimate(*(torch.where(mixture.value <= gaussian.value, *pair) for pair in pairs))


def population_bracket(
    latents: Float[Tensor, "*batch N K"],
    held_out: Float[Tensor, "*batch M K"] | None = None,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    *,
    samples: int = 1,
    seed: int = 0,
    block: int | None = None,
) -> Bracket:
    """Bounds on the H[Z] of the population that the inputs were drawn from independently, Z = f(X) + ε.

    Lower: H of the mixture of the N latents. Upper: −E ln of its density at noisy latents of other inputs, and the same
    for a Gaussian. The order lower ≤ H[Z] ≤ upper is that of expectations over the draw of the inputs, and f must not
    depend on it: inputs that a network was trained on are no such draw.

    Args:
        latents: noiseless f(x), (..., N, K), N >= 2. Leading axes are networks.
        held_out: (..., M, K), other inputs of the same population. Without it each input is left out in turn from the
            mixture of the others, and a fifth of them at a time from the Gaussian.
        noise_variance, seed, block: as in `mixture.measure`; `samples`: noise draws per input, at least 1.

    Raises `InvalidInput` for N = 1, σ² = 0, NaN, or held-out latents of another shape or device.

    >>> latents = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
    >>> bracket = population_bracket(latents)
    >>> bracket.lower.value - 0.05 < 0.5 * math.log(1 / ZERO_ENTROPY_VARIANCE + 1) < bracket.upper.value + 0.05
    tensor(True)
    """
    samples, seed = checks.whole("samples", samples), checks.seed("seed", seed)
    mixture = Mixture(latents, noise_variance, block)
    count = latents.shape[-2]
    if count < 2:
        raise InvalidInput("latents: got 1 input, expected at least 2: one has to be left out.")
    if held_out is not None:
        _check_held_out(held_out, latents)

    own = mixture.centres.new_empty(samples, *latents.shape[:-1])
    others = torch.empty_like(own)
    for draw, _, rows, exponents in mixture.walk(mixture.centres, seeds.generator(seed, "mixture noise"), samples):
        own[draw, ..., rows] = log_sum_exp(exponents)
        if held_out is None:
            exponents.diagonal(rows.start, -2, -1).fill_(-math.inf)
            others[draw, ..., rows] = log_sum_exp(exponents)
    components = count - 1 if held_out is None else count
    if held_out is None:
        fold = torch.arange(count, device=latents.device) % FOLDS
        gaussian = [
            gaussian_cross_entropy(latents[..., fold != left_out, :], latents[..., fold == left_out, :], noise_variance)
            for left_out in range(min(FOLDS, count))
        ]
    else:
        origins = exactly(held_out.detach()) - mixture.mean
        others = own.new_empty(samples, *held_out.shape[:-1])
        for draw, _, rows, exponents in mixture.walk(origins, seeds.generator(seed, "held-out noise"), samples):
            others[draw, ..., rows] = log_sum_exp(exponents)
        gaussian = [gaussian_cross_entropy(latents, held_out, noise_variance)]
    return Bracket(
        lower=_over_inputs(mixture.floor + math.log(count) - own.mean(0)),
        mixture_upper=_over_inputs(mixture.floor + math.log(components) - others.mean(0)),
        gaussian_upper=_over_inputs(torch.cat(gaussian, -1)),
    )


def _over_inputs(each: Float64[Tensor, "*batch N"]) -> Estimate:
    """The mean of (..., N) over inputs, which are a sample of the population."""
    return Estimate(each.mean(-1), each.std(-1, correction=0) / math.sqrt(each.shape[-1]))


def _check_held_out(held_out: Float[Tensor, "*batch M K"], latents: Float[Tensor, "*batch N K"]) -> None:
    checks.real("held_out", held_out, "... M K")
    batch, dimension = latents.shape[:-2], latents.shape[-1]
    if held_out.shape[:-2] != batch or held_out.shape[-1] != dimension or held_out.device != latents.device:
        raise InvalidInput(
            f"held_out: got shape {tuple(held_out.shape)} on {held_out.device}, expected "
            f"({', '.join(map(str, [*batch, 'M', dimension]))}) on {latents.device}."
        )
