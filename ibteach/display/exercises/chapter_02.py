"""Exercises of chapter 02, the bottleneck. References are computed another way: numpy, scipy, closed forms."""

import math
from functools import cache
from typing import cast

import numpy as np
from scipy import stats
from scipy.optimize import brentq, minimize
from scipy.special import softmax

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size


def _information(joint):
    """I of a table, by numpy: Σ p ln p / (p p)."""
    joint = np.asarray(joint)
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())


def _unified(table, encoder, beta_prime):
    """H[Y|T] + β′ I[X;T|Y], term by term from the joint table of X, Y and T."""
    joint = table.numpy()[:, :, None] * encoder.numpy()[:, None, :]
    y_t = joint.sum(0)
    decoder = stats.entropy(y_t.ravel()) - stats.entropy(y_t.sum(0))
    each = [p * _information(joint[:, y] / p) for y, p in enumerate(y_t.sum(1))]
    return decoder + beta_prime * sum(each)


def _table_and_encoder(draw):
    """Another number of inputs, labels and clusters in each trial; one cell and one input never occur."""
    x, y, t = (size(draw, 3) for _ in range(3))
    table = draw(x, y).exp()
    table[0, 1] = 0
    table[2] = 0
    return table / table.sum(), draw(x, t).softmax(1), float(draw(1).abs())


def _binary(p):
    return stats.entropy([p, 1 - p])


def _mrs_gerber(rate=0.3):
    """The curve of the binary symmetric channel at a rate of 0.3 nats (Wyner & Ziv 1973)."""
    kept = cast(float, brentq(lambda p: _binary(p) - (math.log(2) - rate), 1e-9, 0.5))
    return math.log(2) - _binary(kept * 0.9 + (1 - kept) * 0.1)


def _hamming(q, error):
    return tuple(map(tuple, (np.eye(q) * (1 - error) + (1 - np.eye(q)) * error / (q - 1)) / q))


@cache
def _contraction(cells):
    """η_KL: the largest ratio of the divergences of output and input, downhill from random inputs."""
    joint = np.array(cells)
    p_x, channel = joint.sum(1), joint / joint.sum(1, keepdims=True)

    def negative(logits):
        r = softmax(logits)
        return -stats.entropy(r @ channel, p_x @ channel) / max(stats.entropy(r, p_x), 1e-9)

    starts = np.random.default_rng(0).normal(size=(8, len(p_x)))
    return -min(minimize(negative, start, method="Nelder-Mead", options={"xatol": 1e-9}).fun for start in starts)


def _stable_not_best(q):
    """1/ρ² − 1/η_KL of q symbols with error 0.1, ρ from a singular value."""
    joint = _hamming(q, 0.1)
    return 1 / np.linalg.svd(np.array(joint) * q, compute_uv=False)[1] ** 2 - 1 / _contraction(joint)


EXERCISES = [
    Exercise(
        name="02.1",
        title="From β to β′",
        check=agrees_with(lambda: 1 / (5 - 1), unit=""),
        hint=("Where does the unified form put the weight, and at which β is it infinite?", "β′ = 1 / (β − 1)."),
        solution="answer = 1 / (5 - 1)",
        mistakes={
            "1/β": 0.2,
            "β − 1": 4,
            "β": 5,
            "β / (β − 1)": 1.25,
            "1 / (1 − β)": -0.25,
            "1 / (β + 1)": 1 / 6,
        },
    ),
    Exercise(
        name="02.2",
        title="Where a noisy channel is first worth remembering",
        check=agrees_with(
            lambda: 1 / np.corrcoef([0] * 4 + [0] + [1] * 4 + [1], [0] * 4 + [1] + [1] * 4 + [0])[0, 1] ** 2, unit=""
        ),
        hint=(
            "It depends on how strongly the two bits are correlated.",
            "For crossover ε the critical β is 1 / (1 − 2ε)²; or let critical_beta find it.",
        ),
        setup="from ibteach.bottleneck.curve import critical_beta\n",
        solution="answer = critical_beta([[0.4, 0.1], [0.1, 0.4]])",
        mistakes={
            "the value for ε = 0.1": 1.5625,
            "(1 − 2ε)², not one over it": 0.36,
            "1 / (1 − 2ε), without the square": 1 / 0.6,
            "1 / ε²": 25.0,
            "1 / (1 − 2ε)⁴": 1 / 0.6**4,
        },
    ),
    Exercise(
        name="02.3",
        title="The unified form, by hand",
        check=function_agrees_with(_unified, _table_and_encoder),
        hint=(
            "Which joint table of Y and T do the two inputs make? What may be zero in it?",
            "I[X;T|Y] = I[X;T] − I[T;Y] in the chain Y − X − T, and H[Y|T] = H[Y] − I[T;Y].",
        ),
        setup="import torch\nfrom ibteach.information.discrete import Joint\n",
        solution="""
def unified_form(table, encoder, beta_prime):
    chain = Joint(table, "X Y").encode("T|X", encoder)
    return chain.H("Y|T") + beta_prime * chain.I("X;T|Y")

answer = unified_form
""",
        mistakes={
            "β′ on both terms": lambda table, encoder, beta_prime: beta_prime * _unified(table, encoder, 1.0),
            "β in place of β′": lambda table, encoder, beta_prime: _unified(table, encoder, 1 + 1 / beta_prime),
            "H[Y|T] alone": lambda table, encoder, beta_prime: _unified(table, encoder, 0.0),
            "the second term subtracted": lambda table, encoder, beta_prime: _unified(table, encoder, -beta_prime),
            "I[X;T] in place of I[X;T|Y]": lambda table, encoder, beta_prime: (
                _unified(table, encoder, 0.0) + beta_prime * _information(table.sum(1)[:, None] * encoder)
            ),
            "NaN where a row is zero": lambda table, encoder, beta_prime: (
                _unified(table, encoder, beta_prime) + 0 * (table / table.sum(1, keepdim=True)).sum()
            ),
        },
    ),
    Exercise(
        name="02.4",
        title="A point of the curve",
        check=agrees_with(_mrs_gerber, tolerance=2e-3),
        hint=(
            "Whoever keeps 0.3 nats about one bit keeps how many about its noisy copy? The curve has the answer.",
            "Solve for many β, and read the relevance where the rate is 0.3; np.interp will do.",
        ),
        setup="import numpy as np\nimport torch\nfrom ibteach.bottleneck.tabular import solve\n",
        solution="""
found = solve([[0.45, 0.05], [0.05, 0.45]], torch.logspace(0, 2, 400))
answer = np.interp(0.3, found.rate, found.relevance)
""",
        mistakes={
            "the rate itself": 0.3,
            "the information of the whole channel": math.log(2) - _binary(0.1),
            "the straight line to the whole information": 0.3 / math.log(2) * (math.log(2) - _binary(0.1)),
            "ρ² times the rate": 0.64 * 0.3,
            "a rate of 0.3 bits": lambda: _mrs_gerber(0.3 * math.log(2)),
        },
    ),
    Exercise(
        name="02.5",
        title="Two Gaussians",
        check=agrees_with(lambda: 1 / 0.5**2, unit=""),
        hint=("Which part of the variance of one is explained by the other?", "Nothing is kept below 1 / ρ²."),
        solution="answer = 1 / 0.5**2",
        mistakes={
            "1/ρ": 2.0,
            "ρ²": 0.25,
            "1 / (1 − ρ²)": 1 / 0.75,
            "ρ": 0.5,
            "1 / ρ⁴": 16.0,
        },
    ),
    Exercise(
        name="02.6",
        title="How much of a divergence gets through",
        check=agrees_with(lambda: _contraction(((0.35, 0.0, 0.15), (0.0, 0.35, 0.15))), unit=""),
        hint=(
            "Which part of the output depends on r at all?",
            "Write KL(r P ‖ p(y)) for any r: the third output has probability 0.3 whatever r is.",
        ),
        solution="answer = 1 - 0.3",
        mistakes={
            "what is lost": 0.3,
            "1/η_KL": 1 / 0.7,
            "η_KL²": 0.49,
            "ρ in place of ρ²": math.sqrt(0.7),
            "a bit that is flipped, not lost": (1 - 2 * 0.3) ** 2,
        },
    ),
    Exercise(
        name="02.7",
        title="Stable, and yet not the best",
        check=agrees_with(lambda: _stable_not_best(4), tolerance=2e-3, unit=""),
        hint=(
            "Up to which β is the constant encoder the best, and up to which is it stable? first_birth knows both.",
            "The stretch is from `beta` = 1/η_KL to `upper` = 1/ρ²; by hand, ρ = 1 − ε − ε / 3.",
        ),
        setup="""
import torch
from ibteach.bottleneck.contraction import first_birth
""",
        solution="""
table = torch.full((4, 4), 0.1 / 3, dtype=torch.float64).fill_diagonal_(0.9) / 4
birth = first_birth(table)
answer = birth.upper - birth.beta
""",
        mistakes={
            "none, as for a flipped bit": 0.0,
            "η_KL − ρ²": lambda: _contraction(_hamming(4, 0.1)) - (1 - 0.1 - 0.1 / 3) ** 2,
            "1/ρ², from 0 on": (1 - 0.1 - 0.1 / 3) ** -2,
            "1/η_KL, from 0 on": lambda: 1 / _contraction(_hamming(4, 0.1)),
            "three symbols": lambda: _stable_not_best(3),
        },
    ),
]
