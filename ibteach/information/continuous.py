"""Entropies of continuous latents: Gaussians in closed form, and the noise whose entropy is zero.

A differential entropy has no floor: scaling a latent by a < 1 lowers it without end while nothing about the label is
lost. Adding Gaussian noise of variance 1/(2πe) to every unit puts the floor at exactly 0 nats, because that noise has
entropy 0 and H[Z + ε] ≥ H[ε]. Everything a network is regularised with later is an upper bound on an entropy of such
noisy latents, and a Gaussian has the largest entropy of all at a given covariance: hence the closed forms here. The
bounds take the latents *before* the noise and add its variance analytically, so they are exact, differentiable and
regular even where a covariance is rank-deficient. What is in half precision is taken as float32, and what no number of
the result's precision can say is an error. Builds on nothing; `mixture` measures what these only bound.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

TWO_PI_E = 2 * math.pi * math.e
"""2πe, about 17.08: a Gaussian of variance v has entropy ½ ln(TWO_PI_E·v)."""

ZERO_ENTROPY_VARIANCE = 1 / TWO_PI_E
"""The variance at which a Gaussian has differential entropy 0, about 0.0585."""


def zero_entropy_noise(
    like: Tensor | Sequence[int] | int, generator: torch.Generator | None = None
) -> Float[Tensor, "*batch"]:
    """Gaussian noise with differential entropy 0 in every unit, ε ~ N(0, I/TWO_PI_E).

    For a deterministic encoder Z = f(X) + ε it makes H[Z|X] = 0, so that I[X;Z] = H[Z] ≥ 0 and H[Z|Y] ≥ 0
    (Kirsch et al. 2020).

    `like`: a floating-point tensor (its shape, dtype and device are used) or a shape, such as ``(N, K)``.
    `generator`: a `torch.Generator` on that device. Raises `InvalidInput` for anything else, and beyond all
    memory.

    >>> noise = zero_entropy_noise((100_000,), torch.Generator().manual_seed(0))
    >>> abs(diagonal_entropy(noise.var().reshape(1)).item()) < 0.01
    True
    """
    if isinstance(like, Tensor):
        if not like.is_floating_point():
            raise InvalidInput(f"like: got dtype {like.dtype}, expected a floating-point tensor or a shape.")
        normal = torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)
    else:
        sizes = like if isinstance(like, Iterable) else [like]
        shape = [checks.whole("like", size, minimum=0) for size in sizes]
        checks.memory("like", 4 * math.prod(map(float, shape)))
        normal = torch.randn(shape, generator=generator, device=generator.device if generator else None)
    return normal * math.sqrt(ZERO_ENTROPY_VARIANCE)


def gaussian_entropy(covariance: Float[Tensor, "*batch K K"]) -> Float[Tensor, "*batch"]:
    """Differential entropy of a Gaussian, ½ ln det(TWO_PI_E·Σ), in nats.

    `covariance`: (..., K, K), symmetric positive definite; result (...).
    Raises `InvalidInput` if a covariance is not symmetric and positive definite; `log_det_bound` of noisy latents never
    fails so.

    >>> gaussian_entropy(torch.eye(3) / TWO_PI_E).item()
    0.0
    """
    factor = _cholesky("covariance", _real("covariance", covariance, "... K K"))
    return 0.5 * (covariance.shape[-1] * math.log(TWO_PI_E) + _log_det(factor))


def diagonal_entropy(variances: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
    """Differential entropy of a Gaussian with independent units, Σ_i ½ ln(TWO_PI_E·v_i), in nats.

    `variances`: (..., K), all positive; result (...). Raises `InvalidInput` if one is not.

    >>> round(diagonal_entropy(torch.tensor([1.0, 1.0])).item(), 4)
    2.8379
    """
    return 0.5 * (math.log(TWO_PI_E) + _positive("variances", variances, "... K").log()).sum(-1)


def isotropic_entropy(variance: Float[Tensor, "*batch"], dimension: int) -> Float[Tensor, "*batch"]:
    """Differential entropy of a Gaussian with covariance v·I_K, (K/2) ln(TWO_PI_E·v), in nats.

    `variance`: (...), positive; `dimension`: K; result (...). Raises `InvalidInput` if a variance is not positive.

    >>> round(isotropic_entropy(torch.tensor(1.0), 2).item(), 4)
    2.8379
    """
    dimension = checks.whole("dimension", dimension)
    return 0.5 * dimension * (math.log(TWO_PI_E) + _positive("variance", variance, "...").log())


def gaussian_kl(
    mean: Float[Tensor, "*#batch K"],
    covariance: Float[Tensor, "*#batch K K"],
    other_mean: Float[Tensor, "*#batch K"],
    other_covariance: Float[Tensor, "*#batch K K"],
) -> Float[Tensor, "*#batch"]:
    """KL(N(μ, Σ) ‖ N(m, S)) = ½ ( tr S⁻¹Σ − K + (μ−m)ᵀ S⁻¹ (μ−m) + ln det S − ln det Σ ), in nats.

    Means (..., K), covariances (..., K, K), broadcast against each other; result (...).
    Raises `InvalidInput` if a covariance is not symmetric and positive definite or the dimensions differ.

    >>> one, zero = torch.eye(2), torch.zeros(2)
    >>> gaussian_kl(zero, one, zero + 1, one).item()
    1.0
    """
    mean, other_mean = _real("mean", mean, "... K"), _real("other_mean", other_mean, "... K")
    factor = _cholesky("covariance", _real("covariance", covariance, "... K K"))
    other_factor = _cholesky("other_covariance", _real("other_covariance", other_covariance, "... K K"))
    mean, factor, other_mean, other_factor = _alike(mean, factor, other_mean, other_factor, axes=(1, 2, 1, 2))
    whitened = torch.linalg.solve_triangular(other_factor, factor, upper=False)
    shift = torch.linalg.solve_triangular(other_factor, (mean - other_mean)[..., None], upper=False)
    # With W = L_S⁻¹ L_Σ lower-triangular: tr S⁻¹Σ = ‖W‖² and ln det(S⁻¹Σ) = Σ ln W_ii².
    squares = whitened.square().sum((-2, -1)) - whitened.shape[-1]
    return _finite("means and covariances", 0.5 * (squares - _log_det(whitened) + shift.square().sum((-2, -1))))


def diagonal_kl(
    mean: Float[Tensor, "*#batch K"],
    variance: Float[Tensor, "*#batch K"],
    other_mean: Float[Tensor, "*#batch K"],
    other_variance: Float[Tensor, "*#batch K"],
) -> Float[Tensor, "*#batch"]:
    """KL(N(μ, diag v) ‖ N(m, diag w)) = ½ Σ_i ( v_i/w_i − 1 − ln(v_i/w_i) + (μ_i−m_i)²/w_i ), in nats.

    All (..., K), broadcast against each other; result (...). Raises `InvalidInput` if a variance is not positive or the
    dimensions differ.

    >>> diagonal_kl(torch.zeros(2), torch.ones(2), torch.ones(2), torch.ones(2)).item()
    1.0
    """
    mean, other_mean = _real("mean", mean, "... K"), _real("other_mean", other_mean, "... K")
    variance = _positive("variance", variance, "... K")
    other_variance = _positive("other_variance", other_variance, "... K")
    mean, variance, other_mean, other_variance = _alike(mean, variance, other_mean, other_variance)
    excess = (variance - other_variance) / other_variance  # u − ln(1 + u) keeps its digits where the variances agree
    each = excess - _log_ratio(variance, other_variance, excess) + (mean - other_mean).square() / other_variance
    return _finite("means and variances", 0.5 * each.sum(-1))


def log_det_bound(
    latents: Float[Tensor, "*batch N K"], noise_variance: float = ZERO_ENTROPY_VARIANCE
) -> Float[Tensor, "*batch"]:
    """Upper bound on H[Z] by the Gaussian of the same covariance, ½ ln det( TWO_PI_E·(Cov[f(X)] + σ²·I) ), in nats.

    The covariance is that of the N latents given (divided by N), so the bound is on the entropy of their own mixture
    Z = f(x_j) + ε. It is computed from singular values, so N < K, constant units and collinear units are no trouble.

    `latents`: (..., N, K), *before* the noise; `noise_variance`: σ² > 0; result (...). Never below 0 at the default σ².

    >>> log_det_bound(torch.ones(5, 3)).item()
    0.0
    """
    noise_variance = checks.number("noise_variance", noise_variance, above=0)
    latents = _real("latents", latents, "... N K")
    centred = exactly(latents) - exactly(latents).mean(-2, keepdim=True)
    _finite("latents", centred.square().sum((-2, -1)))
    eigenvalues = torch.linalg.svdvals(centred).square() / latents.shape[-2]
    bound = _floor(latents, noise_variance) + 0.5 * torch.log1p(eigenvalues / noise_variance).sum(-1)
    return _finite("latents", bound.to(latents))


def diagonal_bound(
    latents: Float[Tensor, "*batch N K"], noise_variance: float = ZERO_ENTROPY_VARIANCE
) -> Float[Tensor, "*batch"]:
    """Upper bound on H[Z] by independent Gaussian units, Σ_i ½ ln( TWO_PI_E·(Var[f_i(X)] + σ²) ), in nats.

    Never below `log_det_bound` (Hadamard's inequality), and much cheaper.

    `latents`: (..., N, K), *before* the noise; `noise_variance`: σ² > 0; result (...).

    >>> diagonal_bound(torch.ones(5, 3)).item()
    0.0
    """
    noise_variance = checks.number("noise_variance", noise_variance, above=0)
    latents = _real("latents", latents, "... N K")
    variances = exactly(latents).var(-2, correction=0)
    bound = _floor(latents, noise_variance) + 0.5 * torch.log1p(variances / noise_variance).sum(-1)
    return _finite("latents", bound.to(latents))


def gaussian_cross_entropy(
    latents: Float[Tensor, "*batch N K"],
    held_out: Float[Tensor, "*batch M K"],
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
) -> Float64[Tensor, "*batch M"]:
    """−E ln N(z; μ, Σ) of each held-out latent, for the Gaussian fitted to other noisy latents, in nats.

    μ and Σ = Cov[f(X)] + σ²·I are those of `latents`; the expectation over z = f(x) + ε is exact:
    ½ ( ln det 2πΣ + (f(x)−μ)ᵀ Σ⁻¹ (f(x)−μ) + σ² tr Σ⁻¹ ). Its mean is an upper bound on the population's H[Z], in
    expectation over the inputs drawn; `log_det_bound` of few inputs is not, because it was fitted to them.

    `latents`: (..., N, K), `held_out`: (..., M, K), both *before* the noise; `noise_variance`: σ² > 0;
    result (..., M), float64.

    >>> round(gaussian_cross_entropy(torch.zeros(5, 3), torch.zeros(1, 3)).item(), 12)
    0.0
    """
    noise_variance = checks.number("noise_variance", noise_variance, above=0)
    checks.real("latents", latents, "... N K")
    checks.real("held_out", held_out, "... M K")
    latents, held_out = _alike(exactly(latents), exactly(held_out), axes=(2, 2))
    mean = latents.mean(-2, keepdim=True)
    centred = latents - mean
    _finite("latents", centred.square().sum((-2, -1)))
    # Singular values of the latents, unlike those of a product, keep what is small beside what is large. R of QR has
    # them too; where N < K, rows of zeros complete the axes.
    root = torch.linalg.qr(centred).R if centred.shape[-2] > centred.shape[-1] else centred
    root = torch.nn.functional.pad(root, (0, 0, 0, root.shape[-1] - root.shape[-2]))
    _, singular, axes = torch.linalg.svd(root)
    variances = (singular.square() / latents.shape[-2] + noise_variance)[..., None, :]
    distances = (((held_out - mean) @ axes.mT).square() + noise_variance) / variances
    return _finite("held_out", 0.5 * (math.log(2 * math.pi) + variances.log() + distances).sum(-1))


def _floor(latents: Float[Tensor, "... N K"], noise_variance: float) -> float:
    """The entropy of the noise alone, 0 for the zero-entropy variance."""
    return 0.5 * latents.shape[-1] * (math.log(noise_variance) - math.log(ZERO_ENTROPY_VARIANCE))


def _log_ratio(
    variance: Float[Tensor, "*batch K"], other: Float[Tensor, "*batch K"], excess: Float[Tensor, "*batch K"]
) -> Float[Tensor, "*batch K"]:
    """ln v/w with u = v/w − 1: ln(1 + u), or where v is so far below w that u rounds to −1, ln v − ln w."""
    far = excess < -0.5
    near = torch.log1p(torch.where(far, 0, excess))  # the gradient of what is not taken has to be finite
    return near + torch.where(far, variance, 1).log() - torch.where(far, other, 1).log()


def _log_det(factor: Float[Tensor, "*batch K K"]) -> Float[Tensor, "*batch"]:
    return 2 * torch.log(torch.diagonal(factor, dim1=-2, dim2=-1)).sum(-1)


def _cholesky(name: str, covariance: Float[Tensor, "*batch K K"]) -> Float[Tensor, "*batch K K"]:
    if covariance.shape[-1] != covariance.shape[-2]:
        raise InvalidInput(f"{name}: got shape {tuple(covariance.shape)}, expected square matrices (..., K, K).")
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed.any():
        raise InvalidInput(
            f"{name}: got {int((failed > 0).sum())} of {failed.numel()} matrices that are not positive definite; "
            "add the variance of the noise to the diagonal."
        )
    # Only the lower triangle is read. Rounding is relative to the standard deviations: a covariance may be near 0.
    deviations = covariance.detach().diagonal(dim1=-2, dim2=-1).sqrt()
    scale = torch.finfo(covariance.dtype).eps ** 0.5 * deviations[..., None] * deviations[..., None, :]
    if not ((covariance - covariance.mT).detach().abs() <= scale).all():
        raise InvalidInput(
            f"{name}: got values that differ from their mirror image, expected symmetric matrices (..., K, K)."
        )
    return factor


def _positive(name: str, variances: Float[Tensor, "*v"], shape: str) -> Float[Tensor, "*v"]:
    variances = _real(name, variances, shape)
    if not (variances > 0).all():
        raise InvalidInput(
            f"{name}: got {variances.min().item():g} as the smallest, expected positive variances; "
            "add the variance of the noise."
        )
    return variances


def _real(name: str, tensor: Float[Tensor, "*shape"], shape: str) -> Float[Tensor, "*shape"]:
    checks.real(name, tensor, shape)
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _alike(*tensors: Tensor, axes: Sequence[int] = ()) -> list[Tensor]:
    """The tensors in one precision, where dimension and device agree and batches broadcast.

    `axes`: how many of the last axes of each are no batch, 1 by default.
    """
    dimensions, devices = [tensor.shape[-1] for tensor in tensors], {tensor.device for tensor in tensors}
    if len(set(dimensions)) > 1 or len(devices) > 1:
        raise InvalidInput(
            f"means and covariances: got dimensions {dimensions} on {', '.join(map(str, devices))}, expected one and "
            "the same."
        )
    batches = [tensor.ndim - own for tensor, own in zip(tensors, axes or [1] * len(tensors), strict=True)]
    checks.broadcast(*(tensor.shape[:batch] for tensor, batch in zip(tensors, batches, strict=True)))
    dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in tensors))
    return [tensor.to(dtype) for tensor in tensors]


def _finite(name: str, value: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """What was computed, unless it is beyond the numbers there are."""
    if not torch.isfinite(value).all():
        raise InvalidInput(
            f"{name}: got values so large, or a variance so small, that the result is no finite {value.dtype}; "
            "look for what lets them grow, or pass float64."
        )
    return value
