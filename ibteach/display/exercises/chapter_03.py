"""Exercises of chapter 03, decoder uncertainty. References are computed with torch.distributions and scipy."""

import math

import numpy as np
from scipy.special import logsumexp, xlogy
from torch.distributions import Categorical, kl_divergence

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size


def _gap(joint, decoder):
    """E KL(p(y|z) ‖ q(y|z))."""
    of_z = joint.sum(1)
    return (of_z * kl_divergence(*_both(joint, decoder))).sum()


def _both(joint, decoder):
    """p(y|z) and q(y|z), a distribution for each z."""
    return Categorical(probs=joint), Categorical(probs=decoder)


def _tables(draw):
    shape = size(draw), size(draw)
    return draw(*shape).flatten().softmax(0).reshape(shape), draw(*shape).softmax(1)


def _log_likelihoods(draw):
    """Near −800, and far enough apart that every way of averaging gives another number."""
    return (-800 - 5 * draw(size(draw), size(draw, 3)).abs(),)


def _prediction_cross_entropy(log_likelihood):
    log_likelihood = log_likelihood.numpy()
    return np.mean(math.log(len(log_likelihood)) - logsumexp(log_likelihood, 0))


EXERCISES = [
    Exercise(
        name="03.1",
        title="What the decoder wastes",
        check=function_agrees_with(_gap, _tables),
        hint=(
            "Which distribution of labels is right at each z, and which one does the decoder say?",
            "It is E KL(p(y|z) ‖ q(y|z)). p(y|z) = p(z, y) / p(z), and the average over z weighs each row by p(z).",
        ),
        setup="import torch\n",
        solution="""
def gap(joint, decoder):
    given_z = joint / joint.sum(1, keepdim=True)
    return (joint * (given_z / decoder).log()).sum()

answer = gap
""",
        mistakes={
            "H_q[Y|Z]": lambda joint, decoder: -(joint * decoder.log()).sum(),
            "p(z, y) in place of p(y|z)": lambda joint, decoder: (joint * (joint / decoder).log()).sum(),
            "every z counted alike": lambda joint, decoder: kl_divergence(*_both(joint, decoder)).mean(),
            "a sum over z, not an average": lambda joint, decoder: kl_divergence(*_both(joint, decoder)).sum(),
            "KL(q ‖ p), the other way round": lambda joint, decoder: (
                joint.sum(1) * kl_divergence(*_both(joint, decoder)[::-1])
            ).sum(),
            "rows and columns swapped": lambda joint, decoder: (
                joint * (joint / joint.sum(0, keepdim=True) / decoder).log()
            ).sum(),
            "−H[Y|Z]": lambda joint, decoder: -(joint.sum(1) * _both(joint, decoder)[0].entropy()).sum(),
        },
    ),
    Exercise(
        name="03.2",
        title="The prediction cross-entropy",
        check=function_agrees_with(_prediction_cross_entropy, _log_likelihoods, tolerance=2e-6),
        hint=(
            "What is averaged first, probabilities or their logarithms, and over which axis? And what is exp(−800)?",
            "Average probabilities over the draws (the first axis), then take −ln; torch.logsumexp does both, without "
            "the zeros. The mean over the N inputs comes last.",
        ),
        setup="import math\nimport torch\n",
        solution="""
def prediction_cross_entropy(log_likelihood):
    S = len(log_likelihood)
    return (math.log(S) - torch.logsumexp(log_likelihood, 0)).mean()

answer = prediction_cross_entropy
""",
        mistakes={
            "H_q[Y|Z], the mean of the logarithms": lambda ll: -ll.mean(),
            "the sum over the draws, not their mean": lambda ll: -ll.logsumexp(0).mean(),
            "probabilities that are 0 on a computer": lambda ll: -ll.exp().mean(0).log().mean(),
            "the average over inputs in place of draws": lambda ll: (math.log(ll.shape[1]) - ll.logsumexp(1)).mean(),
            "the average over draws and inputs at once": lambda ll: math.log(ll.numel()) - ll.logsumexp((0, 1)),
            "ln N in place of ln S": lambda ll: (math.log(ll.shape[1]) - ll.logsumexp(0)).mean(),
            "one value for each input": lambda ll: math.log(len(ll)) - ll.logsumexp(0),
            "the best draw": lambda ll: -ll.amax(0).mean(),
            "the mean, a tenth of a nat lower": lambda ll: -ll.mean() - 0.1,
        },
    ),
    Exercise(
        name="03.3",
        title="One digit's gap",
        check=agrees_with(lambda: -np.log([0.9, 0.1]).mean() + np.log(np.mean([0.9, 0.1]))),
        hint=(
            "Both cross-entropies are averages over the masks. Of what?",
            "The mean of −ln 0.9 and −ln 0.1, less −ln of the mean of 0.9 and 0.1.",
        ),
        setup="import math\n",
        solution="answer = -(math.log(0.9) + math.log(0.1)) / 2 - math.log(2)",
        mistakes={
            "H_q[Y|X], the smaller of the two": math.log(2),
            "H_q[Y|Z], the larger of the two": -math.log(0.09) / 2,
            "no gap": 0.0,
            "a sum, not a mean": -math.log(0.09) - math.log(2),
            "ln 0.9 − ln 0.1": math.log(9),
            "a difference of probabilities": 0.4,
        },
    ),
    Exercise(
        name="03.4",
        title="A guarantee",
        check=agrees_with(
            lambda: max(wrong for wrong in range(1297) if wrong * math.log(2) <= 0.02 * 1297), unit="", whole=True
        ),
        hint=(
            "Which of the chapter's bounds is that of the likeliest label? And can half a digit be wrong?",
            "The error of the likeliest label is at most H_q[Y|X] / ln 2; digits are whole, so round down.",
        ),
        setup="import math\n",
        solution="answer = math.floor(1297 * 0.02 / math.log(2))",
        mistakes={
            "the bound of a sampled label": math.floor(1297 * 0.02),
            "rounded up, which the bound excludes": 38,
            "a share, not a number of digits": 0.02 / math.log(2),
            "not rounded": 1297 * 0.02 / math.log(2),
            "times ln 2": math.floor(1297 * 0.02 * math.log(2)),
            "1,797 digits": math.floor(1797 * 0.02 / math.log(2)),
        },
    ),
    Exercise(
        name="03.5",
        title="Where the bound is tight",
        check=agrees_with(lambda: 1 - xlogy(0.5, 0.5) / math.log(0.5), unit=""),
        hint=(
            "Which step of the argument is an inequality? When is it an equality?",
            "A wrong label has at least the probability of the true one, and both share at most 1.",
        ),
        solution="answer = 0.5",
        mistakes={
            "a label that is impossible": 0.0,
            "one that is certain": 1.0,
            "a guess among ten": 0.1,
            "its surprise, not its probability": math.log(2),
            "1/e": math.exp(-1),
            "e^(−1/2)": math.exp(-0.5),
        },
    ),
]
