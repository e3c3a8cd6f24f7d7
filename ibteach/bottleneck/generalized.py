"""The generalized IB between the IB and the deterministic IB, 0 < α < 1: many local optima, so many starts.

Here the objective H[T] − α H[T|X] − β I[T;Y] is no longer convex in the mixing distribution (`births`), nor a search
over partitions (`deterministic`); the self-consistent equations are swept down from the solutions of both neighbours.
What is found at one β is then tried at every other, until nothing improves.
"""

import numpy as np

from ibteach.bottleneck.blahut_arimoto import Source, descend, encoders, pad, price, tables
from ibteach.bottleneck.deterministic import partition_tables


def solve_generalized(
    source: Source,
    beta: np.ndarray,
    alpha: float,
    soft: np.ndarray,
    labels: np.ndarray,
    *,
    restarts: int,
    limit: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Best known encoders (B, X, T) for rising β (B,), sweeps used (B,), and the number of starts.

    Starts: the IB's encoders `soft` (B, X, T) and the deterministic IB's `labels` (B, X), each at this β and at its two
    neighbours; every x alone; and `restarts` random partitions.
    """
    rng, size = np.random.default_rng(seed), len(source.p_x)
    alone = np.broadcast_to(source.joint, (len(beta), *source.joint.shape))
    neighbours = tables(source, soft), partition_tables(source, labels, labels.max() + 1)
    starts = [alone, *(_shifted(table, by) for table in neighbours for by in (0, 1, -1))]
    for _ in range(restarts):
        clusters = rng.integers(1, size + 1, (len(beta), 1))
        starts.append(partition_tables(source, rng.integers(0, clusters, (len(beta), size)), size))
    number = len(starts)
    best, lowest, used = list(alone), np.full(len(beta), np.inf), np.zeros(len(beta), int)
    while starts:
        pool, costs, relevances, before = [], [], [], lowest.copy()
        for start in starts:
            found, sweeps, _ = descend(source, start, beta, alpha, limit=limit)
            cost, relevance = price(source, found, beta, alpha)
            for i in np.flatnonzero(cost - beta * relevance < lowest - 1e-12 * np.maximum(1, beta)):
                best[i], lowest[i] = found[i], cost[i] - beta[i] * relevance[i]
            used = np.maximum(used, sweeps)
            pool, costs, relevances = pool + list(found), np.append(costs, cost), np.append(relevances, relevance)
        everywhere = costs - beta[:, None] * relevances
        elsewhere = (everywhere.min(1) < lowest - 1e-12 * np.maximum(1, beta)).any() and (lowest < before).any()
        starts = [pad([pool[i] for i in everywhere.argmin(1)])] if elsewhere else []
    return encoders(source, pad(best), beta, alpha), used, number


def _shifted(table, by):
    return table[np.clip(np.arange(len(table)) + by, 0, len(table) - 1)]
