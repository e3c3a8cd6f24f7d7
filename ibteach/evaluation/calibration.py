"""Calibration: is a network right as often as it says it is?

Of all predictions made with 90 % confidence nine in ten should be right. A reliability diagram sorts predictions into
bins by their confidence and compares, bin by bin, the mean confidence with the share that is right; the expected
calibration error is the mean gap between the two (Guo et al. 2017). `ibteach.evaluation.prediction` makes the
probabilities; `calibration_floor` says how large an error the sample alone makes, of a predictor that has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ibteach import checks, seeds
from ibteach.errors import InvalidInput
from ibteach.information import tables

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int64

BINS = 15  # as Guo et al. 2017 count them


class Reliability(NamedTuple):
    """Bin by bin of confidence, (..., B): mean confidence, share of right predictions, and how many there are.

    `confidence` and `accuracy` are NaN where `count` is 0.
    """

    confidence: Float[Tensor, "*batch B"]
    accuracy: Float[Tensor, "*batch B"]
    count: Int64[Tensor, "*batch B"]

    @property
    def standard_error(self) -> Float[Tensor, "*batch B"]:
        """What chance makes of the accuracy of a calibrated predictor, √(confidence (1 − confidence) / n), (..., B)."""
        return (self.confidence * (1 - self.confidence) / self.count).sqrt()

    @property
    def expected_calibration_error(self) -> Float[Tensor, "*batch"]:
        """Σ_b n_b/N |accuracy_b − confidence_b|, (...)."""
        gap = (self.accuracy - self.confidence).abs().nan_to_num(0)  # empty bins weigh nothing
        return (self.count * gap).sum(-1) / self.count.sum(-1)


class Floor(NamedTuple):
    """Mean and standard deviation, both (...), over repetitions of the sample."""

    mean: Float[Tensor, "*batch"]
    standard_deviation: Float[Tensor, "*batch"]


def reliability(probabilities: Float[Tensor, "*batch N C"], labels: Int[Tensor, " N"], bins: int = BINS) -> Reliability:
    """Confidence and accuracy in bins of equal width of the largest probability, ((b−1)/B, b/B] (Guo et al. 2017).

    Args:
        probabilities: (..., N, C), of each class; leading axes are networks.
        labels: (N,), the true classes.
        bins: B ≥ 1.

    Raises `InvalidInput` where the probabilities are negative or do not sum to 1.

    >>> sure = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    >>> found = reliability(sure, torch.tensor([0, 1, 1, 1]), bins=2)
    >>> found.accuracy.tolist(), found.count.tolist()
    ([nan, 0.75], [0, 4])
    """
    return _binned(*_confidence(probabilities, labels), checks.whole("bins", bins))


def expected_calibration_error(
    probabilities: Float[Tensor, "*batch N C"], labels: Int[Tensor, " N"], bins: int = BINS
) -> Float[Tensor, "*batch"]:
    """Σ_b n_b/N |accuracy_b − confidence_b| over the bins of `reliability` (Guo et al. 2017), (...).

    Between 0 and 1. It is biased: chance moves the accuracy of each bin, and an absolute value counts that as error,
    so that even a calibrated predictor shows one, about √(B/N) times 0.4 where it is unsure. `calibration_floor` says
    how much. Within a bin, over- and underconfidence cancel. Arguments and errors: `reliability`.

    >>> always_sure = torch.eye(2)[torch.zeros(4).long()]
    >>> expected_calibration_error(always_sure, torch.tensor([0, 0, 0, 1])).item()
    0.25
    """
    return reliability(probabilities, labels, bins).expected_calibration_error


def calibration_floor(
    probabilities: Float[Tensor, "*batch N C"], bins: int = BINS, *, draws: int = 100, seed: int = 0
) -> Floor:
    """The expected calibration error of a calibrated predictor that is as confident as this one: what chance makes.

    The labels are drawn anew from the predictions themselves, so that there is no error to be found (consistency
    resampling: Bröcker & Smith 2007). An error that is not clearly above `mean` is none.

    Args:
        probabilities: (..., N, C).
        bins: as in `expected_calibration_error`.
        draws, seed: how often labels are drawn, at least 2, and from which seed.

    >>> unsure = torch.full((1000, 2), 0.5)
    >>> floor = calibration_floor(unsure)
    >>> 0.010 < floor.mean.item() < 0.015  # √(2/π) standard errors of 1000 coins
    True
    """
    bins, draws = checks.whole("bins", bins), checks.whole("draws", draws, minimum=2)
    generator = seeds.generator(checks.seed("seed", seed), "resampled labels")
    confidence = tables.probabilities("probabilities", probabilities, "... N C", over=1).amax(-1).cpu()
    found = torch.stack(
        [
            _binned(
                confidence, torch.rand(confidence.shape, generator=generator) < confidence, bins
            ).expected_calibration_error
            for _ in range(draws)
        ]
    )
    return Floor(found.mean(0), found.std(0))


def _confidence(probabilities, labels):
    """The largest probability, (..., N), and whether its class is the right one."""
    device = getattr(probabilities, "device", None)
    probabilities = tables.probabilities("probabilities", probabilities, "... N C", over=1)
    confidence, predicted = probabilities.max(-1)
    checks.labels("labels", labels, "N", probabilities.shape[-1])
    if labels.shape != probabilities.shape[-2:-1] or labels.device not in (device, probabilities.device):
        raise InvalidInput(
            f"labels: got {tuple(labels.shape)} on {labels.device}, expected ({probabilities.shape[-2]},) on "
            f"{probabilities.device}, one for each prediction."
        )
    return confidence, predicted == labels.to(predicted.device)


def _binned(confidence, right, bins):
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    empty = confidence.new_zeros(*confidence.shape[:-1], bins)
    count = empty.scatter_add(-1, bin_of, torch.ones_like(confidence))
    total = empty.scatter_add(-1, bin_of, confidence), empty.scatter_add(-1, bin_of, right.to(confidence))
    mean_confidence, accuracy = (sums / count for sums in total)
    return Reliability(mean_confidence, accuracy, count.long())
