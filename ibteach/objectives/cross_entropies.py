"""How well labels are fitted: cross-entropies, what S draws of a noisy latent make of them, and the error they bound.

Training minimises the decoder cross-entropy H_q[Y|Z], of one draw; a network that is used averages over draws, and its
loss is the prediction cross-entropy H_q[Y|X] (Kirsch et al. 2020). `fits` is the one core for both and for the errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int64

PAPER = "Kirsch et al. 2020"


def decoder_cross_entropy(
    logits: Float[Tensor, "*batch N C"], labels: Int[Tensor, "*#batch N"]
) -> Float[Tensor, "*batch"]:
    """Decoder cross-entropy H_q[Y|Z] = E −ln q(y|z), in nats: an upper bound on decoder uncertainty H[Y|Z].

    The usual training loss of a network with a noisy latent, one noise sample per input (Kirsch et al. 2020).

    Args:
        logits: (..., N, C), of one noise sample per input.
        labels: (N,) or (..., N), integers below C.

    Returns (...), nats. Raises `InvalidInput` for other shapes, NaN, labels out of range, or a result that is infinite.

    >>> round(decoder_cross_entropy(torch.zeros(5, 10), torch.arange(5)).item(), 4)  # ln 10
    2.3026
    """
    checks.real("logits", logits, "... N C")
    labels = checked_labels(labels, logits, classes=logits.shape[-1])
    return finite_cross_entropy(decoder_log_likelihood(logits, labels).mean(-1).neg(), logits)


def prediction_cross_entropy(
    logits: Float[Tensor, "S *batch N C"], labels: Int[Tensor, "*#batch N"]
) -> Float[Tensor, "*batch"]:
    """Prediction cross-entropy H_q[Y|X] ≈ E −ln (1/S) Σ_s q(y|z_s), in nats.

    An upper bound on label uncertainty H[Y|X]. With S = 1 it is `decoder_cross_entropy`; its expectation falls
    monotonically in S towards H_q[Y|X] ≤ H_q[Y|Z] (Jensen; Kirsch et al. 2020).

    Args:
        logits: (S, ..., N, C), S noise samples of the same inputs along the first axis.
        labels: (N,) or (..., N), integers below C.

    Returns (...), nats. Raises `InvalidInput` for other shapes (S = 0 among them), NaN, labels out of range, or a
    result that is infinite.

    >>> logits = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])  # two samples that disagree about one input
    >>> round(prediction_cross_entropy(logits, torch.tensor([0])).item(), 4)  # ln 2: on average, undecided
    0.6931
    """
    checks.real("logits", logits, "S ... N C")
    labels = checked_labels(labels, logits[0], classes=logits.shape[-1])
    return finite_cross_entropy(log_mean_likelihood(decoder_log_likelihood(logits, labels)).mean(-1).neg(), logits)


class ErrorBounds(NamedTuple):
    """Upper bounds on the error rate, from a cross-entropy in nats; each field has the shape of the cross-entropy."""

    sampled: Float[Tensor, "*shape"]  # of a label drawn from the prediction: 1 − e^{−H}
    linear: Float[Tensor, "*shape"]  # looser, of the same: H
    argmax: Float[Tensor, "*shape"]  # of the most probable label: H / ln 2


def training_error_bounds(cross_entropy: Float[Tensor, "*shape"]) -> ErrorBounds:
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


def decoder_log_likelihood(
    logits: Float[Tensor, "*batch N C"], labels: Int[Tensor, "*#batch N"]
) -> Float[Tensor, "*batch N"]:
    """ln q(y|z) of each example, (..., N): the unchecked inner function of the cross-entropies."""
    index = labels.expand(logits.shape[:-1])[..., None]
    return F.log_softmax(logits, -1).gather(-1, index)[..., 0]


class Fits(NamedTuple):
    """How well S draws of a noisy latent fit the label of each example, each (..., N)."""

    decoder_cross_entropy: Float[Tensor, "*batch N"]  # −(1/S) Σ_s ln q(y|z_s), nats: its mean is H_q[Y|Z]
    prediction_cross_entropy: Float[Tensor, "*batch N"]  # −ln (1/S) Σ_s q(y|z_s), nats: its mean is H_q[Y|X]
    sampled_error: Float[Tensor, "*batch N"]  # the probability that a label drawn from the mean prediction is wrong
    argmax_error: Float[Tensor, "*batch N"]  # whether the likeliest label of the mean prediction is wrong
    one_draw_error: Float[Tensor, "*batch N"]  # the share of draws whose likeliest label is wrong


def fits(draws: Iterable[Float[Tensor, "*batch N C"]], labels: Int[Tensor, "*#batch N"]) -> Fits:
    """The two cross-entropies and the errors from S draws: unchecked, in one pass, keeping no draw.

    Args:
        draws: logits (..., N, C) of each, or all of them (S, ..., N, C).
        labels: (N,) or (..., N), on the same device.

    >>> logits = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])  # two samples that disagree about one input
    >>> [round(each.item(), 4) for each in fits(logits, torch.tensor([0]))]
    [1.1269, 0.6931, 0.5, 0.0, 0.5]
    """
    log_likelihoods, wrong, total = [], [], torch.zeros(())
    for logits in draws:
        log_likelihoods.append(decoder_log_likelihood(logits, labels))
        wrong.append(logits.argmax(-1) != labels)
        total = total.to(logits) + logits.softmax(-1)
    log_likelihood = torch.stack(log_likelihoods)
    return Fits(
        decoder_cross_entropy=-log_likelihood.mean(0),
        prediction_cross_entropy=-log_mean_likelihood(log_likelihood),
        sampled_error=1 - log_likelihood.exp().mean(0),
        argmax_error=(total.argmax(-1) != labels).to(log_likelihood),
        one_draw_error=torch.stack(wrong).to(log_likelihood).mean(0),
    )


def log_mean_likelihood(log_likelihood: Float[Tensor, "*given"], dim: int = 0) -> Float[Tensor, "*without"]:
    """ln (1/S) Σ_s q(y|z_s), at most 0, from ln q(y|z_s) with the S draws along that axis.

    >>> log_mean_likelihood(torch.tensor([0.9, 0.1]).log()).exp()
    tensor(0.5000)
    """
    # A certain prediction rounds to a little more than certain, and no cross-entropy of labels is negative.
    return (log_likelihood.logsumexp(dim) - math.log(log_likelihood.shape[dim])).clamp_max(0)


def finite_cross_entropy(
    cross_entropy: Float[Tensor, "*batch"], logits: Float[Tensor, "*given"]
) -> Float[Tensor, "*batch"]:
    """The cross-entropy of these logits, unless it is beyond the numbers there are: then `InvalidInput`.

    >>> finite_cross_entropy(torch.tensor(torch.inf), torch.tensor([[3e38, -3e38]]))
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: logits: got values up to 3e+38, whose cross-entropy is infinite in torch.float32;
    look for what lets them grow.
    """
    if not torch.isfinite(cross_entropy).all():
        raise InvalidInput(
            f"logits: got values up to {logits.abs().max().item():.3g}, whose cross-entropy is infinite in "
            f"{cross_entropy.dtype}; look for what lets them grow."
        )
    return cross_entropy


def checked_labels(
    labels: Int[Tensor, "*#batch N"], values: Float[Tensor, "*batch N K"], classes: int | None
) -> Int64[Tensor, "*#batch N"]:
    """Labels as int64, checked against values (..., N, K): class numbers, one per example, on the same device."""
    checks.labels("labels", labels, "... N", classes)
    wanted = values.shape[:-1]
    if labels.shape not in (wanted[-1:], wanted):
        raise InvalidInput(f"labels: got shape {tuple(labels.shape)}, expected ({wanted[-1]},) or {tuple(wanted)}.")
    if labels.device != values.device:
        raise InvalidInput(f"labels: got device {labels.device}, expected {values.device}, where the rest is.")
    return labels.long()


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
