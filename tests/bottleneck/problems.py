"""Random joints, and the plainest solvers there are: what the tests of the bottleneck compare with."""

import numpy as np


def random_joint(x, y, seed=0):
    """p(x) ~ Dirichlet(1), rows p(y|x) ~ Dirichlet(0.5)."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(x))[:, None] * rng.dirichlet(np.full(y, 0.5), x)


def binary_symmetric(crossover):
    return np.array([[1 - crossover, crossover], [crossover, 1 - crossover]]) / 2


def objective(joint, encoder, beta, alpha=1.0):
    """H[T] − α H[T|X] − β I[T;Y] from the definitions; encoder (X, T)."""
    p_x = joint.sum(1)
    p_ty = encoder.T @ joint
    h_t, h_y, h_ty = (entropy(p) for p in (p_x @ encoder, joint.sum(0), p_ty))
    h_xt = entropy(p_x[:, None] * encoder)
    return h_t - alpha * (h_xt - entropy(p_x)) - beta * (h_t + h_y - h_ty)


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


def iterate(joint, encoder, beta, alpha, sweeps):
    """The textbook iteration: p(t), p(y|t), p(t|x) in turn."""
    p_x, p_y_x = joint.sum(1), joint / joint.sum(1, keepdims=True)
    for _ in range(sweeps):
        p_t = p_x @ encoder
        p_y_t = (encoder.T @ joint) / p_t[:, None]
        kl = (p_y_x[:, None] * (np.log(p_y_x[:, None]) - np.log(p_y_t))).sum(2)
        score = (np.log(p_t) - beta * kl) / alpha
        encoder = np.exp(score - score.max(1, keepdims=True))
        encoder = encoder / encoder.sum(1, keepdims=True)
        encoder = encoder[:, p_x @ encoder > 1e-30]
    return encoder


def best_partition(joint, beta):
    """The lowest H[T] − β I[T;Y] over all partitions of X, by dynamic programming over subsets: small X only."""
    size, whole = len(joint), 2 ** len(joint)
    mass = np.zeros((whole, joint.shape[1]))
    for x, row in enumerate(joint):
        mass[2**x : 2 ** (x + 1)] = mass[: 2**x] + row
    cost = (beta - 1) * plogp(mass.sum(1)) - beta * plogp(mass).sum(1) - beta * entropy(joint.sum(0)) * (mass.sum(1))
    best = np.zeros(whole)
    for members in range(1, whole):
        lowest = members & -members
        rest, chosen, least = members ^ lowest, members ^ lowest, np.inf
        while True:
            least = min(least, cost[chosen | lowest] + best[rest ^ chosen])
            if chosen == 0:
                break
            chosen = (chosen - 1) & rest
        best[members] = least
    assert size <= 12
    return best[-1]


def plogp(p):
    return p * np.log(np.maximum(p, 1e-300))
