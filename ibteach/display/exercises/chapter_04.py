"""Exercises of chapter 04, noise and differential entropy. References come from scipy and torch.distributions."""

import math

import torch
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq
from torch.distributions import MultivariateNormal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size
from ibteach.objectives import OBJECTIVES

TWO_PI_E = 2 * math.pi * math.e
SD = TWO_PI_E**-0.5


def _shrunk():
    return 3 + 64 * (stats.norm(scale=0.5).entropy() - stats.norm().entropy())


def _with_noise(covariance):
    dimension = len(covariance)
    noisy = covariance + SD**2 * torch.eye(dimension, dtype=covariance.dtype)
    return MultivariateNormal(torch.zeros(dimension, dtype=covariance.dtype), noisy).entropy()


def _covariance(draw):
    """Singular: one direction less than there are units."""
    units = size(draw, 2)
    half = draw(units, units - 1)
    return (half @ half.T,)


def _log_det(matrix):
    return torch.linalg.slogdet(matrix).logabsdet


def _two_points():
    def surprise(z):
        density = 0.75 * stats.norm.pdf(z, 0, SD) + 0.25 * stats.norm.pdf(z, 20, SD)
        return -density * math.log(max(density, 1e-300))

    return quad(surprise, -3, 3)[0] + quad(surprise, 17, 23)[0]


def _l2_of_a_point():
    """The L2 surrogate of the library, of latents that are all at the origin, without noise."""
    return OBJECTIVES["l2"](torch.zeros(4, 2, dtype=torch.float64), torch.zeros(4, dtype=torch.long), noise_variance=0)


EXERCISES = [
    Exercise(
        name="04.1",
        title="A negative entropy",
        check=agrees_with(lambda: stats.uniform(scale=0.25).entropy()),
        hint=("How high is the density?", "The density is 4 on an interval of length ¼. What is −∫ p ln p?"),
        setup="import math\n",
        solution="answer = -math.log(4)",
        mistakes={
            "the density forgotten before the logarithm": -0.25 * math.log(4),
            "the entropy of four equal values": math.log(4),
            "the integral of ln p over the interval": 0.25 * math.log(4),
            "the entropy of an interval of length 1": 0.0,
            "the density": 4.0,
            "bits": -2.0,
        },
    ),
    Exercise(
        name="04.2",
        title="Sixty-four units, halved",
        check=agrees_with(_shrunk),
        hint=(
            "What does stretching one unit do to an entropy? How many units are there?",
            "H[aZ] = H[Z] + K ln |a|. What are K and a?",
        ),
        setup="import math\n",
        solution="answer = 3 - 64 * math.log(2)",
        mistakes={
            "one unit halved": 3 - math.log(2),
            "nats of each unit": 3 / 64,
            "the entropy halved": 1.5,
            "every unit doubled": 3 + 64 * math.log(2),
            "the 3 nats forgotten": -64 * math.log(2),
            "bits subtracted from nats": 3 - 64,
            "a variance halved, not a length": 3 - 32 * math.log(2),
            "nothing below zero": 0.0,
        },
    ),
    Exercise(
        name="04.3",
        title="A Gaussian latent with noise",
        check=function_agrees_with(_with_noise, _covariance),
        hint=(
            "What does independent noise do to a covariance? Which matrix is then never singular?",
            "The noise adds 1/(2πe) to every variance, and ½ ln det(2πe Σ) of the sum is the entropy.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def entropy(covariance):
    K = len(covariance)
    return 0.5 * torch.logdet(torch.eye(K) + 2 * math.pi * math.e * covariance)

answer = entropy
""",
        mistakes={
            "the noise forgotten": lambda covariance: _log_det(TWO_PI_E * covariance) / 2,
            "the ½ forgotten": lambda covariance: _log_det(torch.eye(len(covariance)) + TWO_PI_E * covariance),
            "variances alone, without what they share": lambda covariance: (
                (1 + TWO_PI_E * covariance.diag()).log().sum() / 2
            ),
            "noise of variance 1": lambda covariance: (
                _log_det(TWO_PI_E * (torch.eye(len(covariance)) + covariance)) / 2
            ),
            "2π in place of 2πe": lambda covariance: (
                _log_det(torch.eye(len(covariance)) + 2 * math.pi * covariance) / 2
            ),
            "2πe put in once, not for each unit": lambda covariance: (
                (_log_det(covariance + torch.eye(len(covariance)) / TWO_PI_E) + math.log(TWO_PI_E)) / 2
            ),
            "noise of standard deviation 1/(2πe)": lambda covariance: (
                _log_det(TWO_PI_E * (covariance + torch.eye(len(covariance)) / TWO_PI_E**2)) / 2
            ),
            "three units, whatever they are": lambda covariance: (
                (_log_det(covariance + torch.eye(len(covariance)) / TWO_PI_E) + 3 * math.log(TWO_PI_E)) / 2
            ),
        },
    ),
    Exercise(
        name="04.4",
        title="Two points, one of them likelier",
        check=agrees_with(_two_points),
        hint=(
            "What does the noise itself add? And which question is left to ask?",
            "Far apart, the noise blurs nothing and adds 0 nats: left is which of the two points it was, ¾ or ¼.",
        ),
        setup="import math\n",
        solution="answer = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)",
        mistakes={
            "two points, equally likely": math.log(2),
            "the noise alone": 0.0,
            "the likelier point alone": -0.75 * math.log(0.75),
            "the rarer point alone": -0.25 * math.log(0.25),
            "their surprises, each counted alike": -(math.log(0.75) + math.log(0.25)) / 2,
            "noise of variance 1": -0.75 * math.log(0.75) - 0.25 * math.log(0.25) + stats.norm.entropy(),
        },
    ),
    Exercise(
        name="04.5",
        title="Noise of one nat",
        check=agrees_with(lambda: brentq(lambda v: 8 * stats.norm(scale=math.sqrt(v)).entropy() - 1, 0.01, 1), unit=""),
        hint=(
            "How many nats has each unit? Is a variance asked for, or a standard deviation?",
            "K units have K · ½ ln(2πe σ²) nats between them. Solve for σ².",
        ),
        setup="import math\n",
        solution="answer = math.exp(2 / 8) / (2 * math.pi * math.e)",
        mistakes={
            "the variance of zero-entropy noise": 1 / TWO_PI_E,
            "one nat in each unit": math.exp(2) / TWO_PI_E,
            "the standard deviation": math.sqrt(math.exp(2 / 8) / TWO_PI_E),
            "the ½ forgotten": math.exp(1 / 8) / TWO_PI_E,
            "one bit in all": 2 ** (2 / 8) / TWO_PI_E,
            "2π in place of 2πe": math.exp(2 / 8) / (2 * math.pi),
            "−1 nat": math.exp(-2 / 8) / TWO_PI_E,
        },
    ),
    Exercise(
        name="04.6",
        title="How low a bound falls without noise, found by playing",
        check=agrees_with(_l2_of_a_point, whole=True),
        hint=(
            "Choose L2, γ = 10, no noise and 100 % random labels; press Start again, then Train, and read the L2 bar.",
            "The latent shrinks to a point: put E‖Z‖² = 0 into πe E‖Z‖² − K/2, with K = 2.",
        ),
        solution="answer = -2 / 2",
        mistakes={
            "the floor with noise": 0.0,
            "−K": -2.0,
            "one dimension": -0.5,
            "the sign forgotten": 1.0,
            "−K ln 2": -2 * math.log(2),
            "in bits": -1 / math.log(2),
        },
    ),
]
