"""Exercises of chapter 01, entropy and information diagrams. References are computed with scipy and scikit-learn."""

import functools
import math

import numpy as np
import torch
from scipy import stats
from scipy.special import rel_entr
from sklearn.metrics import mutual_info_score

from ibteach import data
from ibteach.display.exercises import Exercise, agrees_with, expect, function_agrees_with, size
from ibteach.display.exercises.answers import as_numbers


def _table(draw):
    """A random joint table of another size each time, with a cell, a column and a row of zeros."""
    table = draw(size(draw, 3), size(draw, 3)).exp()
    table[0, 1] = 0
    table[:, 2] = 0
    table[2] = 0
    return (table / table.sum(),)


def _information(table):
    p = table.numpy()
    return rel_entr(p, np.outer(p.sum(1), p.sum(0))).sum()


def _conditional_entropy(table):
    p = table.numpy()
    return sum(row.sum() * stats.entropy(row) for row in p if row.any())


def _is_a_weak_coupling(answer):
    table = as_numbers(answer)
    expect(table.shape == (2, 2), f"got shape {table.shape}, expected a table of two rows and two columns.")
    expect(np.isfinite(table).all() and (table >= 0).all(), "got cells that are no probabilities.")
    expect(abs(table.sum() - 1) < 1e-6, f"got cells that sum to {table.sum():.4g}, expected 1.")
    for name, margin in [("X", table.sum(1)), ("Y", table.sum(0))]:
        entropy = stats.entropy(margin)
        expect(abs(entropy - math.log(2)) < 0.01, f"got H[{name}] = {entropy:.3f} nats, expected ln 2 = 0.693.")
    information = rel_entr(table, np.outer(table.sum(1), table.sum(0))).sum()
    expect(abs(information - 0.3) < 0.02, f"got I[X;Y] = {information:.3f} nats, expected 0.30, to within 0.02.")


@functools.cache
def _of_two_blocks():
    """I[A;Y], I[B;Y], I[A,B;Y] and I[A;B]."""
    digits = data.load("digits")
    images, y = digits.train_images[:, 0].numpy(), digits.train_labels.numpy()
    a, b = (np.minimum(images[:, i : i + 2, j : j + 2].mean((1, 2), dtype=float) // 4, 3) for i, j in [(4, 3), (2, 4)])
    return *(mutual_info_score(block, y) for block in (a, b, 4 * a + b)), mutual_info_score(a, b)


def _shared_by_two_blocks():
    of_a, of_b, of_both, _ = _of_two_blocks()
    return of_a + of_b - of_both  # I[A;B;Y] = I[A;Y] + I[B;Y] − I[A,B;Y]


def _H(p, *axis):
    return torch.special.entr(p).sum(*axis)


def _backwards(table):
    """KL(p(x) p(y) ‖ p(x, y)), over what both admit."""
    apart = torch.outer(table.sum(1), table.sum(0))
    both = (table > 0) & (apart > 0)
    return (apart * (apart / table).log())[both].sum()


EXERCISES = [
    Exercise(
        name="01.1",
        title="An entropy in the head",
        check=agrees_with(lambda: stats.entropy([0.5, 0.25, 0.125, 0.125])),
        hint=(
            "How often must you ask yes or no to find each of the four?",
            "In bits the surprises are 1, 2, 3 and 3. Take their mean, and turn bits into nats.",
        ),
        setup="import math\n",
        solution="answer = 1.75 * math.log(2)",
        mistakes={
            "bits turned the wrong way": 1.75 / math.log(2),
            "the entropy of four equal probabilities": math.log(4),
            "the mean of the surprises, each counted alike": 2.25 * math.log(2),
            "common logarithms": 1.75 * math.log10(2),
            "one value of probability ⅛ forgotten": 1.375 * math.log(2),
        },
    ),
    Exercise(
        name="01.2",
        title="Conditional entropy from a table",
        check=function_agrees_with(_conditional_entropy, _table),
        hint=(
            "What is left of the uncertainty about both once X is known? And what does 0·log 0 give in floating point?",
            "H[Y|X] = H[X,Y] − H[X], where X are the rows; leave out what is zero, cell or row (torch.special.entr).",
        ),
        setup="import torch\n",
        solution="""
def conditional_entropy(table):
    def H(p):
        return torch.special.entr(torch.as_tensor(p)).sum()
    return H(table) - H(table.sum(1))

answer = conditional_entropy
""",
        mistakes={
            "H[X,Y]": lambda table: _H(table),
            "H[X|Y]": lambda table: _H(table) - _H(table.sum(0)),
            "H[Y]": lambda table: _H(table.sum(0)),
            "I[X;Y]": lambda table: _H(table.sum(0)) + _H(table.sum(1)) - _H(table),
            "rows counted alike": lambda table: _H(table / table.sum(1, keepdim=True).clamp(min=1e-300)) / len(table),
            "0 · log 0 as NaN": lambda table: -(table * (table / table.sum(1, keepdim=True)).log()).sum(),
            "NaN where a row is zero": lambda table: (table.sum(1) * _H(table / table.sum(1, keepdim=True), 1)).sum(),
        },
    ),
    Exercise(
        name="01.3",
        title="Mutual information from a table",
        check=function_agrees_with(_information, _table),
        hint=(
            "Draw two circles: which entropies count the overlap once, which twice?",
            "I[X;Y] = H[X] + H[Y] − H[X,Y], and zero cells count nothing.",
        ),
        setup="import torch\n",
        solution="""
def mutual_information(table):
    def H(p):
        return torch.special.entr(torch.as_tensor(p)).sum()
    return H(table.sum(1)) + H(table.sum(0)) - H(table)

answer = mutual_information
""",
        mistakes={
            "−H[X|Y]": lambda table: _H(table.sum(0)) - _H(table),
            "H[Y|X]": lambda table: _H(table) - _H(table.sum(1)),
            "H[X] + H[Y]": lambda table: _H(table.sum(0)) + _H(table.sum(1)),
            "0 · log 0 as NaN": lambda table: (
                table * torch.log(table / torch.outer(table.sum(1), table.sum(0)))
            ).sum(),
            "the KL divergence the other way round": lambda table: _backwards(table),
        },
    ),
    Exercise(
        name="01.4",
        title="Read off the diagram",
        check=agrees_with([0.2, 1.1]),
        hint=(
            "Which circles make up I[X;Y], and which regions H[Y|Z]? Draw Y and Z inside and beside X.",
            "Relevant information is what is preserved of it and what is residual; H[Y|Z] is label uncertainty and "
            "residual information.",
        ),
        solution="answer = [0.6 - 0.4, 0.9 + (0.6 - 0.4)]",
        mistakes={
            "the label uncertainty in place of H[Y|Z]": [0.2, 0.9],
            "a sum in place of a difference": [1.0, 1.3],
            "what is preserved in place of what is residual": [0.4, 1.3],
            "the residual information taken off": [0.2, 0.7],
            "H[Y]": [0.2, 1.5],
        },
    ),
    Exercise(
        name="01.5",
        title="A coupling of 0.3 nats",
        check=_is_a_weak_coupling,
        hint=(
            "Which margins have ln 2 nats, and how many numbers does that leave you to choose?",
            "Keep rows and columns at one half: e and ½ − e, mirrored. Move e until 0.3 nats are shared.",
        ),
        setup="import numpy as np\nfrom scipy.optimize import brentq\nfrom ibteach.information.discrete import Joint\n",
        solution="""
def table(e):
    return np.array([[0.5 - e, e], [e, 0.5 - e]])

answer = table(brentq(lambda e: Joint(table(e), "X Y").I("X;Y").item() - 0.3, 0, 0.25))
""",
        mistakes={
            "one bit": [[0.5, 0], [0, 0.5]],
            "nothing shared": [[0.25, 0.25], [0.25, 0.25]],
            "margins that are not even": [[0.4, 0.1], [0.3, 0.2]],
            "0.3 bits": [[0.405, 0.095], [0.095, 0.405]],
            "no joint table": [[0.81, 0.19], [0.19, 0.81]],
            "one cell": [[1.0]],
            "negative": [[0.6, -0.1], [-0.1, 0.6]],
            "a third value": [[0.4, 0.1, 0], [0.1, 0.4, 0]],
            "counts": [[40, 10], [10, 40]],
        },
    ),
    Exercise(
        name="01.6",
        title="Two blocks, one digit",
        check=agrees_with(_shared_by_two_blocks),
        hint=(
            "Three variables share a centre. Which three, and how is it written?",
            'Count A, B and Y together, Joint.from_samples(…, names="A B Y"), and ask for "A;B;Y".',
        ),
        setup="""
from ibteach.information.discrete import Joint
from ibteach import data
digits = data.load("digits")
def ink(row, column):
    block = digits.train_images[:, 0, row : row + 2, column : column + 2]
    return (block.double().mean((1, 2)) / 4).long().clamp(max=3)
y = digits.train_labels
""",
        solution="""
# Negative: together they tell more. More than half of it is chance, as shuffled labels show.
answer = Joint.from_samples(ink(4, 3), ink(2, 4), y, names="A B Y").I("A;B;Y")
""",
        mistakes={
            "nothing shared": 0.0,
            "I[A,B;Y]": lambda: _of_two_blocks()[2],
            "I[A;Y]": lambda: _of_two_blocks()[0],
            "I[B;Y]": lambda: _of_two_blocks()[1],
            "I[A;Y] + I[B;Y]": lambda: sum(_of_two_blocks()[:2]),
            "I[A;B]": lambda: _of_two_blocks()[3],
        },
    ),
]
