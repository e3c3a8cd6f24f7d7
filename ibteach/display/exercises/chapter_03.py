"""Exercises of chapter 03, decoder uncertainty. References are computed with torch.distributions and scipy."""

import math

import numpy as np
from scipy.special import logsumexp, xlogy
from torch.distributions import Categorical, kl_divergence

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with


def _gap(joint, decoder):
    """E KL(p(y|z) ‖ q(y|z))."""
    of_z = joint.sum(1)
    return (of_z * kl_divergence(Categorical(probs=joint), Categorical(probs=decoder))).sum()


def _tables(draw):
    return draw(6, 4).flatten().softmax(0).reshape(6, 4), draw(6, 4).softmax(1)


def _prediction_cross_entropy(log_likelihood):
    log_likelihood = log_likelihood.numpy()
    return np.mean(math.log(len(log_likelihood)) - logsumexp(log_likelihood, 0))


EXERCISES = [
    Exercise(
        name="03.1",
        title="What the decoder wastes",
        check=function_agrees_with(_gap, _tables),
        hint="p(y|z) = p(z, y) / p(z), and the average over z weighs each row by p(z).",
        setup="import torch\n",
        solution="""
def gap(joint, decoder):
    given_z = joint / joint.sum(1, keepdim=True)
    return (joint * (given_z / decoder).log()).sum()

answer = gap
""",
        wrong=(
            lambda joint, decoder: -(joint * decoder.log()).sum(),
            lambda joint, decoder: (joint * (joint / decoder).log()).sum(),
        ),
    ),
    Exercise(
        name="03.2",
        title="The prediction cross-entropy",
        check=function_agrees_with(_prediction_cross_entropy, lambda draw: (-800 - draw(7, 5).abs(),)),
        hint="Average probabilities over the draws, then take the logarithm. exp(−800) is 0 on a computer: logsumexp.",
        setup="import math\nimport torch\n",
        solution="""
def prediction_cross_entropy(log_likelihood):
    S = len(log_likelihood)
    return (math.log(S) - torch.logsumexp(log_likelihood, 0)).mean()

answer = prediction_cross_entropy
""",
        wrong=(lambda ll: -ll.mean(), lambda ll: -ll.logsumexp(0).mean(), lambda ll: -ll.exp().mean(0).log().mean()),
    ),
    Exercise(
        name="03.3",
        title="One digit's gap",
        check=agrees_with(lambda: -np.log([0.9, 0.1]).mean() + np.log(np.mean([0.9, 0.1]))),
        hint="The mean of −ln 0.9 and −ln 0.1, less −ln of the mean of 0.9 and 0.1.",
        setup="import math\n",
        solution="answer = -(math.log(0.9) + math.log(0.1)) / 2 - math.log(2)",
        wrong=(math.log(2), 1.204, 0.0),
    ),
    Exercise(
        name="03.4",
        title="A guarantee",
        check=agrees_with(lambda: max(wrong for wrong in range(1297) if wrong * math.log(2) <= 0.02 * 1297)),
        hint="The error of the likeliest label is at most H_q[Y|X] / ln 2, and digits are whole.",
        setup="import math\n",
        solution="answer = math.floor(1297 * 0.02 / math.log(2))",
        wrong=(25, 38, 0.0289),
    ),
    Exercise(
        name="03.5",
        title="Where the bound is tight",
        check=agrees_with(lambda: 1 - xlogy(0.5, 0.5) / math.log(0.5)),
        hint="A wrong label has at least the probability of the true one, and both share at most 1.",
        solution="answer = 0.5",
        wrong=(0.0, 1.0, 0.1),
    ),
]
