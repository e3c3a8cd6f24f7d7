"""Exercises of chapter 05, the surrogate objectives. References are computed another way: numpy, scipy, autograd."""

import math

import numpy as np
import torch
from scipy import stats
from scipy.optimize import brentq
from torch.distributions import Normal, kl_divergence

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with
from ibteach.objectives import OBJECTIVES


def _variance_surrogate(latents, labels):
    """Class by class, with numpy's variance."""
    noise = 1 / (2 * math.pi * math.e)
    total = 0.0
    for label in set(labels.tolist()):
        mine = latents[labels == label].numpy()
        total += len(mine) / len(latents) * (np.var(mine, axis=0) + noise).sum()
    return math.pi * math.e * total - latents.shape[1] / 2


def _vib_rate(latents):
    noise = Normal(latents, (2 * math.pi * math.e) ** -0.5)
    return kl_divergence(noise, Normal(0.0, 1.0)).sum(-1).mean()


def _latents(draw):
    """Another number of examples and of dimensions in each trial."""
    examples, dimension = (int(3 + abs(20 * draw(1).item())) for _ in range(2))
    return (3 * draw(examples, dimension) + draw(dimension),)


def _labelled(draw):
    """Classes of unequal size, in no order, one of them with a single example."""
    (latents,) = _latents(draw)
    labels = (draw(len(latents)).abs() * 2).long().clamp(max=3)
    labels[0] = 7
    return latents, labels


def _beta_prime():
    """By autograd: the ratio of the gradients of 0.3 E‖Z‖² and of the L2 surrogate."""
    z = torch.ones(4, 2, dtype=torch.float64, requires_grad=True)
    (plain,) = torch.autograd.grad(0.3 * z.square().sum(-1).mean(), z)
    (bound,) = torch.autograd.grad(OBJECTIVES["l2"](z, torch.zeros(4, dtype=torch.long)), z)
    return (plain / bound).mean()


def _surrogate_of_single_examples():
    """Entropy of a Gaussian with the only variance that is left, that of the noise, in two dimensions."""
    return 2 * stats.norm(scale=(2 * math.pi * math.e) ** -0.5).entropy()


def _mean_over_classes(latents, labels):
    """What forgets that classes are not equally frequent."""
    each = [latents[labels == label].var(0, correction=0) + 1 / (2 * math.pi * math.e) for label in labels.unique()]
    return torch.stack(each).mean(0).sum()


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
        check=agrees_with(_beta_prime),
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
            lambda latents, labels: math.pi * math.e * _mean_over_classes(latents, labels) - latents.shape[1] / 2,
            lambda latents, labels: _variance_surrogate(latents, labels) + latents.shape[1] / 2 - 3 / 2,
        ),
    ),
    Exercise(
        name="05.4",
        title="The rate of VIB with this noise",
        check=function_agrees_with(_vib_rate, _latents),
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
            lambda latents: _vib_rate(latents) * latents.shape[0] / 9,
        ),
    ),
    Exercise(
        name="05.5",
        title="A batch with one example of each class",
        check=agrees_with(_surrogate_of_single_examples),
        hint="One example has no spread about its own mean: what variance is left in each class?",
        setup="import torch\nfrom ibteach.objectives import OBJECTIVES\n",
        solution='answer = OBJECTIVES["log-variance"](torch.randn(10, 2), torch.arange(10))',
        wrong=(2.8379, -1.0),
    ),
]
