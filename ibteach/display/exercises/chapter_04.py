"""Exercises of chapter 04, noise and differential entropy. References come from scipy and torch.distributions."""

import math

import torch
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq
from torch.distributions import MultivariateNormal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with

SD = (2 * math.pi * math.e) ** -0.5


def _shrunk():
    return 3 + 64 * (stats.norm(scale=0.5).entropy() - stats.norm().entropy())


def _with_noise(covariance):
    dimension = len(covariance)
    noisy = covariance + SD**2 * torch.eye(dimension, dtype=covariance.dtype)
    return MultivariateNormal(torch.zeros(dimension, dtype=covariance.dtype), noisy).entropy()


def _two_points():
    def surprise(z):
        density = 0.75 * stats.norm.pdf(z, 0, SD) + 0.25 * stats.norm.pdf(z, 20, SD)
        return -density * math.log(max(density, 1e-300))

    return quad(surprise, -3, 3)[0] + quad(surprise, 17, 23)[0]


EXERCISES = [
    Exercise(
        name="04.1",
        title="A negative entropy",
        check=agrees_with(lambda: stats.uniform(scale=0.25).entropy()),
        hint="The density is 4 on an interval of length ¼. What is −∫ p ln p?",
        setup="import math\n",
        solution="answer = -math.log(4)",
        wrong=(math.log(4), 0.25 * math.log(4), 0.0),
    ),
    Exercise(
        name="04.2",
        title="Sixty-four units, halved",
        check=agrees_with(_shrunk),
        hint="H[aZ] = H[Z] + K ln |a|. What are K and a?",
        setup="import math\n",
        solution="answer = 3 - 64 * math.log(2)",
        wrong=(3 - math.log(2), 3 / 64, 1.5, 3 + 64 * math.log(2)),
    ),
    Exercise(
        name="04.3",
        title="A Gaussian latent with noise",
        check=function_agrees_with(_with_noise, lambda draw: ((a := draw(3, 2)) @ a.T,)),
        hint="The noise adds 1/(2πe) to every variance, and ½ ln det(2πe Σ) of the sum is the entropy.",
        setup="import math\nimport torch\n",
        solution="""
def entropy(covariance):
    K = len(covariance)
    return 0.5 * torch.logdet(torch.eye(K) + 2 * math.pi * math.e * covariance)

answer = entropy
""",
        wrong=(
            lambda covariance: 0.5 * torch.logdet(2 * math.pi * math.e * covariance),
            lambda covariance: torch.logdet(torch.eye(3) + 2 * math.pi * math.e * covariance),
        ),
    ),
    Exercise(
        name="04.4",
        title="Two points, one of them likelier",
        check=agrees_with(_two_points),
        hint="Far apart, the noise blurs nothing: what is left to ask is which of the two points it was.",
        setup="import math\n",
        solution="answer = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)",
        wrong=(math.log(2), 0.0, 0.8113),
    ),
    Exercise(
        name="04.5",
        title="Noise of one nat",
        check=agrees_with(lambda: brentq(lambda v: 8 * stats.norm(scale=math.sqrt(v)).entropy() - 1, 0.01, 1)),
        hint="K units have K · ½ ln(2πe σ²) nats between them. Solve for σ².",
        setup="import math\n",
        solution="answer = math.exp(2 / 8) / (2 * math.pi * math.e)",
        wrong=(1 / (2 * math.pi * math.e), math.exp(2) / (2 * math.pi * math.e), 0.2578),
    ),
]
