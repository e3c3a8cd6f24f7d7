"""Exercises of chapter 05, the surrogate objectives. References are computed another way: numpy, scipy, autograd."""

import math

import numpy as np
import torch
from scipy import stats
from scipy.integrate import quad
from torch.distributions import Normal, kl_divergence

from ibteach import data
from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size
from ibteach.objectives import OBJECTIVES

TWO_PI_E = 2 * math.pi * math.e


def _variance_surrogate(latents, labels):
    """Class by class, with numpy's variance."""
    noise = 1 / TWO_PI_E
    total = 0.0
    for label in set(labels.tolist()):
        mine = latents[labels == label].numpy()
        total += len(mine) / len(latents) * (np.var(mine, axis=0) + noise).sum()
    return math.pi * math.e * total - latents.shape[1] / 2


def _within(latents, labels, ddof):
    """Σ_i E_y Var, with variances that divide by n − ddof."""
    total = 0.0
    for label in labels.unique():
        own = latents[labels == label]
        squares = (own - own.mean(0)).square().sum()
        total = total + len(own) / len(latents) * squares / max(len(own) - ddof, 1)
    return total


def _in_nats(plain, latents):
    """The surrogate of a sum of variances without the noise, in nats."""
    return math.pi * math.e * plain + 0 * latents.sum()


def _vib_rate(latents):
    noise = Normal(latents, (2 * math.pi * math.e) ** -0.5)
    return kl_divergence(noise, Normal(0.0, 1.0)).sum(-1).mean()


def _latents(draw):
    """Another number of examples and of dimensions in each trial."""
    examples, dimension = 5 * size(draw), size(draw)
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


def _cross_entropy_of_shares():
    """Of the best prediction that looks at nothing: the entropy of the test labels."""
    return stats.entropy(np.bincount(data.load("digits").test_labels.numpy()))


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
        title="Above the logarithm, its tangent",
        check=agrees_with(lambda: quad(lambda u: (1 - 1 / u) / 2, 1, 2)[0]),
        hint=(
            "Where does the tangent touch the logarithm? How far from there is twice that variance?",
            "With u = 2πe v the surrogates are ½ (u − 1) and ½ ln u. Here u = 2.",
        ),
        setup="import math\n",
        solution="answer = (2 - 1) / 2 - math.log(2) / 2",
        mistakes={
            "the variance surrogate": 0.5,
            "the log-variance surrogate": math.log(2) / 2,
            "the ½ forgotten": 1 - math.log(2),
            "no gap, as for the noise alone": 0.0,
            "the −½ of the tangent forgotten": 1 - math.log(2) / 2,
            "the noise added once more": 1 - math.log(3) / 2,
        },
    ),
    Exercise(
        name="05.2",
        title="From γ to β′",
        check=agrees_with(_beta_prime, unit=""),
        hint=(
            "Both weights multiply E‖Z‖², but one of them through the bound in nats.",
            "The L2 surrogate in nats is πe E‖Z‖² − K/2, and β′ multiplies it; γ multiplies E‖Z‖² alone: γ = πe β′.",
        ),
        setup="import math\n",
        solution="answer = 0.3 / (math.pi * math.e)",
        mistakes={
            "γ": 0.3,
            "πe γ, not γ / πe": 0.3 * math.pi * math.e,
            "the weight of log-variance": 0.6,
            "the weight of VIB": 0.15,
            "2πe in place of πe": 0.3 / TWO_PI_E,
            "π in place of πe": 0.3 / math.pi,
        },
    ),
    Exercise(
        name="05.3",
        title="The variance surrogate, by hand",
        check=function_agrees_with(_variance_surrogate, _labelled),
        hint=(
            "Whose mean is subtracted, how is each class weighted, and where does the noise come in?",
            "Average the squared distance to the mean of the own class over all N, add 1/(2πe) in each of K dimensions "
            "and put the sum into πe Σ v − K/2. A class of one example has variance 0.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def variance_surrogate(latents, labels):
    means = torch.stack([latents[labels == y].mean(0) for y in labels])
    v = (latents - means).square().mean(0) + 1 / (2 * math.pi * math.e)
    return math.pi * math.e * v.sum() - latents.shape[1] / 2

answer = variance_surrogate
""",
        mistakes={
            "the variance about the mean of all": lambda z, y: (
                _in_nats(z.var(0, correction=0).sum(), z) + z.shape[1] / 2
            ),
            "every class counted alike": lambda z, y: math.pi * math.e * _mean_over_classes(z, y) - z.shape[1] / 2,
            "the noise forgotten": lambda z, y: _variance_surrogate(z, y) - z.shape[1] / 2,
            "the K/2 forgotten": lambda z, y: _variance_surrogate(z, y) + z.shape[1] / 2,
            "K put in as 3": lambda z, y: _variance_surrogate(z, y) + z.shape[1] / 2 - 3 / 2,
            "the plain form, without πe": lambda z, y: (_variance_surrogate(z, y) + z.shape[1] / 2) / math.pi / math.e,
            "variances that divide by n − 1": lambda z, y: _in_nats(_within(z, y, 1), z),
            "the noise of one dimension only": lambda z, y: _variance_surrogate(z, y) - (z.shape[1] - 1) / 2,
            "a mean over dimensions": lambda z, y: _in_nats(_within(z, y, 0) / z.shape[1], z),
            "the L2 surrogate": lambda z, y: _in_nats(z.square().sum(1).mean(), z),
        },
    ),
    Exercise(
        name="05.4",
        title="The rate of VIB with this noise",
        check=function_agrees_with(_vib_rate, _latents),
        hint=(
            "A KL divergence of two Gaussians has four terms. Which of them depend on the latent?",
            "KL(N(μ, s²I) ‖ N(0, I)) = ½ (‖μ‖² + K s² − K − K ln s²), with s² = 1/(2πe); then average over inputs.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def rate(latents):
    s2, K = 1 / (2 * math.pi * math.e), latents.shape[1]
    squares = (latents**2).sum(1).mean()
    return (squares + K * s2 - K - K * math.log(s2)) / 2

answer = rate
""",
        mistakes={
            "½ E‖μ‖², without the constant": lambda z: (z**2).sum(1).mean() / 2,
            "the ½ forgotten": lambda z: 2 * _vib_rate(z),
            "a sum over inputs": lambda z: _vib_rate(z) * len(z),
            "a mean over dimensions": lambda z: _vib_rate(z) / z.shape[1],
            "one rate for each input": lambda z: (z**2).sum(1) / 2 + _vib_rate(0 * z[:1]),
            "the constant of one dimension only": lambda z: (z**2).sum(1).mean() / 2 + _vib_rate(0 * z[:1, :1]),
            "the standard deviation taken for the variance": lambda z: (
                ((z**2).sum(1).mean() + z.shape[1] * (TWO_PI_E**-0.5 - 1 + math.log(TWO_PI_E) / 2)) / 2
            ),
            "ln s² with the other sign": lambda z: _vib_rate(z) - z.shape[1] * math.log(TWO_PI_E),
            "the KL divergence the other way round": lambda z: (
                (TWO_PI_E * (z**2).sum(1).mean() + z.shape[1] * (TWO_PI_E - 1 - math.log(TWO_PI_E))) / 2
            ),
        },
    ),
    Exercise(
        name="05.5",
        title="A batch with one example of each class",
        check=agrees_with(_surrogate_of_single_examples, tolerance=1e-4),
        hint=(
            "How far is a single example from the mean of its class?",
            "There is no spread: the variance left in each class is the noise's. What is ½ ln(2πe v) of that?",
        ),
        setup="import torch\nfrom ibteach.objectives import OBJECTIVES\n",
        solution='answer = OBJECTIVES["log-variance"](torch.randn(10, 2), torch.arange(10))',
        mistakes={
            "two dimensions of variance 1": math.log(TWO_PI_E),
            "−K/2": -1.0,
            "one dimension of variance 1": math.log(TWO_PI_E) / 2,
            "K": 2.0,
            "ln 10": math.log(10),
            "the variance of the noise": 1 / TWO_PI_E,
        },
    ),
    Exercise(
        name="05.6",
        title="Where the cross-entropy rests, found by playing",
        check=agrees_with(_cross_entropy_of_shares),
        hint=(
            "Choose log-variance and γ = 10, press Start again, then Train; read H_q[Y|Z] when one cloud is left.",
            "Whoever sees nothing does best by saying how frequent each digit is. What does that cost on average?",
        ),
        setup="import math\n",
        solution="answer = math.log(10)",
        mistakes={
            "an error of nine in ten": 0.9,
            "the value in bits": math.log2(10),
            "nothing is left of it": 0.0,
            "ten": 10.0,
            "ln 500, the ceiling of the other axis": math.log(500),
        },
    ),
]
