"""Out-of-distribution detection: does a network notice that an image is none of those it was trained for?

Each score is larger the more foreign an input looks. Two look at the prediction: one minus the maximum softmax
probability (MSP; Hendrycks & Gimpel 2017) and the predictive entropy. One looks at the latent: its surprise under the
Gaussians of the classes, which with zero-entropy noise is the rate that Alemi et al. 2018 (*Uncertainty in the
Variational Information Bottleneck*) detect foreign inputs with. `auroc` says how well a score separates: the area under
the ROC curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.stats import rankdata
from torch import Tensor

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_data
from ibteach.errors import InvalidInput
from ibteach.evaluation.prediction import paired_draws
from ibteach.information import tables
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.information.mixture import LOST, ROUNDING
from ibteach.objectives import moments
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int, UInt8


def msp_score(probabilities: Float[Tensor, "*batch N C"]) -> Float[Tensor, "*batch N"]:
    """1 − max_y q(y|x), (..., N), from probabilities (..., N, C): the score of Hendrycks & Gimpel 2017, turned round.

    >>> msp_score(torch.tensor([[0.75, 0.25]])).item()
    0.25
    """
    return 1 - tables.probabilities("probabilities", probabilities, "... N C", over=1).amax(-1)


def predictive_entropy(probabilities: Float[Tensor, "*batch N C"]) -> Float[Tensor, "*batch N"]:
    """−Σ_y q(y|x) ln q(y|x), nats, (..., N), from probabilities (..., N, C).

    >>> round(predictive_entropy(torch.tensor([[0.5, 0.5]])).item(), 4)
    0.6931
    """
    probabilities = tables.probabilities("probabilities", probabilities, "... N C", over=1)
    return -torch.xlogy(probabilities, probabilities).sum(-1)


@dataclass(frozen=True)
class ClassGaussians:
    """q(z) = Σ_y p(y) N(z; μ_y, diag v_y): a Gaussian with independent units for each class of latents.

    `mean` and `variance` (..., C, K), `class_prior` (..., C); leading axes are networks. Its variances are those that
    the log-variance surrogate is the entropy of, and b(z|y) of CEB (Kirsch et al. 2020; Fischer 2020).
    """

    mean: Float64[Tensor, "*batch C K"]
    variance: Float64[Tensor, "*batch C K"]
    class_prior: Float64[Tensor, "*batch C"]
    noise_variance: float

    @classmethod
    def fit(
        cls,
        latents: Float[Tensor, "*batch N K"],
        labels: Int[Tensor, " N"],
        classes: int,
        noise_variance: float = ZERO_ENTROPY_VARIANCE,
    ) -> ClassGaussians:
        """Fit them to noiseless latents (..., N, K) with labels (N,); the noise is added to the variances.

        Raises `InvalidInput` for shapes and values, and without noise; for latents so large that no variance is finite.
        """
        checks.real("latents", latents, "... N K")
        checks.labels("labels", labels, "N", checks.whole("classes", classes, minimum=2))
        if len(labels) != latents.shape[-2]:
            raise InvalidInput(f"labels: got {len(labels)} for {latents.shape[-2]} latents, expected one each.")
        noise_variance = checks.number("noise_variance", noise_variance, above=0)
        latents, labels = exactly(latents), labels.long()
        labels = labels.to(latents.device)
        one_hot = torch.nn.functional.one_hot(labels, classes).double()
        middle = latents.mean(-2, keepdim=True)
        mean = middle + (one_hot.mT @ (latents - middle)) / one_hot.sum(0).clamp_min(1)[:, None]
        found = moments(latents, labels, classes, noise_variance)
        if not torch.isfinite(found.variance).all():
            raise InvalidInput(
                f"latents: got values up to {latents.abs().max():.3g} with noise of variance {noise_variance:.3g}, "
                "whose squares are too large for float64; look for what lets them grow."
            )
        return cls(mean, found.variance, found.class_prior.expand(mean.shape[:-1]), noise_variance)

    def surprise(
        self, latents: Float[Tensor, "*batch N K"], *, samples: int = 16, seed: int = 0
    ) -> Float64[Tensor, "*together N"]:
        """−E ln q(f(x) + ε) of noiseless latents (..., N, K), nats, (..., N), float64.

        With zero-entropy noise, whose H[ε] is 0, it is the rate KL(p(z|x) ‖ q(z)) ≥ 0 of the input.

        For ŷ, the class that f(x) most likely is of, the expectation of −ln p(ŷ) N(z; μ_ŷ, v_ŷ) is known:
        −ln p(ŷ) + ½ Σ_i ( ln 2πv_i + ((f_i − μ_i)² + σ²) / v_i ). Only what is left, E ln p(ŷ|z) ≤ 0, is a mean over
        `samples` draws of the noise, the same pairs ε, −ε for every input: where one class answers for z there is
        nothing left, and otherwise little, so that the error does not grow with K. Raises `InvalidInput`, also for
        classes so far apart that the noise is lost beside their distance.

        >>> gaussians = ClassGaussians.fit(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]), classes=2)
        >>> near, far = gaussians.surprise(torch.tensor([[0.0, 0.0], [1.0, 1.0]])).tolist()
        >>> round(far - near, 4)  # ‖z‖² / 2σ² = 2πe
        17.0795
        """
        checks.real("latents", latents, "... N K")
        batch, dimension = self.mean.shape[:-2], self.mean.shape[-1]
        if latents.shape[-1] != dimension:
            raise InvalidInput(f"latents: got {latents.shape[-1]} dimensions, expected {dimension}.")
        checks.broadcast(latents.shape[:-2], batch, names="latents, Gaussians")
        samples = checks.whole("samples", samples)
        latents = exactly(latents).to(self.mean)
        noise = paired_draws(samples, dimension, seed).to(self.mean)
        noise = noise * (self.noise_variance / ZERO_ENTROPY_VARIANCE) ** 0.5
        middle = self.mean.mean(-2, keepdim=True)  # only differences matter, and small numbers cancel less
        latents, mean = latents - middle, self.mean - middle
        if torch.finfo(mean.dtype).eps * mean.abs().max() > LOST * self.noise_variance**0.5:
            raise InvalidInput(
                f"latents: got classes up to {mean.abs().max():.3g} from the middle of all, beside which noise of "
                f"standard deviation {self.noise_variance**0.5:.3g} is lost in float64; look for what lets them grow."
            )
        expected, likeliest = (self._log_joint(latents, mean) - self._blurred()).max(-1, keepdim=True)
        left = [self._log_joint(latents + drawn, mean).log_softmax(-1).gather(-1, likeliest) for drawn in noise]
        surprise = (torch.stack(left).mean(0) - expected)[..., 0]
        if not torch.isfinite(surprise).all():
            raise InvalidInput(
                f"latents: got values up to {latents.abs().max():.3g}, so far from every class that their surprise is "
                "no finite number; look for what lets them grow."
            )
        return surprise

    def _log_joint(self, z, mean):
        """ln p(y) N(z; μ_y, v_y), (..., N, C)."""
        precision, constant = 1 / self.variance, (math.log(2 * math.pi) + self.variance.log()).sum(-1)
        of_z, of_mean = z.square() @ precision.mT, (mean.square() * precision).sum(-1)
        if 16 * torch.finfo(z.dtype).eps * max(of_z.max(), of_mean.max()) > ROUNDING:
            differences = zip(mean.unbind(-2), precision.unbind(-2), strict=True)
            squares = torch.stack([((z - m[..., None, :]).square() @ p[..., None])[..., 0] for m, p in differences], -1)
        else:  # Σ_i (z_i − μ_i)² / v_i by three matrix products: no (N, C, K) in memory, and no loop
            squares = of_z - 2 * z @ (mean * precision).mT + of_mean[..., None, :]
        return self.class_prior.log()[..., None, :] - (squares + constant[..., None, :]) / 2

    def _blurred(self):
        """½ Σ_i σ²/v_i, (..., 1, C): how much less ln N(z; μ_y, v_y) is in expectation under the noise than without."""
        return (self.noise_variance / self.variance).sum(-1)[..., None, :] / 2


class AUROC(NamedTuple):
    """Area under the ROC curve and its standard error, both (...)."""

    value: Float64[Tensor, "*batch"]
    standard_error: Float64[Tensor, "*batch"]


def auroc(in_distribution: Float[Tensor, "*batch N"], ood: Float[Tensor, "*batch M"]) -> AUROC:
    """How often a foreign input has the larger score than one of the known kind: the area under the ROC curve.

    P(s_ood > s_in) + ½ P(s_ood = s_in): 1 where the score separates them, ½ where it knows nothing. The
    standard error is that of both samples (DeLong, DeLong & Clarke-Pearson 1988).

    Args:
        in_distribution, ood: scores (..., N) and (..., M), at least two of each.

    Raises `InvalidInput` for fewer, other shapes or NaN.

    >>> auroc(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.5, 2.5, 3.5])).value.item()
    0.8888888888888888
    """
    checks.real("in_distribution", in_distribution, "... N")
    checks.real("ood", ood, "... M")
    count, others = in_distribution.shape[-1], ood.shape[-1]
    if in_distribution.shape[:-1] != ood.shape[:-1] or min(count, others) < 2:
        raise InvalidInput(
            f"scores: got shapes {tuple(in_distribution.shape)} and {tuple(ood.shape)}, expected (..., N) and "
            "(..., M) of the same networks, at least two of each."
        )
    both = torch.cat([in_distribution, ood], -1).detach().cpu().double()
    rank, in_rank, ood_rank = (
        torch.from_numpy(rankdata(scores.numpy(), axis=-1)) for scores in (both, both[..., :count], both[..., count:])
    )
    below = (rank[..., count:] - ood_rank) / count  # of the scores in distribution, for each foreign one
    above = 1 - (rank[..., :count] - in_rank) / others
    variance = above.var(-1) / count + below.var(-1) / others
    return AUROC(below.mean(-1), variance.sqrt())


def _inverted(images, generator):
    return images.max() - images


def _shuffled(images, generator):
    order = torch.randperm(images[0, 0].numel(), generator=generator)
    return images.flatten(2)[..., order].reshape(images.shape)


def _noise(images, generator):
    count = int(images.max()) + 1
    return torch.randint(count, images.shape, generator=generator, dtype=torch.uint8)


def _turned(images, generator):
    return images.rot90(1, (-2, -1))


TRANSFORMS = {"turned": _turned, "inverted": _inverted, "shuffled": _shuffled, "noise": _noise}
"""How images become foreign: by a quarter turn, light for dark, all pixels in one other order, pixels by chance."""


def ood_images(
    data: Dataset, kind: str, count: int | None = None, seed: int = 0
) -> UInt8[Tensor, "N channels height width"]:
    """The first `count` test images (all by default) made foreign in a way of `TRANSFORMS`, bytes (N, C, H, W).

    Raises `UnknownName` and `InvalidInput`.

    >>> from ibteach.data.datasets import load
    >>> digits = load("digits")
    >>> (digits.test_images.int() + ood_images(digits, "inverted")).unique().tolist()
    [16]
    """
    check_data("data", data)
    change = TRANSFORMS[checks.known("kind", kind, TRANSFORMS)]
    count = len(data.test_images) if count is None else checks.whole("count", count, maximum=len(data.test_images))
    generator = seeds.generator(checks.seed("seed", seed), "foreign inputs")
    return change(data.test_images.cpu(), generator)[:count]
