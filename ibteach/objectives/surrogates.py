"""How the latent is compressed: surrogates, upper bounds on reverse decoder uncertainty H[Z|Y], and one table of them.

H[Z|Y] cannot be computed while a network trains; each surrogate bounds it by moments of the latent within the classes.
L2, variance and log-variance are those of Kirsch et al. (2020); the bounds between them are standard: of all
distributions with a given covariance the Gaussian has the largest entropy. One row, "mixture", takes no moments but the
latents of the class themselves, and shows what a Gaussian loses. `OBJECTIVES` is the table of them all, and of the
variational rates. Builds on `ibteach.information.continuous`, which holds the noise.

Two conventions for the weight, never mixed because each must be named: ``beta_prime=`` multiplies the bound in nats,
``gamma=`` multiplies the plain form that people write in code (E‖Z‖², Σ E v, Σ E ln v, a rate).

Throughout, `latents` are the noiseless f(x), shape (..., N, K); the noise's variance is added to their moments
exactly instead of by a random draw; only the mixture takes draws. Leading axes are networks: 32 of them are measured in
one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks, seeds
from ibteach.errors import InvalidInput
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE
from ibteach.information.mixture import ROUNDING
from ibteach.objectives.cross_entropies import PAPER, checked_labels
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float, Int

STANDARD = "standard: maximum entropy"
"""The source of what stands between the surrogates: the Gaussian has the largest entropy of a given covariance."""

LEFT_OUT = "standard: leave-one-out cross-entropy"
"""The source of the mixture bound. Kolchinsky, Tracey, Wolpert (2019) train on its relative that needs no draws."""

LONG = 4096
"""More examples than batches have: a sum of more in float32 loses digits, of latents far from 0 all of them."""


@dataclass(frozen=True)
class Moments:
    """First and second moments of the noisy latent Z = f(x) + ε, and draws of ε: all that any surrogate needs."""

    power: Float[Tensor, "*batch"]  # E‖Z‖², (...)
    variance: Float[Tensor, "*batch C K"]  # v_iy = Var[Z_i | y], (..., C, K)
    class_prior: Float[Tensor, "*#batch C"]  # p(y) over the classes that are averaged, (..., C)
    centred: Float[Tensor, "*batch N K"]  # f(x) minus its class mean, (..., N, K)
    one_hot: Float[Tensor, "*#batch N C"]  # of the labels, (..., N, C)
    noise_variance: float
    noise: Float[Tensor, "*#batch N K"] | None = None  # draws of ε, (..., N, K) or (N, K), for the mixture

    @property
    def dimension(self) -> int:
        return self.variance.shape[-1]

    @property
    def mean_variance(self) -> Float[Tensor, "*batch K"]:
        """E_y v_iy, (..., K)."""
        return (self.class_prior[..., None] * self.variance).sum(-2)

    @property
    def covariance(self) -> Float[Tensor, "*batch C K K"]:
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


def moments(
    latents: Float[Tensor, "*batch N K"],
    labels: Int[Tensor, "*#batch N"],
    classes: int,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    noise: Float[Tensor, "*#batch N K"] | None = None,
) -> Moments:
    """Moments of Z = f(x) + ε overall and within each class, with the noise's variance added exactly.

    Variances divide by the number of examples of the class in the batch, so they are those of the data at hand;
    as estimates for the population they are low by a factor (n−1)/n. A class with one example contributes the noise
    floor, a class with none is left out; without noise, classes with fewer than two examples are left out, and where
    that is all of them, their variances count as 0, and nothing pulls at them.

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
    prior = counted / counted.sum(-1, keepdim=True).clamp_min(1)
    return Moments(power, variance, prior, centred, one_hot, noise_variance, noise)


def _within(one_hot: Tensor, values: Tensor) -> Tensor:
    """The sum of the values (..., N, K) of each class, (..., C, K)."""
    if _products_are_rounded(values) or (values.shape[-2] > LONG and values.device.type != "mps"):
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


def _determinant_is_rounded(m: Moments) -> bool:
    """Whether a covariance, exact to the rounding of its trace, has an eigenvalue that may be wrong by it."""
    eps = torch.finfo(torch.float64).eps
    if (eps * exactly(m.variance).sum(-1) <= ROUNDING * m.noise_variance).all():
        return False
    covariance = m.covariance
    rounding = eps * covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    if not torch.isfinite(rounding).all():  # which is said of the result
        return False
    return not (rounding <= ROUNDING * torch.linalg.eigvalsh(covariance)[..., 0]).all()


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


def _mixture(m: Moments) -> Tensor:
    """−E_i ln (1/(n_y−1)) Σ_j N(z_i; f(x_j), σ² I), over the other examples j of the class of i.

    It assumes no Gaussian, and in expectation over the noise it is at least H[Z|Y] of these examples: of all densities
    p_i with a given sum, −Σ_i p_i ln (mean of the others) is smallest where they are alike. −ln N(ε_i; 0, σ² I), whose
    mean is H[ε] whatever f is, gives way to that mean, so that a draw of noise alone has no error at all. A class with
    one example counts as noise.
    """
    if m.noise is None:
        raise InvalidInput("noise: got None, but the mixture is of latents with their noise; pass its draws as noise=.")
    centres, one_hot, noise = exactly(m.centred), exactly(m.one_hot), exactly(m.noise)
    alike = one_hot @ one_hot.mT > 0.5
    members = alike.sum(-1, keepdim=True)
    itself = torch.eye(alike.shape[-1], dtype=torch.bool, device=alike.device)
    others = alike & (~itself | (members == 1))
    beyond = (centres * (centres + 2 * noise)).sum(-1, keepdim=True)  # ‖z_i‖² − ‖ε_i‖², about the mean of the class
    between = 2 * (centres + noise) @ centres.mT - centres.square().sum(-1)[..., None, :]
    exponents = (between - beyond) / (2 * m.noise_variance)
    log_sum = exponents.masked_fill(~others, -math.inf).logsumexp(-1)
    rate = ((members[..., 0] - 1).clamp_min(1).to(log_sum).log() - log_sum).mean(-1)
    return (rate + 0.5 * m.dimension * math.log(TWO_PI_E * m.noise_variance)).to(m.class_prior)


def _distances_are_rounded(m: Moments) -> bool:
    """Whether the squares that the mixture's exponents are differences of are too large for these to be right."""
    reach = exactly(m.centred).square().sum(-1).max().item()
    return 16 * torch.finfo(torch.float64).eps * reach > ROUNDING * 2 * m.noise_variance


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
    of_draws: bool = False  # whether its moments have to hold draws of the noise
    rounded: Callable[[Moments], bool] | None = None  # whether these moments are too large beside the noise to be right

    def __call__(
        self,
        latents: Float[Tensor, "*batch N K"],
        labels: Int[Tensor, "*#batch N"],
        *,
        classes: int | None = None,
        noise_variance: float = ZERO_ENTROPY_VARIANCE,
        noise: Float[Tensor, "*#batch N K"] | None = None,
    ) -> Float[Tensor, "*batch"]:
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
            noise: draws of ε, (N, K) or (..., N, K), of which only the mixture is a mean, N² distances at a time; by
                default the same at each call, for measuring. While training pass those that the latents got.

        Returns (...), nats. Raises `InvalidInput` for other shapes, types, devices or values, and where the result
        would not be a finite number, or the log-determinant and the mixture be off by rounding.

        >>> z, y = torch.tensor([[1.0], [-1.0], [5.0], [5.0]]), torch.tensor([0, 0, 1, 1])
        >>> round(OBJECTIVES["variance"](z, y).item(), 4)  # πe · ½ of the classes has variance 1
        4.2699
        """
        labels, classes, noise_variance = self._checked(latents, labels, classes, noise_variance, noise)
        if self.of_draws and noise is None:
            draws = torch.randn(latents.shape[-2:], generator=seeds.generator(0, "measured noise"))
            noise = draws.to(latents) * noise_variance**0.5
        m = moments(latents, labels, classes, noise_variance, noise)
        self._resolved(m)
        return self._finite(self.of_moments(m), latents)

    def _checked(
        self, latents: Tensor, labels: Tensor, classes: int | None, noise_variance: float, noise: Tensor | None
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
        if noise is not None:
            checks.real("noise", noise, "... N K")
            if noise.shape not in (latents.shape, latents.shape[-2:]) or noise.device != latents.device:
                raise InvalidInput(
                    f"noise: got shape {tuple(noise.shape)} on {noise.device}, expected a draw for each of the latents "
                    f"{tuple(latents.shape)}, on {latents.device}."
                )
        if self.of_draws:
            checks.memory("latents", 32 * latents[..., 0].numel() * latents.shape[-2])
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

    @torch.no_grad()
    def _resolved(self, m: Moments) -> None:
        if self.rounded is not None and self.rounded(m):
            raise InvalidInput(
                f"latents: got values up to {m.centred.abs().max().item():.3g} from the mean of their class, beside "
                f"which {self.title} loses noise of variance {m.noise_variance:.3g} to rounding; look for what lets "
                "them grow, or measure them by information.measure or information.log_det_bound."
            )

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
_OTHERS = r"\textstyle\sum_{j \neq i,\, y_j = y_i} \mathcal N(z_i; f(x_j), \sigma^2 I)"
_MIXTURE = rf"-\mathbb{{E}}_i \ln \tfrac{{1}}{{n_y - 1}} {_OTHERS}"
_ROWS = [  # bounds on H[Z|Y] by moments, the tightest first; the variational rates; and what takes no moments
    (
        *("log-determinant", "log-determinant", "H[Z|Y]", STANDARD, 0.5, _log_determinant),
        *(
            r"\mathbb{E}_y \tfrac12 \ln\det(2\pi e\,\mathrm{Cov}[Z\mid y])",
            r"\mathbb{E}_y \ln\det \mathrm{Cov}[Z\mid y]",
            True,
        ),
        *(False, _determinant_is_rounded),
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
    (
        *("mixture", "mixture", "H[Z|Y]", LEFT_OUT, 1.0, _mixture),
        *(_MIXTURE, _MIXTURE, True, True, _distances_are_rounded),
    ),
]
OBJECTIVES: dict[str, Objective] = {row[0]: Objective(*row) for row in _ROWS}
