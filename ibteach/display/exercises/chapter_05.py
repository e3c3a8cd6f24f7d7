"""Exercises of chapter 05, the surrogate objectives. References are computed with torch.distributions and scipy."""

import math

import torch
from scipy import stats
from scipy.optimize import brentq
from torch.distributions import Normal, kl_divergence

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with


def _within_class_variance(latents, labels):
    """Σ_i E_y Var[f_i | y], example by example: the mean squared distance to the mean of the own class."""
    means = torch.stack([latents[labels == label].mean(0) for label in labels])
    return (latents - means).square().sum(-1).mean()


def _variance_surrogate(latents, labels):
    dimension = latents.shape[-1]
    total = _within_class_variance(latents, labels) + dimension / (2 * math.pi * math.e)
    return math.pi * math.e * total - dimension / 2


def _vib_rate(latents):
    noise = Normal(latents, (2 * math.pi * math.e) ** -0.5)
    return kl_divergence(noise, Normal(0.0, 1.0)).sum(-1).mean()


def _labelled(draw):
    return draw(12, 3), torch.arange(12) % 4


EXERCISES = [
    Exercise(
        name="05.1",
        title="The standard deviation of zero-entropy noise",
        check=agrees_with(lambda: brentq(lambda sigma: stats.norm(scale=sigma).entropy(), 0.01, 1)),
        hint="A Gaussian has entropy ½ ln(2πe σ²). For which σ is that 0? The standard deviation is asked for.",
        setup="import math\n",
        solution="answer = 1 / math.sqrt(2 * math.pi * math.e)",
        wrong=(1 / (2 * math.pi * math.e), 1.0, 0.4839),
    ),
    Exercise(
        name="05.2",
        title="From γ to β′",
        check=agrees_with(0.3 / (math.pi * math.e)),
        hint="The L2 surrogate in nats is πe E‖Z‖² − K/2, and β′ multiplies it; γ multiplies E‖Z‖² alone.",
        setup="import math\n",
        solution="answer = 0.3 / (math.pi * math.e)",
        wrong=(0.3, 0.3 * math.pi * math.e, 0.6),
    ),
    Exercise(
        name="05.3",
        title="The variance surrogate, by hand",
        check=function_agrees_with(_variance_surrogate, _labelled),
        hint="Average the squared distance to the mean of the own class, add the noise 1/(2πe) in each dimension.",
        setup="import math\nimport torch\n",
        solution="""
def variance_surrogate(latents, labels):
    means = torch.stack([latents[labels == y].mean(0) for y in labels])
    v = (latents - means).square().mean(0) + 1 / (2 * math.pi * math.e)
    return math.pi * math.e * v.sum() - latents.shape[1] / 2

answer = variance_surrogate
""",
        wrong=(
            lambda latents, labels: math.pi * math.e * latents.var(0).sum(),
            _within_class_variance,
        ),
    ),
    Exercise(
        name="05.4",
        title="The rate of VIB with this noise",
        check=function_agrees_with(_vib_rate, lambda draw: (draw(9, 3),)),
        hint="KL(N(μ, s²I) ‖ N(0, I)) = ½ (‖μ‖² + K s² − K − K ln s²), with s² = 1/(2πe); then average over inputs.",
        setup="import math\nimport torch\n",
        solution="""
def rate(latents):
    s2, K = 1 / (2 * math.pi * math.e), latents.shape[1]
    squares = (latents**2).sum(1).mean()
    return (squares + K * s2 - K - K * math.log(s2)) / 2

answer = rate
""",
        wrong=(
            lambda latents: (latents**2).sum(1).mean() / 2,
            lambda latents: (latents**2).sum(1).mean() + latents.shape[1],
        ),
    ),
    Exercise(
        name="05.5",
        title="A batch with one example of each class",
        check=agrees_with(0.0),
        hint="One example has no spread about its own mean: what variance is left in each class?",
        setup="import torch\nfrom ibteach.objectives import OBJECTIVES\n",
        solution='answer = OBJECTIVES["log-variance"](torch.randn(10, 2), torch.arange(10))',
        wrong=(2.8379, -1.0),
    ),
]
