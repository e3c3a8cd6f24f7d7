"""Exercises of chapter 06, measuring information. References come from scipy and torch.distributions."""

import math

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import digamma
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with


def _surprise(z, f):
    parts = Independent(Normal(f, (2 * math.pi * math.e) ** -0.5), 1)
    return -MixtureSameFamily(Categorical(torch.ones(len(f), dtype=f.dtype)), parts).log_prob(z)


def _kozachenko_leonenko(points):
    count, dimension = points.shape
    distances = np.sort(cdist(points.numpy(), points.numpy()), axis=1)[:, 3]
    log_ball = 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1)
    return digamma(count) - digamma(3) + log_ball + dimension * np.log(distances).mean()


EXERCISES = [
    Exercise(
        name="06.1",
        title="The ceiling of a sample",
        check=agrees_with(lambda: stats.entropy(np.ones(1797))),
        hint="On N inputs, each as likely as the other, no network can tell more than which one it was.",
        setup="import math\n",
        solution="answer = math.log(1797)",
        wrong=(math.log(10), math.log2(1797), 1797),
    ),
    Exercise(
        name="06.2",
        title="The surprise at a noisy latent",
        check=function_agrees_with(_surprise, lambda draw: (0.5 * draw(6, 3), 0.5 * draw(9, 3))),
        hint="A Gaussian of variance 1/τ, τ = 2πe, has the density (τ/2π)^(K/2) exp(−τ‖z − f‖²/2). Average over f.",
        setup="import math\nimport torch\n",
        solution="""
def surprise(z, f):
    tau, K = 2 * math.pi * math.e, f.shape[1]
    log_densities = K / 2 * math.log(tau / (2 * math.pi)) - tau / 2 * torch.cdist(z, f) ** 2
    return math.log(len(f)) - log_densities.logsumexp(1)

answer = surprise
""",
        wrong=(
            lambda z, f: -_surprise(z, f),
            lambda z, f: math.log(len(f)) - (-(torch.cdist(z, f) ** 2) / 2).logsumexp(1),
            lambda z, f: _surprise(z, f).mean(),
        ),
    ),
    Exercise(
        name="06.3",
        title="Kozachenko and Leonenko, by hand",
        check=function_agrees_with(_kozachenko_leonenko, lambda draw: (draw(30, 2),)),
        hint="Column k of the sorted distances is the k-th neighbour; column 0 is the point itself. Use torch.digamma.",
        setup="import math\nimport torch\n",
        solution="""
def entropy(points):
    N, K = points.shape
    rho = torch.cdist(points, points).sort(1).values[:, 3]
    log_ball = K / 2 * math.log(math.pi) - math.lgamma(K / 2 + 1)
    psi = torch.digamma(torch.tensor([N, 3.0]))
    return psi[0] - psi[1] + log_ball + K * rho.log().mean()

answer = entropy
""",
        wrong=(
            lambda points: torch.cdist(points, points).sort(1).values[:, 3].log().mean(),
            lambda points: _kozachenko_leonenko(points) - math.log(math.pi),
        ),
    ),
    Exercise(
        name="06.4",
        title="The most that KSG can say",
        check=agrees_with(lambda: digamma(1000) - digamma(3)),
        hint="At least k − 1 points are nearer than the k-th neighbour, in x and in y: put n = k − 1 into the formula.",
        setup="from scipy.special import digamma\n",
        solution="answer = digamma(1000) - digamma(3)",
        wrong=(math.log(1000), digamma(1000) + digamma(3), digamma(1000)),
    ),
    Exercise(
        name="06.5",
        title="A bin for everyone",
        check=agrees_with(lambda: stats.entropy([0.5, 0.25, 0.25])),
        hint="Where every latent has a bin of its own, the bin tells which input it was, and so its label. "
        "Which entropy?",
        setup="import math\n",
        solution="answer = 0.5 * math.log(2) + 2 * 0.25 * math.log(4)",
        wrong=(math.log(400), math.log(3), 0.0, 1.5),
    ),
]
