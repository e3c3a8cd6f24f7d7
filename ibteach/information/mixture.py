"""Measuring a network with zero-entropy noise: its noisy latent is a Gaussian mixture that we know.

On N inputs, Z = f(x) + ε is a mixture of N Gaussians with known centres, so no density has to be estimated: an entropy
is an average of −ln of that mixture, by Monte Carlo, without bias and with a standard error. The price is one matrix
product of N × N per noise draw, done in blocks. The values are exact for the N inputs at hand, where I[X;Z] ≤ ln N
whatever the network; `population` says what follows for inputs not seen. Builds on `continuous`; where the density is
not known there is only `estimators`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.special import stdtrit
from torch import Tensor

from ibteach import checks, seeds
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int

LARGEST_VARIANCE = 1e300
"""Of the noise: the square of a draw of any dimension is finite then."""

ROUNDING = 1e-6
"""Nats that an exponent may be off by before distances are taken from differences instead of a matrix product."""

LOST = 1e-4
"""Of the noise's standard deviation: beside latents whose rounding is more, the noise is lost."""

ESTIMATES = (
    "latent_entropy",
    "reverse_decoder_uncertainty",
    "preserved_information",
    "redundant_information",
    "preserved_relevant_information",
    "decoder_uncertainty",
)
"""The quantities of a `Measurement`."""


class Estimate(NamedTuple):
    """A value and its standard error, in nats, both of the same shape."""

    value: Float64[Tensor, "*batch"]
    standard_error: Float64[Tensor, "*batch"]


class Bounds(NamedTuple):
    """A lower and an upper bound on the same quantity, in nats, both of the same shape."""

    lower: Float64[Tensor, "*batch"]
    upper: Float64[Tensor, "*batch"]


@dataclass(frozen=True)
class Measurement:
    """The information quantities of one or many networks on N inputs: each an `Estimate` in nats, (...), float64.

    Exact for these inputs, each of probability 1/N; the standard errors are those of the noise draws alone. They are
    too small where few draws decide: with few inputs, and where classes (or inputs) are so rarely taken for another
    that no draw happened to be. `interval` holds then too.
    """

    latent_entropy: Estimate  # H[Z]
    reverse_decoder_uncertainty: Estimate  # H[Z|Y]
    preserved_information: Estimate  # I[X;Z] = H[Z] − H[ε], and H[ε] = 0 for zero-entropy noise
    redundant_information: Estimate  # I[X;Z|Y] = H[Z|Y] − H[ε]
    preserved_relevant_information: Estimate  # I[Y;Z]
    decoder_uncertainty: Estimate  # H[Y|Z]
    label_entropy: float  # H[Y] of the labels given: no network's I[Y;Z] is larger
    ceiling: float  # ln N: no network's I[X;Z] on N inputs is larger
    inputs: int  # N
    samples: int  # noise draws of each
    classes: int  # labels that occur

    def interval(self, quantity: str, level: float = 0.95) -> Bounds:
        """Bounds between which the exact value lies with a probability of at least `level`, whatever is rare.

        Each quantity is a constant plus or minus the mean of n = N · samples draws of X = −ln p(y|z) ≥ 0, or the same
        of inputs, of which E e^X is at most the number of labels, or of inputs. So what is too rare to have been drawn,
        of probability p = ln(2/(1−level)) / n, adds at most p ln(E e^X / p) to E X; of what was drawn, Student's t says
        how far the mean may be off. Where nothing is rare, it is wider than the standard error says: it has no way of
        knowing.

        Raises `UnknownName` for what is not measured, `InvalidInput` for a level outside of (0, 1).

        >>> apart = torch.tensor([[0.0], [1.5]])  # two inputs that are seldom taken for each other
        >>> found = measure(apart, torch.tensor([0, 1]))
        >>> low, high = found.interval("decoder_uncertainty")
        >>> round(low.item(), 3), found.decoder_uncertainty.value.item() < 0.003 < 0.1 < high.item()
        (0.0, True)
        """
        found = getattr(self, checks.known("quantity", quantity, ESTIMATES))
        failing = (1 - checks.number("level", level, above=0, below=1)) / 2  # once by t, once by what is rare
        draws = self.inputs * self.samples
        off = stdtrit(self.inputs * (self.samples - 1), 1 - failing / 2) * found.standard_error
        rare = min(1.0, -math.log(failing) / draws)
        of_labels = quantity in ("decoder_uncertainty", "preserved_relevant_information")
        unseen = rare * math.log(max(math.e, (self.classes if of_labels else self.inputs) / rare))
        if quantity == "decoder_uncertainty":
            return Bounds((found.value - off).clamp_min(0), found.value + off + unseen)
        return Bounds(found.value - off - unseen, found.value + off)


def measure(
    latents: Float[Tensor, "*batch N K"],
    labels: Int[Tensor, " N"],
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    *,
    samples: int = 2,
    seed: int = 0,
    block: int | None = None,
    stochastic: bool = False,
) -> Measurement:
    """H[Z], H[Z|Y], I[X;Z], I[X;Z|Y], I[Y;Z] and H[Y|Z] of Z = f(X) + ε, by Monte Carlo without bias.

    I[X;Z] = ln N − E ln Σ_j exp( (‖ε‖² − ‖z − f(x_j)‖²) / 2σ² ) with z = f(x_i) + ε, every input drawn equally often,
    and the same within each class; H[Z] = I[X;Z] + H[ε] (zero-entropy noise, where H[ε] = 0: Kirsch et al. 2020).

    Args:
        latents: noiseless f(x), (..., N, K). Leading axes are networks, measured in one call under the same noise.
        labels: (N,), integers >= 0, shared by the ensemble. Labels that never occur do not count.
        noise_variance: σ² > 0 of every unit.
        samples: noise draws per input, at least 2: the standard error is computed from their spread.
        seed: of the noise, which is drawn on the CPU, so that CPU and GPU agree.
        block: inputs per block; by default as many as keep memory flat.
        stochastic: True if f itself is random (dropout).

    Raises `InvalidInput` where the measure is not exact, that is for σ² = 0 (I[X;Z] is infinite) and a stochastic f;
    and for NaN, latents so large that the noise is lost beside them, or labels of the wrong shape, device or value.

    >>> latents, labels = torch.tensor([[0.0], [0.0], [9.0], [9.0]]), torch.tensor([0, 0, 1, 1])
    >>> found = measure(latents, labels)  # two far clusters of inputs that are encoded alike
    >>> round(found.preserved_information.value.item(), 4), round(found.decoder_uncertainty.value.item(), 4)
    (0.6931, 0.0)
    """
    samples, seed = checks.whole("samples", samples, minimum=2), checks.seed("seed", seed)
    checks.real("latents", latents, "... N K")
    _check_labels(labels, latents)
    if stochastic:
        raise InvalidInput(
            "stochastic: got True, but under dropout the latent is no mixture of N known Gaussians; "
            "measure the network with its dropout switched off."
        )
    by_class = latents[..., labels.argsort(stable=True), :]  # so that each class is a slice
    mixture = Mixture(by_class, noise_variance, block)
    sizes = labels.unique(return_counts=True)[1].cpu()
    stops = sizes.cumsum(0).tolist()
    classes = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]

    whole = mixture.centres.new_empty(samples, *latents.shape[:-1])
    within = torch.empty_like(whole)
    for draw, own, rows, exponents in mixture.walk(
        mixture.centres, seeds.generator(seed, "mixture noise"), samples, classes
    ):
        whole[draw, ..., rows] = log_sum_exp(exponents)
        within[draw, ..., rows] = log_sum_exp(exponents[..., own])

    ceiling = math.log(latents.shape[-2])
    log_size = sizes.double().log().repeat_interleave(sizes).to(whole)
    label_entropy = ceiling - log_size.mean().item()
    preserved, redundant = ceiling - whole, log_size - within
    uncertain = (whole - within).clamp_min(0)  # −ln p(y|z), but for rounding
    return Measurement(
        latent_entropy=_estimate(preserved + mixture.floor),
        reverse_decoder_uncertainty=_estimate(redundant + mixture.floor),
        preserved_information=_estimate(preserved),
        redundant_information=_estimate(redundant),
        preserved_relevant_information=_estimate(label_entropy - uncertain),
        decoder_uncertainty=_estimate(uncertain),
        label_entropy=label_entropy,
        ceiling=ceiling,
        inputs=latents.shape[-2],
        samples=samples,
        classes=len(classes),
    )


def pairwise_bounds(
    latents: Float[Tensor, "*batch N K"], noise_variance: float = ZERO_ENTROPY_VARIANCE, *, block: int | None = None
) -> Bounds:
    """Bounds on H[Z] of the mixture on N inputs from the distances between its centres alone: no noise is drawn.

    H[ε] − (1/N) Σ_i ln (1/N) Σ_j exp(−D_ij): lower with the Bhattacharyya distance D_ij = ‖f_i − f_j‖²/8σ² of two of
    its Gaussians, upper with their KL ‖f_i − f_j‖²/2σ² (Kolchinsky & Tracey 2017).

    `latents`: noiseless, (..., N, K); bounds (...). Other arguments and errors: `measure`.

    >>> [bound.item() for bound in pairwise_bounds(torch.ones(4, 2))]
    [0.0, 0.0]
    """
    mixture = Mixture(latents, noise_variance, block)

    def entropy(precision: float) -> Float64[Tensor, "*batch"]:
        log_sums = mixture.centres.new_empty(latents.shape[:-1])
        for rows in mixture.blocks(slice(0, latents.shape[-2])):
            origins = mixture.centres[..., rows, :]
            exponents = mixture.exponents(origins, torch.zeros_like(origins))
            log_sums[..., rows] = log_sum_exp(precision * exponents)
        return mixture.floor + math.log(latents.shape[-2]) - log_sums.mean(-1)

    return Bounds(lower=entropy(1 / 4), upper=entropy(1))


class Mixture:
    """The mixture of N Gaussians that noisy latents are, evaluated in float64 and in blocks.

    `latents`: noiseless, (..., N, K); `noise_variance`: σ² > 0; `block`: rows at a time. Raises as `measure` does.
    """

    def __init__(self, latents: Float[Tensor, "*batch N K"], noise_variance: float, block: int | None = None):
        checks.real("latents", latents, "... N K")
        if checks.number("noise_variance", noise_variance, minimum=0, maximum=LARGEST_VARIANCE) == 0:
            raise InvalidInput("noise_variance: got 0, expected > 0: without noise I[X;Z] is infinite or ln N.")
        latents = exactly(latents.detach())
        noise_variance = float(noise_variance)
        *batch, count, dimension = latents.shape
        elements = 2**26 if latents.is_cuda else 2**22  # of one block of exponents: 512 MiB, 32 MiB
        automatic = max(1, elements // (count * math.prod(batch)))
        self.block = automatic if block is None else checks.whole("block", block)
        self.half_precision = 0.5 / noise_variance
        self.floor = 0.5 * dimension * (math.log(noise_variance) - math.log(ZERO_ENTROPY_VARIANCE))  # H[ε]
        # Only differences matter, and centring keeps the cancellation in ‖z‖² + ‖f‖² − 2z·f small.
        self.mean = latents.mean(-2, keepdim=True)
        self.centres = latents - self.mean
        squares = self.centres.square().sum(-1, keepdim=True)
        self.reach = squares.max().item()
        self.augmented = torch.cat(
            [self.centres, torch.ones_like(squares), -self.half_precision * squares], -1
        )  # so that one product with (2πe·z, …, 1) gives whole exponents

    def walk(
        self,
        origins: Float64[Tensor, "*batch N K"],
        generator: torch.Generator,
        samples: int,
        spans: Sequence[slice] | None = None,
    ) -> Iterator[tuple[int, slice, slice, Tensor]]:
        """Every (draw, span, rows of it, exponents (..., rows, N)) at noisy `origins`, which are centred as we are."""
        for draw in range(samples):
            noise = torch.randn(origins.shape[-2:], dtype=torch.float64, generator=generator)
            noise = (noise / math.sqrt(2 * self.half_precision)).to(origins.device)
            for span in spans or [slice(0, origins.shape[-2])]:
                for rows in self.blocks(span):
                    yield draw, span, rows, self.exponents(origins[..., rows, :], noise[rows])

    def blocks(self, span: slice) -> Iterator[slice]:
        for start in range(span.start, span.stop, self.block):
            yield slice(start, min(start + self.block, span.stop))

    def exponents(
        self, origins: Float64[Tensor, "*batch rows K"], noise: Float64[Tensor, "*#batch rows K"]
    ) -> Float64[Tensor, "*batch rows N"]:
        """(‖ε‖² − ‖o_i + ε_i − f_j‖²) / 2σ², (..., rows, N): 0 for a point's own centre."""
        points, half = origins + noise, self.half_precision
        reach = max(self.reach, origins.square().sum(-1).max().item())
        precision = torch.finfo(torch.float64).eps
        if precision * math.sqrt(reach * 2 * half) > LOST:
            raise InvalidInput(
                f"latents: got values up to {math.sqrt(reach):.3g} from their mean, beside which noise of standard "
                f"deviation {math.sqrt(0.5 / half):.3g} is lost in float64; look for what lets them grow."
            )
        if 16 * precision * half * reach > ROUNDING:
            distances = torch.cdist(points, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
            return half * (noise.square().sum(-1, keepdim=True) - distances.square())
        of_point = -half * (origins * (points + noise)).sum(-1, keepdim=True)  # (‖ε‖² − ‖z‖²) / 2σ²
        return torch.cat([2 * half * points, of_point, torch.ones_like(of_point)], -1) @ self.augmented.mT


def log_sum_exp(exponents: Float[Tensor, "*batch N"]) -> Float[Tensor, "*batch"]:
    """ln Σ_j exp, over the last axis. exp is several times slower where it underflows, so none is let that far."""
    largest = exponents.amax(-1, keepdim=True)
    return (exponents - largest).clamp_(min=-500).exp_().sum(-1).log_().add_(largest[..., 0])


def _estimate(draws: Float64[Tensor, "S ... N"]) -> Estimate:
    """The mean of (S, ..., N) over draws and inputs; the inputs are all there, so only the draws are uncertain."""
    samples, count = draws.shape[0], draws.shape[-1]
    return Estimate(draws.mean((0, -1)), (draws.var(0).mean(-1) / (samples * count)).sqrt())


def _check_labels(labels: Int[Tensor, " N"], latents: Float[Tensor, "... N K"]) -> None:
    checks.labels("labels", labels, "N")
    if labels.shape != latents.shape[-2:-1] or labels.device != latents.device:
        raise InvalidInput(
            f"labels: got shape {tuple(labels.shape)} on {labels.device}, expected one for each of the "
            f"{latents.shape[-2]} latents, on {latents.device}."
        )
