"""How the latent is compressed: surrogates, upper bounds on reverse decoder uncertainty H[Z|Y], and one table of them.

H[Z|Y] cannot be computed while a network trains; each surrogate bounds it by moments of the latent within the classes.
L2, variance and log-variance are those of Kirsch et al. (2020); the bounds between them are standard: of all
distributions with a given covariance the Gaussian has the largest entropy. `OBJECTIVES` is the table of them all, and
of the variational rates. Builds on `ibteach.information.continuous`, which holds the noise.

Two conventions for the weight, never mixed because each must be named: ``beta_prime=`` multiplies the bound in nats,
``gamma=`` multiplies the plain form that people write in code (E‖Z‖², Σ E v, Σ E ln v, a rate).

Throughout, `latents` are the noiseless f(x), shape (..., N, K); the noise's variance is added to their moments
exactly instead of by a random draw. Leading axes are networks: 32 of them are measured in one call.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE
from ibteach.objectives.cross_entropies import PAPER, checked_labels
from ibteach.precision import exactly

STANDARD = "standard: maximum entropy"
"""The source of what stands between the surrogates: the Gaussian has the largest entropy of a given covariance."""


@dataclass(frozen=True)
class Moments:
    """First and second moments of the noisy latent Z = f(x) + ε: all that any surrogate needs."""

    power: Tensor  # E‖Z‖², (...)
    variance: Tensor  # v_iy = Var[Z_i | y], (..., C, K)
    class_prior: Tensor  # p(y) over the classes that are averaged, (..., C)
    centred: Tensor  # f(x) minus its class mean, (..., N, K)
    one_hot: Tensor  # of the labels, (..., N, C)
    noise_variance: float

    @property
    def dimension(self) -> int:
        return self.variance.shape[-1]

    @property
    def mean_variance(self) -> Tensor:
        """E_y v_iy, (..., K)."""
        return (self.class_prior[..., None] * self.variance).sum(-2)

    @property
    def covariance(self) -> Tensor:
        """Cov[Z | y], (..., C, K, K), in float64: eigenvalues as small as the noise stand beside large ones."""
        centred, one_hot = exactly(self.centred), exactly(self.one_hot)
        count = one_hot.sum(-2).clamp_min(1)
        covariance = (
            torch.stack(  # class by class, for memory's sake
                [(of_class[..., None] * centred).mT @ centred for of_class in one_hot.unbind(-1)], -3
            )
            / count[..., None, None]
        )
        unit = torch.eye(self.dimension, dtype=covariance.dtype, device=covariance.device)
        return covariance + self.noise_variance * unit


def moments(latents: Tensor, labels: Tensor, classes: int, noise_variance: float = ZERO_ENTROPY_VARIANCE) -> Moments:
    """Moments of Z = f(x) + ε overall and within each class, with the noise's variance added exactly.

    Variances divide by the number of examples of the class in the batch, so they are those of the data at hand;
    as estimates for the population they are low by a factor (n−1)/n. A class with one example contributes the noise
    floor, a class with none is left out; without noise, classes with fewer than two examples are left out.

    Computed in float32 at least, also under autocast. This is the inner function of a training loop: shapes and
    values are not checked here.
    """
    if latents.dtype in (torch.float16, torch.bfloat16):
        latents = latents.float()
    one_hot = _one_hot(labels, classes).to(latents.dtype)
    count = one_hot.sum(-2)
    inverse = 1 / count.clamp_min(1)[..., None]
    with torch.autocast(latents.device.type, enabled=False):  # a mean in half precision loses a small variance
        centred = latents - _of_each(one_hot, _within(one_hot, latents) * inverse)
        variance = _within(one_hot, centred.square()) * inverse + noise_variance
    counted = count if noise_variance > 0 else count * (count > 1)
    power = latents.square().sum(-1).mean(-1) + latents.shape[-1] * noise_variance
    return Moments(power, variance, counted / counted.sum(-1, keepdim=True), centred, one_hot, noise_variance)


def _within(one_hot: Tensor, values: Tensor) -> Tensor:
    """The sum of the values (..., N, K) of each class, (..., C, K)."""
    if _products_are_rounded(values):
        return (one_hot.double().mT @ values.double()).to(values)
    return one_hot.mT @ values


def _of_each(one_hot: Tensor, of_class: Tensor) -> Tensor:
    """What each example has of its class, (..., C, K) to (..., N, K)."""
    if _products_are_rounded(of_class):
        return (one_hot.double() @ of_class.double()).to(of_class)
    return one_hot @ of_class


def _products_are_rounded(values: Tensor) -> bool:
    """Whether torch was told that matrix products in float32 need not be exact (TF32): sums of a class have to be."""
    return values.dtype == torch.float32 and values.device.type != "mps" and _rounding()


@torch.compiler.assume_constant_result
def _rounding() -> bool:
    return torch.get_float32_matmul_precision() != "highest"


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """As `F.one_hot`, which looks at the values and makes the host wait for the device."""
    return labels[..., None] == torch.arange(classes, device=labels.device)


def _log(variance: Tensor) -> Tensor:
    """ln v, where an empty class or a collapsed dimension counts as the smallest positive number, never as −∞."""
    return variance.clamp_min(torch.finfo(variance.dtype).tiny).log()


def _log_determinant(m: Moments) -> Tensor:
    # By Cholesky, not slogdet, whose gradient makes the host look whether it could be solved for.
    factor, _ = torch.linalg.cholesky_ex(TWO_PI_E * m.covariance)
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return 0.5 * (m.class_prior.to(log_det) * log_det).sum(-1).to(m.class_prior)


def _log_variance(m: Moments) -> Tensor:
    return 0.5 * (m.class_prior[..., None] * (math.log(TWO_PI_E) + _log(m.variance))).sum((-2, -1))


def _pooled_log_variance(m: Moments) -> Tensor:
    return 0.5 * (math.log(TWO_PI_E) + _log(m.mean_variance)).sum(-1)


def _isotropic_log_variance(m: Moments) -> Tensor:
    return 0.5 * m.dimension * (math.log(TWO_PI_E / m.dimension) + _log(m.mean_variance.sum(-1)))


def _log_power(m: Moments) -> Tensor:
    return 0.5 * m.dimension * (math.log(TWO_PI_E / m.dimension) + _log(m.power))


def _variance(m: Moments) -> Tensor:
    return 0.5 * TWO_PI_E * m.mean_variance.sum(-1) - 0.5 * m.dimension


def _l2(m: Moments) -> Tensor:
    return 0.5 * TWO_PI_E * m.power - 0.5 * m.dimension


def _gaussian_rate(spread: Tensor, m: Moments) -> Tensor:
    """KL between N(·, s² I) and a unit Gaussian at a mean squared distance of spread − K s²."""
    return 0.5 * (spread - m.dimension - m.dimension * math.log(m.noise_variance))


def _vib(m: Moments) -> Tensor:
    return _gaussian_rate(m.power, m)


def _ceb(m: Moments) -> Tensor:
    return _gaussian_rate(m.mean_variance.sum(-1), m)


def _ceb_fitted(m: Moments) -> Tensor:
    return 0.5 * (m.class_prior[..., None] * (_log(m.variance) - math.log(m.noise_variance))).sum((-2, -1))


# ------------------------------------------------------------------------------------------------ the table of all


@dataclass(frozen=True)
class Objective:
    """One way to compress the latent: a differentiable function of latents and labels, in nats.

    Call it on latents (..., N, K) and labels (N,) or (..., N); the result has shape (...).
    Its weight in a loss is named by convention: β′ multiplies the value in nats, γ multiplies `plain`.
    """

    name: str
    title: str
    bounds: str  # what the value is an upper bound on
    source: str
    gamma_per_beta_prime: float  # γ = this · β′ gives the same gradients
    of_moments: Callable[[Moments], Tensor]  # of unchecked moments, for training loops
    formula: str  # LaTeX of the value in nats
    plain: str  # LaTeX of what γ multiplies
    needs_noise: bool = False

    def __call__(
        self,
        latents: Tensor,
        labels: Tensor,
        *,
        classes: int | None = None,
        noise_variance: float = ZERO_ENTROPY_VARIANCE,
    ) -> Tensor:
        """The bound in nats, of noiseless latents f(x) plus independent noise of this variance per dimension.

        It bounds the entropy of the examples given. On a small batch the variance within a class is low by a factor
        (n−1)/n for n examples of it, so there the value may lie below what it would be, and bound, on all data; a
        class with one example counts as nothing but noise, a class with none not at all. Without noise nothing
        bounds these values below, and a dimension that collapsed counts as the smallest positive number.

        Args:
            latents: (..., N, K), noiseless; half precision is raised to float32.
            labels: (N,) or (..., N), integers.
            classes: C; by default one more than the largest label.
            noise_variance: σ² ≥ 0; by default that of zero-entropy noise, for which the bounds are on H[Z|Y] ≥ 0.

        Returns (...), nats. Raises `InvalidInput` for other shapes, types, devices or values, and where the result
        would not be a finite number.

        >>> z, y = torch.tensor([[1.0], [-1.0], [5.0], [5.0]]), torch.tensor([0, 0, 1, 1])
        >>> round(OBJECTIVES["variance"](z, y).item(), 4)  # πe · ½ of the classes has variance 1
        4.2699
        """
        labels, classes, noise_variance = self._checked(latents, labels, classes, noise_variance)
        return self._finite(self.of_moments(moments(latents, labels, classes, noise_variance)), latents)

    def _checked(
        self, latents: Tensor, labels: Tensor, classes: int | None, noise_variance: float
    ) -> tuple[Tensor, int, float]:
        checks.real("latents", latents, "... N K")
        noise_variance = checks.number("noise_variance", noise_variance, minimum=0)
        least = torch.finfo(torch.promote_types(latents.dtype, torch.float32)).tiny
        if 0 < noise_variance < least:
            raise InvalidInput(
                f"noise_variance: got {noise_variance:.3g}, expected 0 or at least {least:.3g}: less is lost in "
                f"{latents.dtype}; pass latents in float64."
            )
        if self.needs_noise and noise_variance == 0:
            raise InvalidInput(f"noise_variance: got 0, expected > 0: {self.title} can be infinite without noise.")
        classes = None if classes is None else checks.whole("classes", classes)
        labels = checked_labels(labels, latents, classes)
        classes = classes or int(labels.max()) + 1
        checks.memory("classes", 8 * labels.numel() * classes)
        if noise_variance == 0 and (_one_hot(labels, classes).sum(-2) < 2).all(-1).any():
            raise InvalidInput("labels: got no class with two examples, and without noise there is no variance of one.")
        return labels, classes, noise_variance

    def _finite(self, value: Tensor, latents: Tensor) -> Tensor:
        if not torch.isfinite(value).all():
            raise InvalidInput(
                f"latents: got values up to {latents.abs().max().item():.3g}, whose squares, or {self.title} with this "
                f"noise and weight, are too large for {value.dtype}; look for what lets them grow, or pass float64."
            )
        return value

    def gamma(self, *, beta_prime: float) -> float:
        """The plain weight γ that gives the gradients of β′ times the bound.

        >>> round(OBJECTIVES["l2"].gamma(beta_prime=1.0), 4)  # πe
        8.5397
        """
        gamma = self.gamma_per_beta_prime * checks.number("beta_prime", beta_prime, minimum=0)
        return checks.number("gamma for this beta_prime", gamma)

    def beta_prime(self, *, gamma: float) -> float:
        """The weight β′ of the bound that gives the gradients of γ times the plain form.

        >>> OBJECTIVES["log-variance"].beta_prime(gamma=0.5)
        1.0
        """
        beta_prime = checks.number("gamma", gamma, minimum=0) / self.gamma_per_beta_prime
        return checks.number("beta_prime for this gamma", beta_prime)


_EACH = r"\mathbb{E}_y \textstyle\sum_i "
_POOLED = r"\textstyle\sum_i \mathbb{E}_y v_{iy}"
_POWER = r"\mathbb{E}\Vert Z\Vert^2"
_VIB = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(0, I))"
_CEB = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(\mu_y, I))"
_FITTED = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(\mu_y, \mathrm{diag}\,v_y))"
_ROWS = [  # from the tightest bound on H[Z|Y] to the loosest, then the variational rates
    (
        *("log-determinant", "log-determinant", "H[Z|Y]", STANDARD, 0.5, _log_determinant),
        *(
            r"\mathbb{E}_y \tfrac12 \ln\det(2\pi e\,\mathrm{Cov}[Z\mid y])",
            r"\mathbb{E}_y \ln\det \mathrm{Cov}[Z\mid y]",
            True,
        ),
    ),
    (
        *("log-variance", "log-variance", "H[Z|Y]", PAPER, 0.5, _log_variance),
        *(rf"{_EACH}\tfrac12 \ln(2\pi e\,v_{{iy}})", rf"{_EACH}\ln v_{{iy}}"),
    ),
    (
        *("pooled-log-variance", "pooled log-variance", "H[Z|Y]", STANDARD, 0.5, _pooled_log_variance),
        *(r"\textstyle\sum_i \tfrac12 \ln(2\pi e\,\mathbb{E}_y v_{iy})", r"\textstyle\sum_i \ln \mathbb{E}_y v_{iy}"),
    ),
    (
        *("isotropic-log-variance", "isotropic log-variance", "H[Z|Y]", STANDARD, 0.5, _isotropic_log_variance),
        *(rf"\tfrac K2 \ln(\tfrac{{2\pi e}}{{K}} {_POOLED})", rf"K \ln {_POOLED}"),
    ),
    (
        *("log-power", "log-power", "H[Z|Y] and H[Z]", STANDARD, 0.5, _log_power),
        *(rf"\tfrac K2 \ln(\tfrac{{2\pi e}}{{K}} {_POWER})", rf"K \ln {_POWER}"),
    ),
    (
        *("variance", "variance", "H[Z|Y]", PAPER, TWO_PI_E / 2, _variance),
        *(rf"\pi e\,{_EACH}v_{{iy}} - \tfrac K2", rf"{_EACH}v_{{iy}}"),
    ),
    (
        *("l2", "L2", "H[Z|Y] and H[Z]", PAPER, TWO_PI_E / 2, _l2),
        *(rf"\pi e\,{_POWER} - \tfrac K2", _POWER),
    ),
    ("vib", "VIB", "I[X;Z]", "Alemi et al. 2017", 1.0, _vib, _VIB, _VIB, True),
    ("ceb", "CEB", "I[X;Z|Y]", "Fischer 2020", 1.0, _ceb, _CEB, _CEB, True),
    ("ceb-fitted", "CEB, fitted", "I[X;Z|Y]", "Fischer 2020", 1.0, _ceb_fitted, _FITTED, _FITTED, True),
]
OBJECTIVES: dict[str, Objective] = {row[0]: Objective(*row) for row in _ROWS}
