r"""What a network minimises: a cross-entropy that fits the labels, and a surrogate that compresses the latent.

IB and DIB are one objective, min H[Y|Z] + β′ H[Z|Y] (with zero-entropy noise, where H[Z|X] = 0). Neither term can be
computed while a network trains, so each gives way to an upper bound that can: decoder uncertainty H[Y|Z] to a
cross-entropy, reverse decoder uncertainty H[Z|Y] to one of the surrogates below (Kirsch et al. 2020). `OBJECTIVES` is
the table of them all, `loss` the sum to minimise; `loss_terms` is the same unchecked, which `fit` calls in every step.
Builds on `ibteach.information.continuous`, which holds the noise.

Two conventions for the weight, never mixed because each must be named: ``beta_prime=`` multiplies the bound in nats,
``gamma=`` multiplies the plain form that people write in code (E‖Z‖², Σ E v, Σ E ln v, a rate).

Throughout, `latents` are the noiseless f(x), shape (..., N, K); the noise's variance is added to their moments
exactly instead of by a random draw. Leading axes are networks: 32 of them are measured in one call.
"""

import functools
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE
from ibteach.precision import exactly

PAPER = "Kirsch et al. 2020"

# ---------------------------------------------------------------- fitting: cross-entropies and the error they bound


def decoder_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Decoder cross-entropy H_q[Y|Z] = E −ln q(y|z), in nats: an upper bound on decoder uncertainty H[Y|Z].

    The usual training loss of a network with a noisy latent, one noise sample per input (Kirsch et al. 2020).

    Args:
        logits: (..., N, C), of one noise sample per input.
        labels: (N,) or (..., N), integers below C.

    Returns (...), nats. Raises `InvalidInput` for other shapes, NaN, or labels out of range.

    >>> round(decoder_cross_entropy(torch.zeros(5, 10), torch.arange(5)).item(), 4)  # ln 10
    2.3026
    """
    checks.real("logits", logits, "... N C")
    labels = _labels(labels, logits, classes=logits.shape[-1])
    return decoder_log_likelihood(logits, labels).mean(-1).neg()


def prediction_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Prediction cross-entropy H_q[Y|X] ≈ E −ln (1/S) Σ_s q(y|z_s), in nats.

    An upper bound on label uncertainty H[Y|X]. With S = 1 it is `decoder_cross_entropy`; its expectation falls
    monotonically in S towards H_q[Y|X] ≤ H_q[Y|Z] (Jensen; Kirsch et al. 2020).

    Args:
        logits: (S, ..., N, C), S noise samples of the same inputs along the first axis.
        labels: (N,) or (..., N), integers below C.

    Returns (...), nats. Raises `InvalidInput` for other shapes (S = 0 among them), NaN, or labels out of range.

    >>> logits = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])  # two samples that disagree about one input
    >>> round(prediction_cross_entropy(logits, torch.tensor([0])).item(), 4)  # ln 2: on average, undecided
    0.6931
    """
    checks.real("logits", logits, "S ... N C")
    labels = _labels(labels, logits[0], classes=logits.shape[-1])
    log_likelihood = decoder_log_likelihood(logits, labels.expand(logits.shape[:-1]))
    # A certain prediction rounds to a little more than certain, and no cross-entropy of labels is negative.
    return (math.log(len(logits)) - log_likelihood.logsumexp(0)).clamp_min(0).mean(-1)


class ErrorBounds(NamedTuple):
    """Upper bounds on the error rate, from a cross-entropy in nats; each field has the shape of the cross-entropy."""

    sampled: Tensor  # of a label drawn from the prediction: 1 − e^{−H}
    linear: Tensor  # looser, of the same: H
    argmax: Tensor  # of the most probable label: H / ln 2


def training_error_bounds(cross_entropy: Tensor) -> ErrorBounds:
    """What a cross-entropy H (nats) promises about the error on the data it was computed on.

    p(Ŷ ≠ y) ≤ 1 − e^{−H} ≤ H for a label sampled from the prediction, ≤ H / ln 2 for the most probable one. Tightest
    with the prediction cross-entropy; the decoder cross-entropy is larger, so it bounds too (Kirsch et al. 2020).

    Args:
        cross_entropy: any shape, nats, finite and ≥ 0; `InvalidInput` otherwise.

    >>> [round(bound.item(), 3) for bound in training_error_bounds(torch.tensor(0.1))]
    [0.095, 0.1, 0.144]
    """
    checks.real("cross_entropy", cross_entropy, "...")
    if (cross_entropy < 0).any():
        raise InvalidInput(
            f"cross_entropy: got {cross_entropy.min().item():.4g}, expected nats >= 0; pass the mean of −ln q(y|·)."
        )
    return ErrorBounds(-torch.expm1(-cross_entropy), cross_entropy, cross_entropy / math.log(2))


def decoder_log_likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    """ln q(y|z) of each example, (..., N): the unchecked inner function of the cross-entropies."""
    index = labels.expand(logits.shape[:-1])[..., None]
    return F.log_softmax(logits, -1).gather(-1, index)[..., 0]


def _labels(labels: Tensor, values: Tensor, classes: int | None) -> Tensor:
    """Labels as int64, checked against values (..., N, K): class numbers, one per example, on the same device."""
    checks.labels("labels", labels, "... N", classes)
    wanted = values.shape[:-1]
    if labels.shape not in (wanted[-1:], wanted):
        raise InvalidInput(f"labels: got shape {tuple(labels.shape)}, expected ({wanted[-1]},) or {tuple(wanted)}.")
    if labels.device != values.device:
        raise InvalidInput(f"labels: got device {labels.device}, expected {values.device}, where the rest is.")
    return labels.long()


# ------------------------------------------------------------------- compressing: moments of the latent, and bounds


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
        centred = latents - one_hot @ ((one_hot.mT @ latents) * inverse)
        variance = (one_hot.mT @ centred.square()) * inverse + noise_variance
    counted = count if noise_variance > 0 else count * (count > 1)
    power = latents.square().sum(-1).mean(-1) + latents.shape[-1] * noise_variance
    return Moments(power, variance, counted / counted.sum(-1, keepdim=True), centred, one_hot, noise_variance)


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
        if self.needs_noise and noise_variance == 0:
            raise InvalidInput(f"noise_variance: got 0, expected > 0: {self.title} can be infinite without noise.")
        classes = None if classes is None else checks.whole("classes", classes)
        labels = _labels(labels, latents, classes)
        classes = classes or int(labels.max()) + 1
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
        return self.gamma_per_beta_prime * checks.number("beta_prime", beta_prime, minimum=0)

    def beta_prime(self, *, gamma: float) -> float:
        """The weight β′ of the bound that gives the gradients of γ times the plain form.

        >>> OBJECTIVES["log-variance"].beta_prime(gamma=0.5)
        1.0
        """
        return checks.number("gamma", gamma, minimum=0) / self.gamma_per_beta_prime


_EACH = r"\mathbb{E}_y \textstyle\sum_i "
_POOLED = r"\textstyle\sum_i \mathbb{E}_y v_{iy}"
_POWER = r"\mathbb{E}\Vert Z\Vert^2"
_VIB = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(0, I))"
_CEB = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(\mu_y, I))"
_FITTED = r"\mathbb{E}\,\mathrm{KL}(p(z\mid x)\,\Vert\,\mathcal N(\mu_y, \mathrm{diag}\,v_y))"
_ROWS = [  # from the tightest bound on H[Z|Y] to the loosest, then the variational rates
    (
        *("log-determinant", "log-determinant", "H[Z|Y]", PAPER, 0.5, _log_determinant),
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
        *("pooled-log-variance", "pooled log-variance", "H[Z|Y]", PAPER, 0.5, _pooled_log_variance),
        *(r"\textstyle\sum_i \tfrac12 \ln(2\pi e\,\mathbb{E}_y v_{iy})", r"\textstyle\sum_i \ln \mathbb{E}_y v_{iy}"),
    ),
    (
        *("isotropic-log-variance", "isotropic log-variance", "H[Z|Y]", PAPER, 0.5, _isotropic_log_variance),
        *(rf"\tfrac K2 \ln(\tfrac{{2\pi e}}{{K}} {_POOLED})", rf"K \ln {_POOLED}"),
    ),
    (
        *("log-power", "log-power", "H[Z|Y] and H[Z]", PAPER, 0.5, _log_power),
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


class CrossEntropy(NamedTuple):
    """One way to measure how well the labels are fitted, in nats."""

    title: str
    formula: str  # LaTeX
    bounds: str  # what it is an upper bound on
    source: str
    function: Callable[[Tensor, Tensor], Tensor]


CROSS_ENTROPIES: dict[str, CrossEntropy] = {
    "decoder": CrossEntropy(
        "decoder cross-entropy", r"\mathbb{E} -\ln q(y\mid z)", "H[Y|Z]", PAPER, decoder_cross_entropy
    ),
    "prediction": CrossEntropy(
        "prediction cross-entropy",
        r"\mathbb{E} -\ln \mathbb{E}_{p(z\mid x)}\, q(y\mid z)",
        "H[Y|X]",
        PAPER,
        prediction_cross_entropy,
    ),
}


def weight(objective: str, *, beta_prime: float | None = None, gamma: float | None = None) -> float:
    """β′ of a named objective, from exactly one of the two conventions.

    >>> weight("variance", gamma=TWO_PI_E / 2)
    1.0
    """
    chosen = OBJECTIVES[checks.known("objective", objective, OBJECTIVES)]
    if (beta_prime is None) == (gamma is None):
        raise InvalidInput(
            f"weight: got beta_prime={beta_prime!r} and gamma={gamma!r}, expected exactly one of them; "
            "beta_prime= weighs the bound in nats, gamma= its plain form."
        )
    return chosen.beta_prime(gamma=gamma) if beta_prime is None else checks.number("beta_prime", beta_prime, minimum=0)


class LossTerms(NamedTuple):
    """What is added up and minimised, each (...), in nats."""

    cross_entropy: Tensor  # H_q[Y|Z], of smoothed labels if they are
    surrogate: Tensor  # β′ · (an upper bound on H[Z|Y])


def loss_terms(
    logits: Tensor,
    latents: Tensor,
    labels: Tensor,
    beta_primes: Mapping[str, float | Tensor],
    *,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    label_smoothing: float = 0.0,
) -> LossTerms:
    """The terms of `loss`, unchecked: the inner function of a training loop, and what `training.fit` calls.

    It never makes the host wait for the device, has no graph break under ``torch.compile``, and works under
    ``torch.func.vmap`` and autocast. Several objectives are added up, so that networks of an ensemble can have one
    each: the weights of the others are 0.

    Args:
        logits, latents, labels, noise_variance, label_smoothing: as for `loss`.
        beta_primes: name in `OBJECTIVES` → its weight β′, one number or one for each network, (...).

    >>> z, y = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])
    >>> terms = loss_terms(torch.zeros(4, 2), z, y, {"variance": 3.0})
    >>> round(terms.cross_entropy.item(), 4), round(terms.surrogate.item(), 4)
    (0.6931, 0.0)
    """
    cross_entropy = -decoder_log_likelihood(logits, labels).mean(-1)
    if label_smoothing:  # E −ln q of a label that is drawn from all classes with this probability
        uniform = -F.log_softmax(logits, -1).mean((-2, -1))
        cross_entropy = (1 - label_smoothing) * cross_entropy + label_smoothing * uniform
    m = moments(latents, labels, logits.shape[-1], noise_variance)
    surrogates = [beta_prime * OBJECTIVES[name].of_moments(m) for name, beta_prime in beta_primes.items()]
    return LossTerms(cross_entropy, functools.reduce(operator.add, surrogates))


def loss(
    logits: Tensor,
    latents: Tensor,
    labels: Tensor,
    objective: str,
    *,
    beta_prime: float | None = None,
    gamma: float | None = None,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    label_smoothing: float = 0.0,
) -> Tensor:
    """H_q[Y|Z] + β′ · (an upper bound on H[Z|Y]), in nats: what to minimise (Kirsch et al. 2020).

    With zero-entropy noise, an upper bound on the unified objective H[Y|Z] + β′ H[Z|Y] of IB and DIB on these examples
    (see `Objective.__call__` for what a small batch does to it). With noise of another variance the rates of VIB and
    CEB still bound I[X;Z] and I[X;Z|Y], but these are no longer H[Z] and H[Z|Y]. In a loop that is to be quick call
    `loss_terms`, which checks nothing.

    Args:
        logits: (..., N, C), of the decoder at latents + noise.
        latents: (..., N, K), noiseless.
        labels: (N,) or (..., N), integers below C.
        objective: a name in `OBJECTIVES`.
        beta_prime, gamma: the weight, in exactly one of the two conventions.
        noise_variance: of the noise that was added to the latents, per dimension.
        label_smoothing: the share of each label that is spread over all classes, in [0, 1); with it the first term is
            no longer H_q[Y|Z].

    Returns (...), nats. Raises `InvalidInput` for bad shapes, values or weights, `UnknownName` for the objective.

    >>> z, y = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])  # nothing but the noise: the bound is 0
    >>> round(loss(torch.zeros(4, 2), z, y, "variance", beta_prime=3.0).item(), 4)  # so H_q = ln 2 is left
    0.6931
    """
    chosen = OBJECTIVES[checks.known("objective", objective, OBJECTIVES)]
    beta_prime = weight(objective, beta_prime=beta_prime, gamma=gamma)
    label_smoothing = checks.number("label_smoothing", label_smoothing, minimum=0, below=1)
    checks.real("logits", logits, "... N C")
    labels, _, noise_variance = chosen._checked(latents, labels, logits.shape[-1], noise_variance)
    if logits.shape[:-1] != latents.shape[:-1] or logits.device != latents.device:
        raise InvalidInput(
            f"logits: got shape {tuple(logits.shape)} with latents {tuple(latents.shape)}, on {logits.device} and "
            f"{latents.device}; expected one device, and one row of logits for each latent."
        )
    terms = loss_terms(
        logits, latents, labels, {objective: beta_prime}, noise_variance=noise_variance, label_smoothing=label_smoothing
    )
    if not torch.isfinite(terms.cross_entropy).all():
        raise InvalidInput(
            f"logits: got values up to {logits.abs().max().item():.3g}, whose cross-entropy is infinite in "
            f"{terms.cross_entropy.dtype}; look for what lets them grow."
        )
    return terms.cross_entropy + chosen._finite(terms.surrogate, latents)
