"""The agglomerative and the sequential IB: the two classic ways to cluster X by what its values say about Y.

Both give hard clusterings, and both get stuck where `tabular.solve` with α = 0 need not: it starts from the first and
moves like the second. They are kept by their names for what they are good at: a hierarchy, and a number of clusters
fixed beforehand.
"""

import math
from typing import Any

import numpy as np
import torch

from ibteach import checks
from ibteach.bottleneck.deterministic import best_level, improve, partition_encoders
from ibteach.bottleneck.tabular import Solution, for_all, information_of, sources, trade_offs
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint
from ibteach.information.tables import Table


def agglomerative(
    joint: Joint | Table, beta: Table = math.inf, *, clusters: int | None = None, normalize: bool = False
) -> Solution:
    """Merge, from one cluster for each x, the pair that costs least, again and again (Slonim & Tishby 1999).

    The cost is that in H[T] − β I[T;Y], and for β = ∞ in I[T;Y] alone. The result is the level with the lowest
    objective, or the one with `clusters` clusters, which β = ∞ needs. Arguments and result are those of
    `tabular.solve`, with `objective` −I[T;Y] for β = ∞, and no bound on the `gap`: ∞. Raises `InvalidInput`.

    >>> agglomerative([[0.3, 0.0], [0.2, 0.0], [0.1, 0.4]], clusters=2).encoder.tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    table, seen, source = sources(joint, normalize)
    beta, clusters = _checked(beta, clusters, source)
    labels = best_level(source, beta.flatten().numpy(), clusters)
    return _solution(table, seen, source, beta, labels, passes=1, starts=1)


def sequential(
    joint: Joint | Table,
    clusters: int,
    beta: Table = math.inf,
    *,
    restarts: int = 10,
    seed: int = 0,
    normalize: bool = False,
) -> Solution:
    """Take each x in turn out of its cluster and put it where it costs least, until none moves (Slonim et al. 2002).

    The best of `restarts` random partitions into `clusters` clusters, of which finite β may empty some. The cost and
    the result are those of `agglomerative`. Raises `InvalidInput`.

    >>> sequential([[0.3, 0.0], [0.2, 0.0], [0.1, 0.4]], clusters=2).encoder.tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    table, seen, source = sources(joint, normalize)
    beta = trade_offs(beta, largest=math.inf).detach()
    clusters = checks.whole("clusters", clusters, maximum=len(source.p_x))
    restarts = checks.whole("restarts", restarts)
    rng, wanted = np.random.default_rng(checks.seed("seed", seed)), np.repeat(beta.flatten().numpy(), restarts)
    # A random order of the x, dealt out in turn: no cluster starts empty.
    starts = rng.permuted(np.tile(np.arange(len(source.p_x)) % clusters, (len(wanted), 1)), axis=1)
    labels, cost, passes = improve(source, starts, wanted, clusters=clusters, merging=False)
    best = cost.reshape(-1, restarts).argmin(1) + np.arange(beta.numel()) * restarts
    return _solution(table, seen, source, beta, labels[best], passes, restarts)


def _checked(beta, clusters, source):
    beta = trade_offs(beta, largest=math.inf).detach()
    if clusters is not None:
        clusters = checks.whole("clusters", clusters, maximum=len(source.p_x))
    elif torch.isinf(beta).any():
        raise InvalidInput("clusters: got none with beta = inf, which would keep every x apart; say how many.")
    return beta, clusters


def _solution(table, seen, source, beta, labels, passes, starts):
    """Hard clusterings (B, X) as a `Solution`."""
    encoder = for_all(partition_encoders(source, labels), seen, source.p_x)
    entropy, rate, relevance = information_of(table, encoder)
    flat = beta.flatten()
    objective = torch.where(torch.isinf(flat), -relevance, entropy - flat.nan_to_num(posinf=0) * relevance)
    zero, counts = torch.zeros_like(flat), (encoder > 0).any(1).sum(1)
    each: list[Any] = [rate, relevance, entropy, objective, encoder, counts, zero + torch.inf]
    each += [np.full(flat.shape, "searched"), zero + torch.inf, zero.long() + starts, zero]
    each += [zero.long() + passes, zero == 0]
    return Solution(0.0, beta, *(value.reshape(beta.shape + value.shape[1:]) for value in each))
