"""Exercises of chapter 06, measuring information. References come from scipy and torch.distributions."""

import math

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import digamma
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size

TWO_PI_E = 2 * math.pi * math.e


def _surprise(z, f, variance):
    parts = Independent(Normal(f, variance**0.5), 1)
    return -MixtureSameFamily(Categorical(torch.ones(len(f), dtype=f.dtype)), parts).log_prob(z)


def _kozachenko_leonenko(points):
    count, dimension = points.shape
    distances = np.sort(cdist(points.numpy(), points.numpy()), axis=1)[:, 3]
    return digamma(count) - digamma(3) + _log_ball(dimension) + dimension * np.log(distances).mean()


def _log_ball(dimension):
    return 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1)


def _mean_log(points, neighbour=3):
    return torch.cdist(points, points).sort(1).values[:, neighbour].log().mean()


def _factor(f, variance):
    """The logarithm of what stands before the exponential of each Gaussian."""
    return -f.shape[1] / 2 * math.log(2 * math.pi * variance)


def _latents_and_centres(draw):
    """And another variance each time."""
    units = size(draw)
    return 0.5 * draw(size(draw), units), 0.5 * draw(size(draw, 3), units), 0.05 + draw(1).square().item()


EXERCISES = [
    Exercise(
        name="06.1",
        title="The ceiling of a sample",
        check=agrees_with(lambda: stats.entropy(np.ones(1797))),
        hint=(
            "What is the most that there is to know about X, when X is one of these digits?",
            "On N inputs, each as likely as the other, no network can tell more than which one it was: H[X] = ln N.",
        ),
        setup="import math\n",
        solution="answer = math.log(1797)",
        mistakes={
            "H[Y], the ceiling of I[Y;Z]": math.log(10),
            "N itself": 1797,
            "the training digits alone": math.log(1297),
            "the test digits alone": math.log(500),
            "common logarithms": math.log10(1797),
            "the sixty-four pixels": 64 * math.log(17),
        },
    ),
    Exercise(
        name="06.2",
        title="The surprise at a noisy latent",
        check=function_agrees_with(_surprise, _latents_and_centres),
        hint=(
            "Which density has each of the N Gaussians at z, and over which axis is it averaged?",
            "A Gaussian of variance σ² in each of K units has the density (2πσ²)^(−K/2) exp(−‖z − f‖²/2σ²). Average "
            "over f, with logsumexp, and take −ln.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def surprise(z, f, variance):
    factor = -f.shape[1] / 2 * math.log(2 * math.pi * variance)
    log_densities = factor - torch.cdist(z, f) ** 2 / (2 * variance)
    return math.log(len(f)) - log_densities.logsumexp(1)

answer = surprise
""",
        mistakes={
            "ln p(z), without the minus": lambda z, f, variance: -_surprise(z, f, variance),
            "noise of variance 1": lambda z, f, variance: _surprise(z, f, 1.0),
            "zero-entropy noise, whatever the variance": lambda z, f, variance: _surprise(z, f, 1 / TWO_PI_E),
            "the variance taken for a standard deviation": lambda z, f, variance: _surprise(z, f, variance**2),
            "the density's factor forgotten": lambda z, f, variance: _surprise(z, f, variance) + _factor(f, variance),
            "a factor of one unit": lambda z, f, variance: (
                _surprise(z, f, variance) + (1 - 1 / f.shape[1]) * _factor(f, variance)
            ),
            "ln N forgotten": lambda z, f, variance: _surprise(z, f, variance) - math.log(len(f)),
            "ln M in place of ln N": lambda z, f, variance: (
                _surprise(z, f, variance) - math.log(len(f)) + math.log(len(z))
            ),
            "the mean over z": lambda z, f, variance: _surprise(z, f, variance).mean(),
            "an average over z in place of f": lambda z, f, variance: _surprise(f, z, variance),
            "the distance, not its square": lambda z, f, variance: (
                math.log(len(f)) - _factor(f, variance) - (-torch.cdist(z, f) / (2 * variance)).logsumexp(1)
            ),
            "the mean of the surprises": lambda z, f, variance: (
                (torch.cdist(z, f) ** 2 / (2 * variance)).mean(1) - _factor(f, variance)
            ),
        },
    ),
    Exercise(
        name="06.3",
        title="Kozachenko and Leonenko, by hand",
        check=function_agrees_with(_kozachenko_leonenko, lambda draw: (draw(8 + size(draw), size(draw, 1)),)),
        hint=(
            "Who is the nearest point to a point, if you do not look out? Which letters of the formula depend on K?",
            "Column k of the sorted distances is the k-th neighbour; column 0 is the point itself. Use torch.digamma "
            "and math.lgamma.",
        ),
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
        mistakes={
            "the mean ln ρ alone": lambda points: _mean_log(points),
            "the ball forgotten": lambda points: _kozachenko_leonenko(points) - _log_ball(points.shape[1]),
            "the ball of the plane": lambda points: (
                _kozachenko_leonenko(points) - _log_ball(points.shape[1]) + math.log(math.pi)
            ),
            "K = 2, whatever it is": lambda points: (
                _kozachenko_leonenko(points)
                - _log_ball(points.shape[1])
                + math.log(math.pi)
                + (2 - points.shape[1]) * _mean_log(points)
            ),
            "K before the mean of ln ρ forgotten": lambda points: (
                _kozachenko_leonenko(points) + (1 - points.shape[1]) * _mean_log(points)
            ),
            "ln N − ln k in place of ψ": lambda points: (
                _kozachenko_leonenko(points) - digamma(len(points)) + digamma(3) + math.log(len(points) / 3)
            ),
            "the second neighbour": lambda points: (
                _kozachenko_leonenko(points) + points.shape[1] * (_mean_log(points, 2) - _mean_log(points))
            ),
            "the fourth neighbour": lambda points: (
                _kozachenko_leonenko(points) + points.shape[1] * (_mean_log(points, 4) - _mean_log(points))
            ),
            "Γ(K/2) in place of Γ(K/2 + 1)": lambda points: (
                _kozachenko_leonenko(points) + math.log(points.shape[1] / 2)
                if points.shape[1] != 2
                else _kozachenko_leonenko(points)
            ),
            "the ball's volume itself, not its logarithm": lambda points: (
                _kozachenko_leonenko(points) - _log_ball(points.shape[1]) + math.exp(_log_ball(points.shape[1]))
            ),
        },
    ),
    Exercise(
        name="06.4",
        title="The most that KSG can say",
        check=agrees_with(lambda: digamma(100) - digamma(5)),
        hint=(
            "When do the two digammas of the counts subtract least? How few neighbours can they have counted?",
            "At least k − 1 points are nearer than the k-th neighbour, in x and in z: put n = k − 1 into "
            "ψ(k) + ψ(N) − ψ(n_x + 1) − ψ(n_z + 1).",
        ),
        setup="from scipy.special import digamma\n",
        solution="answer = digamma(100) - digamma(5)",
        mistakes={
            "the ceiling ln N": math.log(100),
            "logarithms in place of ψ": math.log(100 / 5),
            "ln N − ψ(k)": math.log(100) - digamma(5),
            "ψ(N) − ln k": digamma(100) - math.log(5),
            "ψ(k) added": digamma(100) + digamma(5),
            "ψ(N) alone": digamma(100),
            "k = 3": digamma(100) - digamma(3),
            "k = 4": digamma(100) - digamma(4),
            "99 samples": digamma(99) - digamma(5),
        },
    ),
    Exercise(
        name="06.5",
        title="A bin for everyone",
        check=agrees_with(lambda: stats.entropy([0.5, 0.25, 0.25])),
        hint=(
            "Where every latent has a bin of its own, what does the bin tell of the label?",
            "The bin tells which input it was, and so its label: nothing of H[Y] is left open.",
        ),
        setup="import math\n",
        solution="answer = 0.5 * math.log(2) + 2 * 0.25 * math.log(4)",
        mistakes={
            "I[X;Z], the entropy of the bins": math.log(400),
            "three labels, equally frequent": math.log(3),
            "nothing": 0.0,
            "one of the quarters forgotten": 0.5 * math.log(2) + 0.25 * math.log(4),
            "H[X|Y]": math.log(400) - 1.5 * math.log(2),
        },
    ),
]
