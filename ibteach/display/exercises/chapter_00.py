"""Exercises of chapter 00: five things to know beforehand. Who has them can read the course."""

import math

import torch

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size


def _probabilities(draw):
    """One vector of probabilities, of another length each time."""
    return (torch.sigmoid(draw(size(draw, 3))),)


EXERCISES = [
    Exercise(
        name="00.1",
        title="A logarithm",
        check=agrees_with(lambda: math.log(4)),
        hint=("Which logarithm has the base e?", "−ln ¼ = ln 4."),
        setup="import math\n",
        solution="answer = -math.log(1 / 4)",
        mistakes={
            "the logarithm to the base 2": 2.0,
            "common logarithms": math.log10(4),
            "the sign forgotten": -math.log(4),
            "the probability itself": 0.25,
            "the logarithm of ½": math.log(2),
        },
    ),
    Exercise(
        name="00.2",
        title="Bayes' rule",
        check=agrees_with(2 / 3, unit=""),
        hint=(
            "Of a hundred digits, how many are zeros with an empty middle, and how many others have one?",
            "Nine zeros, and 4.5 of the ninety others. Which share of these 13.5 are zeros?",
        ),
        solution="answer = 0.1 * 0.9 / (0.1 * 0.9 + 0.9 * 0.05)",
        mistakes={
            "the probability the other way round": 0.9,
            "both at once, not given the middle": 0.09,
            "what was known before looking": 0.1,
            "the probability of an empty middle": 0.135,
            "how many zeros there are left out": 0.9 / 0.95,
            "the probability of any other digit": 1 / 3,
        },
    ),
    Exercise(
        name="00.3",
        title="Noise is added",
        check=agrees_with(5.0, unit=""),
        hint=(
            "Which adds up for independent things: variance or standard deviation?",
            "9 + 16, then the root.",
        ),
        solution="answer = (9 + 16) ** 0.5",
        mistakes={
            "the variance": 25.0,
            "the standard deviations added": 7.0,
            "the variances subtracted": 7**0.5,
            "the noise alone": 4.0,
            "the latent alone": 3.0,
            "their mean": 3.5,
        },
    ),
    Exercise(
        name="00.4",
        title="A gradient",
        check=agrees_with(-4.0, unit=""),
        hint=("What is the derivative of the square, and what of what is inside?", "2 (3 − 2w) · (−2), at w = 1."),
        solution="w = 1.0\nanswer = 2 * (3 - 2 * w) * (-2)",
        mistakes={
            "the inner derivative forgotten": 2.0,
            "the sign of the inner derivative forgotten": 4.0,
            "the value instead of the slope": 1.0,
            "the square not differentiated": -2.0,
            "the step of gradient descent with rate 1": 5.0,
        },
    ),
    Exercise(
        name="00.5",
        title="Arrays",
        check=function_agrees_with(lambda q: -q.log().mean(), _probabilities),
        hint=(
            "First the logarithm of each, or first their mean?",
            "The mean of −ln q: one number for the array.",
        ),
        solution="""
def mean_surprise(q):
    return -q.log().mean()

answer = mean_surprise
""",
        mistakes={
            "the sign forgotten": lambda q: q.log().mean(),
            "the logarithm of the mean": lambda q: -q.mean().log(),
            "a sum in place of a mean": lambda q: -q.log().sum(),
            "bits": lambda q: -q.log2().mean(),
            "weighted by q, as an entropy is": lambda q: -(q * q.log()).sum(),
            "one value for each q": lambda q: -q.log(),
        },
    ),
]
