"""Exercises of chapter 01, entropy and information diagrams. References are computed with scipy and scikit-learn."""

import functools
import math

import numpy as np
import torch
from scipy import stats
from scipy.special import rel_entr
from sklearn.metrics import mutual_info_score

from ibteach import data
from ibteach.display.exercises import Exercise, agrees_with, expect, function_agrees_with


def _table(draw, rows=3, columns=4):
    """A random joint table with a cell, and a column, of zeros."""
    table = draw(rows, columns).exp()
    table[0, 1] = 0
    table[:, 3] = 0
    return (table / table.sum(),)


def _information(table):
    p = table.numpy()
    return rel_entr(p, np.outer(p.sum(1), p.sum(0))).sum()


def _conditional_entropy(table):
    p = table.numpy()
    return sum(row.sum() * stats.entropy(row) for row in p)


def _is_a_weak_coupling(answer):
    table = torch.as_tensor(answer, dtype=torch.float64).detach().squeeze().numpy()
    expect(table.shape == (2, 2), f"got shape {table.shape}, expected a table of two rows and two columns.")
    expect(np.isfinite(table).all() and (table >= 0).all(), "got cells that are no probabilities.")
    expect(abs(table.sum() - 1) < 1e-6, f"got cells that sum to {table.sum():.4g}, expected 1.")
    for name, margin in [("X", table.sum(1)), ("Y", table.sum(0))]:
        entropy = stats.entropy(margin)
        expect(abs(entropy - math.log(2)) < 0.01, f"got H[{name}] = {entropy:.3f} nats, expected ln 2 = 0.693.")
    information = rel_entr(table, np.outer(table.sum(1), table.sum(0))).sum()
    expect(abs(information - 0.3) < 0.02, f"got I[X;Y] = {information:.3f} nats, expected 0.30, to within 0.02.")


@functools.cache
def _shared_by_two_blocks():
    digits = data.load("digits")
    images, y = digits.train_images[:, 0].numpy(), digits.train_labels.numpy()
    a, b = (np.minimum(images[:, i : i + 2, j : j + 2].mean((1, 2), dtype=float) // 4, 3) for i, j in [(4, 3), (2, 4)])
    # I[A;B;Y] = I[A;Y] + I[B;Y] − I[A,B;Y]
    return mutual_info_score(a, y) + mutual_info_score(b, y) - mutual_info_score(4 * a + b, y)


EXERCISES = [
    Exercise(
        name="01.1",
        title="An entropy in the head",
        check=agrees_with(lambda: stats.entropy([0.5, 0.25, 0.125, 0.125])),
        hint="In bits the surprises are 1, 2, 3 and 3. Take their mean, and turn bits into nats.",
        setup="import math\n",
        solution="answer = 1.75 * math.log(2)",
        wrong=(1.75, math.log(4), -1.75 * math.log(2)),
    ),
    Exercise(
        name="01.2",
        title="Conditional entropy from a table",
        check=function_agrees_with(_conditional_entropy, _table),
        hint="H[Y|X] = H[X,Y] − H[X]; a cell that is zero counts nothing, and 0·log 0 is NaN in floating point.",
        setup="import torch\n",
        solution="""
def conditional_entropy(table):
    def H(p):
        return torch.special.entr(torch.as_tensor(p)).sum()
    return H(table) - H(table.sum(1))

answer = conditional_entropy
""",
        wrong=(
            lambda table: torch.special.entr(table).sum(),
            lambda table: torch.special.entr(table).sum() - torch.special.entr(table.sum(0)).sum(),
        ),
    ),
    Exercise(
        name="01.3",
        title="Mutual information from a table",
        check=function_agrees_with(_information, _table),
        hint="I[X;Y] = H[X] + H[Y] − H[X,Y], and zero cells count nothing.",
        setup="import torch\n",
        solution="""
def mutual_information(table):
    def H(p):
        return torch.special.entr(torch.as_tensor(p)).sum()
    return H(table.sum(1)) + H(table.sum(0)) - H(table)

answer = mutual_information
""",
        wrong=(
            lambda table: torch.special.entr(table.sum(0)).sum() - torch.special.entr(table).sum(),
            lambda table: (table * torch.log(table / torch.outer(table.sum(1), table.sum(0)))).sum(),
        ),
    ),
    Exercise(
        name="01.4",
        title="Read off the diagram",
        check=agrees_with([0.2, 1.1]),
        hint="Relevant information is what is preserved of it and what is residual; H[Y|Z] is made of two regions.",
        solution="answer = [0.6 - 0.4, 0.9 + (0.6 - 0.4)]",
        wrong=([0.2, 0.9], [1.0, 1.3], 0.2),
    ),
    Exercise(
        name="01.5",
        title="A coupling of 0.3 nats",
        check=_is_a_weak_coupling,
        hint="Keep rows and columns at one half: e and 1/2 − e, mirrored. Which e gives 0.3 nats?",
        setup="import numpy as np\nfrom scipy.optimize import brentq\nfrom ibteach.information.discrete import Joint\n",
        solution="""
def table(e):
    return np.array([[0.5 - e, e], [e, 0.5 - e]])

answer = table(brentq(lambda e: Joint(table(e), "X Y").I("X;Y").item() - 0.3, 0, 0.25))
""",
        wrong=([[0.5, 0], [0, 0.5]], [[0.25, 0.25], [0.25, 0.25]], [[0.4, 0.1], [0.3, 0.2]], [[1.0]]),
    ),
    Exercise(
        name="01.6",
        title="Two blocks, one digit",
        check=agrees_with(_shared_by_two_blocks),
        hint='Count A, B and Y together, Joint.from_samples(…, names="A B Y"), and ask for "A;B;Y".',
        setup="""
from ibteach.information.discrete import Joint
from ibteach import data
digits = data.load("digits")
def ink(row, column):
    block = digits.train_images[:, 0, row : row + 2, column : column + 2]
    return (block.double().mean((1, 2)) / 4).long().clamp(max=3)
y = digits.train_labels
""",
        solution='answer = Joint.from_samples(ink(4, 3), ink(2, 4), y, names="A B Y").I("A;B;Y")',
        wrong=(0.0, 0.935, 0.0606),
    ),
]
