"""Exercises of chapter 09, robustness. References come from numpy, scipy and `ibteach.evaluation.calibration`."""

import numpy as np
import torch
from scipy import optimize, stats

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with
from ibteach.evaluation.calibration import expected_calibration_error


def _step(pixels, gradient, epsilon):
    return np.clip(pixels.numpy() + epsilon * np.sign(gradient.numpy()), 0, 1)


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


def _area(own, foreign):
    return stats.mannwhitneyu(foreign.numpy(), own.numpy()).statistic / (len(own) * len(foreign))


EXERCISES = [
    Exercise(
        name="09.1",
        title="One step of FGSM",
        check=function_agrees_with(_step, lambda draw: (draw(2, 6).sigmoid(), draw(2, 6), 0.3)),
        hint="Every pixel moves by ε along the sign of its gradient, and a pixel stays in [0, 1].",
        setup="import torch\n",
        solution="answer = lambda pixels, gradient, epsilon: (pixels + epsilon * gradient.sign()).clamp(0, 1)",
        wrong=(
            lambda pixels, gradient, epsilon: pixels + epsilon * gradient.sign(),
            lambda pixels, gradient, epsilon: (pixels - epsilon * gradient.sign()).clamp(0, 1),
            lambda pixels, gradient, epsilon: (pixels + epsilon * gradient).clamp(0, 1),
        ),
    ),
    Exercise(
        name="09.2",
        title="The nearest wrong answer of a linear classifier",
        check=function_agrees_with(_distance, lambda draw: (draw(5), draw(1)[0], draw(5))),
        hint="If every pixel moves by t, each in the direction of its own weight's sign, the score moves by t Σ|w_i|. "
        "No change of that size moves it further.",
        setup="import torch\n",
        solution="answer = lambda w, b, x: abs(w @ x + b) / abs(w).sum()",
        wrong=(
            lambda w, b, x: abs(w @ x + b) / (w @ w) ** 0.5,  # the distance in L2
            lambda w, b, x: (w @ x + b) / abs(w).sum(),
            lambda w, b, x: abs(w @ x + b) / abs(w).max(),
        ),
    ),
    Exercise(
        name="09.3",
        title="A calibration error, by hand",
        check=agrees_with(_unsure),
        hint="The gap of each bin without its sign, weighted by the share of predictions in it.",
        solution="answer = 0.6 * abs(0.85 - 0.95) + 0.4 * abs(0.65 - 0.6)",
        wrong=(0.6 * 0.1 - 0.4 * 0.05, (0.1 + 0.05) / 2, 0.1),
    ),
    Exercise(
        name="09.4",
        title="The area under the curve, by hand",
        check=function_agrees_with(_area, lambda draw: ((2 * draw(7)).round(), (2 * draw(9) + 1).round())),
        hint="Over all pairs: the share where the foreign score is larger, and half the share where both are equal.",
        setup="import torch\n",
        solution="""
def area(own, foreign):
    gap = foreign[:, None] - own
    return (gap > 0).double().mean() + (gap == 0).double().mean() / 2

answer = area
""",
        wrong=(
            lambda own, foreign: (foreign[:, None] > own).double().mean(),
            lambda own, foreign: (foreign > own.median()).double().mean(),
        ),
    ),
    Exercise(
        name="09.5",
        title="What one draw of the noise gets wrong",
        check=agrees_with(lambda: stats.norm.sf(0.5 * np.sqrt([1, 16]))),
        hint="The mean of S draws has standard deviation 1/√S, and the sign is wrong where it falls below 0: with "
        "probability Φ(−0.5 √S).",
        setup="from statistics import NormalDist\n",
        solution="answer = [NormalDist().cdf(-0.5), NormalDist().cdf(-0.5 * 16**0.5)]",
        wrong=([0.5, 0.5], [0.3085, 0.3085 / 16], [0.6915, 0.9772]),
    ),
]
