"""What a network minimises: a cross-entropy that fits the labels, and a surrogate that compresses the latent.

IB and DIB are one objective, min H[Y|Z] + β′ H[Z|Y] (with zero-entropy noise, where H[Z|X] = 0). Neither term can be
computed while a network trains, so each gives way to an upper bound that can: decoder uncertainty H[Y|Z] to a
cross-entropy, reverse decoder uncertainty H[Z|Y] to one of the `surrogates` (Kirsch et al. 2020). `loss` is the sum to
minimise; `loss_terms` is the same unchecked, which `fit` calls in every step.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.objectives.cross_entropies import decoder_log_likelihood, finite_cross_entropy
from ibteach.objectives.surrogates import OBJECTIVES, moments

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def weight(objective: str, *, beta_prime: float | None = None, gamma: float | None = None) -> float:
    """β′ of a named objective, from exactly one of the two conventions.

    >>> weight("log-variance", gamma=0.5)
    1.0
    """
    chosen = OBJECTIVES[checks.known("objective", objective, OBJECTIVES)]
    if (beta_prime is None) == (gamma is None):
        raise InvalidInput(
            f"weight: got beta_prime={beta_prime!r} and gamma={gamma!r}, expected exactly one of them; "
            "beta_prime= weighs the bound in nats, gamma= its plain form."
        )
    if gamma is not None:
        return chosen.beta_prime(gamma=gamma)
    return checks.number("beta_prime", beta_prime, minimum=0)


class LossTerms(NamedTuple):
    """What is added up and minimised, each (...), in nats."""

    cross_entropy: Float[Tensor, "*#batch"]  # H_q[Y|Z], of smoothed labels if they are
    surrogate: Float[Tensor, "*#batch"]  # β′ · (an upper bound on H[Z|Y])


def loss_terms(
    logits: Float[Tensor, "*batch N C"],
    latents: Float[Tensor, "*batch N K"],
    labels: Int[Tensor, "*#batch N"],
    beta_primes: Mapping[str, float | Tensor],
    *,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    noise: Float[Tensor, "*#batch N K"] | None = None,
    label_smoothing: float = 0.0,
) -> LossTerms:
    """The terms of `loss`, unchecked: the inner function of a training loop, and what `training.fit` calls.

    It never makes the host wait for the device, has no graph break under ``torch.compile``, and works under
    ``torch.func.vmap`` and autocast. Several objectives are added up, so that networks of an ensemble can have one
    each: the weights of the others are 0.

    Args:
        logits, latents, labels, noise_variance, noise, label_smoothing: as for `loss`.
        beta_primes: name in `OBJECTIVES` → its weight β′, one number or one for each network, (...).

    >>> z, y = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])
    >>> terms = loss_terms(torch.zeros(4, 2), z, y, {"variance": 3.0})
    >>> round(terms.cross_entropy.item(), 4), round(terms.surrogate.item(), 4)
    (0.6931, 0.0)
    """
    cross_entropy = -decoder_log_likelihood(logits, labels).mean(-1)
    if label_smoothing:  # E −ln q of a label that is drawn from all classes with this probability
        uniform = -torch.log_softmax(logits, -1).mean((-2, -1))
        cross_entropy = (1 - label_smoothing) * cross_entropy + label_smoothing * uniform
    m = moments(latents, labels, logits.shape[-1], noise_variance, noise)
    surrogates = [beta_prime * OBJECTIVES[name].of_moments(m) for name, beta_prime in beta_primes.items()]
    return LossTerms(cross_entropy, functools.reduce(operator.add, surrogates))


def loss(
    logits: Float[Tensor, "*batch N C"],
    latents: Float[Tensor, "*batch N K"],
    labels: Int[Tensor, "*#batch N"],
    objective: str,
    *,
    beta_prime: float | None = None,
    gamma: float | None = None,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
    noise: Float[Tensor, "*#batch N K"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, "*batch"]:
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
        noise: that noise, (N, K) or (..., N, K); the objective "mixture" needs it.
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
    labels, _, noise_variance = chosen._checked(latents, labels, logits.shape[-1], noise_variance, noise)
    if logits.shape[:-1] != latents.shape[:-1] or logits.device != latents.device:
        raise InvalidInput(
            f"logits: got shape {tuple(logits.shape)} with latents {tuple(latents.shape)}, on {logits.device} and "
            f"{latents.device}; expected one device, and one row of logits for each latent."
        )
    terms = loss_terms(
        logits,
        latents,
        labels,
        {objective: beta_prime},
        noise_variance=noise_variance,
        noise=noise,
        label_smoothing=label_smoothing,
    )
    cross_entropy = finite_cross_entropy(terms.cross_entropy, logits)
    if chosen.rounded is not None:
        with torch.no_grad():
            chosen._resolved(moments(latents, labels, logits.shape[-1], noise_variance))
    return cross_entropy + chosen._finite(terms.surrogate, latents)
