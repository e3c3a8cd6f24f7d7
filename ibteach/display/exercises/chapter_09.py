"""Exercises of chapter 09, robustness. References come from numpy, scipy and `ibteach.evaluation.calibration`."""

import numpy as np
import torch
from scipy import optimize, stats

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size
from ibteach.evaluation.calibration import expected_calibration_error


def _step(pixels, gradient, epsilon):
    return np.clip(pixels.numpy() + epsilon * np.sign(gradient.numpy()), 0, 1)


def _pixels(draw):
    """Some of them near black and white, and another ε each time."""
    shape = size(draw), size(draw, 3)
    return (3 * draw(*shape)).sigmoid(), draw(*shape), 0.1 + abs(draw(1).item()) / 5


def _linear(draw):
    pixels = size(draw)
    return draw(pixels), draw(1)[0], draw(pixels)


def _scores(draw):
    """Rounded, so that some are equal."""
    return (2 * draw(size(draw, 3))).round(), (2 * draw(size(draw, 4)) + 1).round()


def _distance(w, b, x):
    """The smallest t with a change δ, |δ_i| ≤ t, that brings w·(x + δ) + b to 0: a linear programme."""
    w, one = w.numpy(), np.ones((len(w), 1))
    within = np.block([[np.eye(len(w)), -one], [-np.eye(len(w)), -one]])
    found = optimize.linprog(
        np.r_[np.zeros(len(w)), 1],
        A_ub=within,
        b_ub=np.zeros(2 * len(w)),
        A_eq=[np.r_[w, 0]],
        b_eq=[-(w @ x.numpy() + float(b))],
        bounds=(None, None),
    )
    return found.fun


def _unsure():
    """60 predictions made with 95 %, 51 of them right; 40 with 60 %, 26 right."""
    confidence = torch.tensor([0.95] * 60 + [0.6] * 40, dtype=torch.float64)
    wrong = torch.tensor([0] * 51 + [1] * 9 + [0] * 26 + [1] * 14)
    return expected_calibration_error(torch.stack([confidence, 1 - confidence], -1), wrong)


def _auroc(known, foreign):
    return stats.mannwhitneyu(foreign.numpy(), known.numpy()).statistic / (len(known) * len(foreign))


EXERCISES = [
    Exercise(
        name="09.1",
        title="One step of FGSM",
        check=function_agrees_with(_step, _pixels, unit=""),
        hint=(
            "Does the attacker climb the cross-entropy or descend it? Which values may a pixel have?",
            "Every pixel moves by ε along the sign of its gradient, and a pixel stays in [0, 1].",
        ),
        setup="import torch\n",
        solution="answer = lambda pixels, gradient, epsilon: (pixels + epsilon * gradient.sign()).clamp(0, 1)",
        mistakes={
            "pixels that leave [0, 1]": lambda pixels, gradient, epsilon: pixels + epsilon * gradient.sign(),
            "descent, which makes the image easier to read": lambda pixels, gradient, epsilon: (
                pixels - epsilon * gradient.sign()
            ).clamp(0, 1),
            "the gradient itself, without its sign": lambda pixels, gradient, epsilon: (
                pixels + epsilon * gradient
            ).clamp(0, 1),
            "ε forgotten": lambda pixels, gradient, epsilon: (pixels + gradient.sign()).clamp(0, 1),
            "the change, not the changed pixels": lambda pixels, gradient, epsilon: epsilon * gradient.sign(),
            "no pixel below 0, but some above 1": lambda pixels, gradient, epsilon: (
                pixels + epsilon * gradient.sign()
            ).clamp(min=0),
            "the change kept in [0, 1], not the pixel": lambda pixels, gradient, epsilon: (
                pixels + (epsilon * gradient.sign()).clamp(0, 1)
            ),
            "a step of length ε in L2": lambda pixels, gradient, epsilon: (
                pixels + epsilon * gradient / gradient.norm()
            ).clamp(0, 1),
            "an ε of 0.3": lambda pixels, gradient, epsilon: (pixels + 0.3 * gradient.sign()).clamp(0, 1),
        },
    ),
    Exercise(
        name="09.2",
        title="The nearest wrong answer of a linear classifier",
        check=function_agrees_with(_distance, _linear, unit=""),
        hint=(
            "By how much can the score change if every pixel may move by t?",
            "If every pixel moves by t, each in the direction of its own weight's sign, the score moves by t Σ|w_i|. "
            "No change of that size moves it further.",
        ),
        setup="import torch\n",
        solution="answer = lambda w, b, x: abs(w @ x + b) / abs(w).sum()",
        mistakes={
            "the distance in L2": lambda w, b, x: abs(w @ x + b) / (w @ w) ** 0.5,
            "a negative distance on one side": lambda w, b, x: (w @ x + b) / abs(w).sum(),
            "the largest weight, of the L1 distance": lambda w, b, x: abs(w @ x + b) / abs(w).max(),
            "b forgotten": lambda w, b, x: abs(w @ x) / abs(w).sum(),
            "the score, not a distance": lambda w, b, x: abs(w @ x + b),
            "‖w‖₂², of the change and not of its size": lambda w, b, x: abs(w @ x + b) / (w @ w),
            "a mean in place of a sum": lambda w, b, x: abs(w @ x + b) / abs(w).mean(),
            "weights summed with their signs": lambda w, b, x: abs((w @ x + b) / w.sum()),
        },
    ),
    Exercise(
        name="09.3",
        title="A calibration error, by hand",
        check=agrees_with(_unsure, unit=""),
        hint=(
            "How often is each of the two groups right, and how often does it say so?",
            "The gap of each bin without its sign, weighted by the share of predictions in it.",
        ),
        solution="answer = 0.6 * abs(0.85 - 0.95) + 0.4 * abs(0.65 - 0.6)",
        mistakes={
            "gaps with their signs, which cancel": 0.6 * 0.1 - 0.4 * 0.05,
            "both groups counted alike": (0.1 + 0.05) / 2,
            "the larger gap": 0.1,
            "the error rate": 0.23,
            "the accuracy": 0.77,
            "the mean confidence": 0.81,
            "a sum, not a mean": 0.15,
            "percent": 8.0,
            "the shares swapped": 0.4 * 0.1 + 0.6 * 0.05,
        },
    ),
    Exercise(
        name="09.4",
        title="The area under the curve, by hand",
        check=function_agrees_with(_auroc, _scores, unit=""),
        hint=(
            "How many pairs are there, and which of them count how much?",
            "Over all pairs: the share where the foreign score is larger, and half the share where both are equal.",
        ),
        setup="import torch\n",
        solution="""
def auroc(known, foreign):
    gap = foreign[:, None] - known
    return (gap > 0).double().mean() + (gap == 0).double().mean() / 2

answer = auroc
""",
        mistakes={
            "equal scores forgotten": lambda known, foreign: (foreign[:, None] > known).double().mean(),
            "equal scores counted in full": lambda known, foreign: (foreign[:, None] >= known).double().mean(),
            "the median alone": lambda known, foreign: (foreign > known.median()).double().mean(),
            "own scores that are larger": lambda known, foreign: 1 - _auroc(known, foreign),
            "a number of pairs, not a share": lambda known, foreign: _auroc(known, foreign) * len(known) * len(foreign),
            "a difference of means": lambda known, foreign: foreign.mean() - known.mean(),
            "Gini's coefficient, 2 A − 1": lambda known, foreign: 2 * _auroc(known, foreign) - 1,
            "pairs in the order they come": lambda known, foreign: (
                (foreign[: min(len(known), len(foreign))] > known[: min(len(known), len(foreign))]).double().mean()
            ),
        },
    ),
    Exercise(
        name="09.5",
        title="What one draw of the noise gets wrong",
        check=agrees_with(lambda: stats.norm.sf(0.5 * np.sqrt([1, 16])), unit=""),
        hint=(
            "How far is 0 from the mean, in standard deviations of what is drawn?",
            "The mean of S draws has standard deviation 1/√S, and the sign is wrong where it falls below 0: with "
            "probability Φ(−0.5 √S).",
        ),
        setup="from statistics import NormalDist\n",
        solution="answer = [NormalDist().cdf(-0.5), NormalDist().cdf(-0.5 * 16**0.5)]",
        mistakes={
            "a coin": [0.5, 0.5],
            "a sixteenth of the first": [stats.norm.sf(0.5), stats.norm.sf(0.5) / 16],
            "how often the sign is right": [stats.norm.cdf(0.5), stats.norm.cdf(2)],
            "a standard deviation of 1/16": [stats.norm.sf(0.5), stats.norm.sf(8)],
            "the density in place of the probability": [stats.norm.pdf(0.5), stats.norm.pdf(2)],
            "both tails": [2 * stats.norm.sf(0.5), 2 * stats.norm.sf(2)],
            "percent": [30.85, 2.275],
            "the same for sixteen draws": [stats.norm.sf(0.5), stats.norm.sf(0.5)],
            "a quarter of the first": [stats.norm.sf(0.5), stats.norm.sf(0.5) / 4],
        },
    ),
]
