"""Exercises of chapter 07, the information plane. References are computed with torch.distributions, scipy and numpy."""

import math

import numpy as np
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with


def _rate(latents, noise):
    """−E ln p(z) of the mixture that the noisy latents are; with zero-entropy noise this is I[X;Z]."""
    components = Independent(Normal(latents, (2 * math.pi * math.e) ** -0.5), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(latents), dtype=latents.dtype)), components)
    return -mixture.log_prob(latents + noise).mean()


def _noisy(draw):
    return draw(7, 2), draw(7, 2) / 4


def _lost(path):
    return np.max(path.numpy()) - path.numpy()[-1]


EXERCISES = [
    Exercise(
        name="07.1",
        title="The ceiling of the sample",
        check=agrees_with(lambda: stats.entropy(np.ones(5000))),
        hint="X is one of 5,000 examples, equally likely. No latent tells more about X than H[X].",
        setup="import math\n",
        solution="answer = math.log(5000)",
        wrong=(5000, math.log2(5000), math.log(10)),
    ),
    Exercise(
        name="07.2",
        title="A point of the plane, read",
        check=agrees_with([2.29 - 2.24, 3.41 - 2.24]),
        hint="H[Y|Z] = H[Y] − I[Y;Z]. And I[X;Z] = I[Y;Z] + I[X;Z|Y], where I[X;Z|Y] = H[Z|Y] because H[Z|X] = 0.",
        solution="answer = [2.29 - 2.24, 3.41 - 2.24]",
        wrong=([2.29, 3.41], [3.41 - 2.24, 2.29 - 2.24], [0.05, 3.41 - 2.29]),
    ),
    Exercise(
        name="07.3",
        title="I[X;Z] of a network, by hand",
        check=function_agrees_with(_rate, _noisy),
        hint="The density at a noisy latent is the mean over all centres of e^(K/2) exp(−πe ‖z − f‖²), because "
        "1/(2σ²) = πe and 2πσ² = 1/e. Average −ln of it.",
        setup="import math\nimport torch\n",
        solution="""
def rate(latents, noise):
    z, K = latents + noise, latents.shape[1]
    squares = (z[:, None] - latents).square().sum(-1)
    log_density = K / 2 - math.pi * math.e * squares
    return -log_density.exp().mean(1).log().mean()

answer = rate
""",
        wrong=(
            lambda latents, noise: math.log(len(latents)),
            lambda latents, noise: -Normal(latents, 0.242).log_prob(latents + noise).sum(-1).mean(),
        ),
    ),
    Exercise(
        name="07.4",
        title="How much is forgotten",
        check=function_agrees_with(_lost, lambda draw: (draw(9).abs(),)),
        hint="From the highest value of the path to its last.",
        setup="import torch\n",
        solution="answer = lambda path: path.max() - path[-1]",
        wrong=(
            lambda path: path[0] - path[-1],
            lambda path: path.max() - path.min(),
        ),
    ),
    Exercise(
        name="07.5",
        title="What memorising costs",
        check=agrees_with(lambda: stats.entropy(np.ones(10))),
        hint="Naming every label means H[Y|Z] = 0. What is I[Y;Z] then, and how does it compare with I[X;Z]?",
        setup="import math\n",
        solution="answer = math.log(10)",
        wrong=(math.log(1297), 0.0, 10),
    ),
]
