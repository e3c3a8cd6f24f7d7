"""Exercises of chapter 07, the information plane. References are computed with torch.distributions, scipy and numpy."""

import math

import numpy as np
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size
from ibteach.information import mixture

TWO_PI_E = 2 * math.pi * math.e


def _rate(latents, noise):
    """−E ln p(z) of the mixture that the noisy latents are; with zero-entropy noise this is I[X;Z]."""
    components = Independent(Normal(latents, TWO_PI_E**-0.5), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(latents), dtype=latents.dtype)), components)
    return -mixture.log_prob(latents + noise).mean()


def _noisy(draw):
    shape = size(draw, 3), size(draw, 1)
    return draw(*shape) / 2, draw(*shape) / 4


def _lost(path):
    return np.max(path.numpy()) - path.numpy()[-1]


def _share_of_the_class():
    """Clouds far apart, before and after they shrank by half: what H[Z|Y] lost, over what I[X;Z] lost."""
    labels = torch.arange(400) % 4
    cloud = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    wide, narrow = (mixture.measure(99 * labels[:, None] + spread * cloud, labels) for spread in (1.0, 0.5))
    lost = [
        getattr(wide, name).value - getattr(narrow, name).value
        for name in ("reverse_decoder_uncertainty", "preserved_information")
    ]
    return (lost[0] / lost[1]).round()


EXERCISES = [
    Exercise(
        name="07.1",
        title="The ceiling of the sample",
        check=agrees_with(lambda: stats.entropy(np.ones(5000))),
        hint=(
            "What is the most that there is to know about which example it was?",
            "X is one of 5,000 examples, equally likely. No latent tells more about X than H[X].",
        ),
        setup="import math\n",
        solution="answer = math.log(5000)",
        mistakes={
            "N itself": 5000,
            "H[Y], the other ceiling": math.log(10),
            "the figure's 1,000 examples": math.log(1000),
            "common logarithms": math.log10(5000),
            "both ceilings together": math.log(50_000),
        },
    ),
    Exercise(
        name="07.2",
        title="A point of the plane, read",
        check=agrees_with([2.29 - 2.24, 3.41 - 2.24]),
        hint=(
            "In the diagram, what is left of Y outside Z, and of Z outside Y?",
            "H[Y|Z] = H[Y] − I[Y;Z]. And I[X;Z] = I[Y;Z] + I[X;Z|Y], where I[X;Z|Y] = H[Z|Y] because H[Z|X] = 0.",
        ),
        solution="answer = [2.29 - 2.24, 3.41 - 2.24]",
        mistakes={
            "what was given": [2.29, 3.41],
            "H[Y] subtracted in place of I[Y;Z]": [0.05, 3.41 - 2.29],
            "ln 10 in place of this H[Y]": [math.log(10) - 2.24, 3.41 - 2.24],
            "I[X;Z] in place of H[Z|Y]": [0.05, 3.41],
            "a sum in place of a difference": [2.29 + 2.24, 3.41 + 2.24],
            "I[Y;Z] in place of H[Y|Z]": [2.24, 3.41 - 2.24],
        },
    ),
    Exercise(
        name="07.3",
        title="I[X;Z] of a network, by hand",
        check=function_agrees_with(_rate, _noisy),
        hint=(
            "The noisy latents are a mixture. Which density has it at each of them, and what is averaged last?",
            "The density at a noisy latent is the mean over all centres of e^(K/2) exp(−πe ‖z − f‖²), because "
            "1/(2σ²) = πe and 2πσ² = 1/e. Average −ln of it.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def rate(latents, noise):
    z, K = latents + noise, latents.shape[1]
    squares = (z[:, None] - latents).square().sum(-1)
    log_density = K / 2 - math.pi * math.e * squares
    return -log_density.exp().mean(1).log().mean()

answer = rate
""",
        mistakes={
            "the ceiling ln N": lambda latents, noise: math.log(len(latents)) + 0 * noise.sum(),
            "the entropy of one Gaussian": lambda latents, noise: (
                -Normal(latents, TWO_PI_E**-0.5).log_prob(latents + noise).sum(-1).mean()
            ),
            "a sum over centres, not a mean": lambda latents, noise: _rate(latents, noise) - math.log(len(latents)),
            "the logarithm before the average over centres": lambda latents, noise: (
                math.pi * math.e * torch.cdist(latents + noise, latents).square().mean() - latents.shape[1] / 2
            ),
            "e^(K/2) forgotten": lambda latents, noise: _rate(latents, noise) + latents.shape[1] / 2,
            "K = 2, whatever it is": lambda latents, noise: _rate(latents, noise) + latents.shape[1] / 2 - 1,
            "the noise forgotten": lambda latents, noise: _rate(latents, 0 * noise),
            "noise of variance 1": lambda latents, noise: (
                _rate(latents / TWO_PI_E**0.5, noise / TWO_PI_E**0.5) + latents.shape[1] / 2 * math.log(TWO_PI_E)
            ),
            "2πe in the exponent, not πe": lambda latents, noise: _rate(latents * 2**0.5, noise * 2**0.5),
            "one value for each latent": lambda latents, noise: _rate(latents, noise) + 0 * noise[:, 0],
        },
    ),
    Exercise(
        name="07.4",
        title="How much is forgotten",
        check=function_agrees_with(_lost, lambda draw: (draw(size(draw, 4)).abs(),)),
        hint=("Where does the path turn, and where does it end?", "From the highest value of the path to its last."),
        setup="import torch\n",
        solution="answer = lambda path: path.max() - path[-1]",
        mistakes={
            "from the first to the last": lambda path: path[0] - path[-1],
            "from the highest to the lowest": lambda path: path.max() - path.min(),
            "from the first to the highest": lambda path: path.max() - path[0],
            "the epoch of the highest": lambda path: path.argmax(),
            "the last one": lambda path: path[-1],
            "all falls together": lambda path: (-path.diff()).clamp(min=0).sum(),
            "the largest fall": lambda path: (-path.diff()).max(),
        },
    ),
    Exercise(
        name="07.5",
        title="What memorising costs",
        check=agrees_with(lambda: stats.entropy(np.ones(10))),
        hint=(
            "H[Y|Z] = 0. Which other information cannot be less, then?",
            "I[Y;Z] = H[Y] − H[Y|Z] = H[Y], and I[X;Z] ≥ I[Y;Z]: a latent of ten points is enough.",
        ),
        setup="import math\n",
        solution="answer = math.log(10)",
        mistakes={
            "every image kept apart": math.log(1300),
            "nothing": 0.0,
            "ten": 10,
            "common logarithms": 1.0,
            "two hundred images kept apart": math.log(200),
        },
    ),
    Exercise(
        name="07.6",
        title="What the second phase takes away, found by playing",
        check=agrees_with(_share_of_the_class, unit="", whole=True),
        hint=(
            "Pause twice on the way to the left, and read I[X;Z] and H[Z|Y] both times. By how much did each fall?",
            "I[X;Z] = I[Y;Z] + I[X;Z|Y], and with this noise I[X;Z|Y] = H[Z|Y]. Which of the two stays as it is?",
        ),
        solution="answer = 1.0",
        mistakes={
            "nothing": 0.0,
            "half of it": 0.5,
            "twice as much": 2.0,
            "in bits": 1 / math.log(2),
            "H[Z|Y] rises": -1.0,
            "ln 10": math.log(10),
        },
    ),
]
