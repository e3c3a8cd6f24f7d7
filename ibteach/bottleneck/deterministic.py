"""Hard clusterings: the deterministic bottleneck, the agglomerative and the sequential algorithm, by moving partitions.

Of encoders that minimise H[T] − β I[T;Y] one is always deterministic (the objective is concave in the encoder), so the
deterministic IB is a search over partitions of X. Its objective is a sum over clusters, of
(β − 1) m ln m − β Σ_y m_y ln m_y for a cluster of mass m = Σ_y m_y: moving one x or merging two clusters changes two
terms, exactly. (Iterating the α → 0 equations instead sees an upper bound of each move and stops where single moves
still help.) All trade-offs and starts are moved at once.
"""

from functools import cache
from typing import Any

import numpy as np

from ibteach.bottleneck.blahut_arimoto import TINY, Source, batches

FEW = 8  # inputs, of which all partitions are tried


def cluster_cost(table: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Σ over clusters of this is H[T] − β I[T;Y], up to β H[Y]: (..., Y) to (...); β = ∞ is relevance alone."""
    mass = table.sum(-1)
    finite = np.isfinite(beta)
    rate, relevance = np.where(finite, 1.0, 0.0), np.where(finite, beta, 1.0)
    return (relevance - rate) * _xlogx(mass) - relevance * _xlogx(table).sum(-1)


def solve_dib(
    source: Source, beta: np.ndarray, starts: Any, restarts: int, seed: int
) -> tuple[np.ndarray, int, np.ndarray]:
    """Best known partition at every β: labels (B, X), passes over all x of the longest search, and starts tried (B,).

    With at most `FEW` x all partitions are tried. Else it is a search, from these starts: those given, labels (B, X)
    each; the agglomerative solution; and at most `restarts` random ones, four for every β, then four at a time where
    fewer than half of the starts agree on the best. What is found at one β is tried at all others, until nothing
    improves.
    """
    rng, problems, size = np.random.default_rng(seed), len(beta), len(source.p_x)
    if size <= FEW:
        every = partitions(size)
        everywhere = total_cost(source, every, 0.0) + beta[:, None] * total_cost(source, every, np.inf)
        return every[everywhere.argmin(1)], 1, np.full(problems, len(every))
    starts = np.stack([*starts, best_level(source, beta)], 1)
    most = np.minimum(size, starts.max((1, 2)) + 3)[:, None]  # clusters in use, and two more
    best, lowest = starts[:, 0], np.full(problems, np.inf)
    agree, tried, passes, pool = np.zeros(problems), np.zeros(problems), 0, []

    def attempt(todo, starts):
        nonlocal passes
        found, cost, number = improve(source, np.concatenate(starts), np.repeat(beta[todo], starts.shape[1]))
        passes = max(passes, number)
        pool.append(found)
        found, cost = found.reshape(starts.shape), cost.reshape(starts.shape[:2])
        better = cost.min(1) < lowest[todo] - rounding(beta[todo])
        best[todo[better]] = found[better, cost[better].argmin(1)]
        lowest[todo] = np.minimum(lowest[todo], cost.min(1))
        agree[todo] = np.where(better, 0, agree[todo]) + (cost <= (lowest + rounding(beta))[todo, None]).sum(1)
        tried[todo] += starts.shape[1]

    attempt(np.arange(problems), starts)
    for number in range(0, restarts, 4):
        todo = np.flatnonzero((number == 0) | (2 * agree < tried))
        if len(todo):
            clusters = rng.integers(1, most[todo, None] + 1, (len(todo), min(4, restarts - number), 1))
            attempt(todo, rng.integers(0, clusters, (*clusters.shape[:2], size)))
    while True:
        # H[T] and H[Y|T] of a partition are the same at every β: price all that were found at all of them.
        found = np.unique(np.concatenate(pool), axis=0)
        everywhere = total_cost(source, found, 0.0) + beta[:, None] * total_cost(source, found, np.inf)
        todo = np.flatnonzero(everywhere.min(1) < lowest - rounding(beta))
        if not len(todo):
            return best, passes, tried.astype(int)
        attempt(todo, found[everywhere[todo].argmin(1)][:, None])


@cache
def partitions(size: int) -> np.ndarray:
    """All partitions of `size` things, fewest clusters first: labels (Bell number, size), 4140 for eight."""
    labels = np.zeros((1, 1), int)
    for _ in range(1, size):  # the next joins one of the clusters there are, or is alone
        to = np.arange(labels.shape[1] + 1)
        grown = np.concatenate([np.repeat(labels, len(to), 0), np.tile(to, len(labels))[:, None]], 1)
        labels = grown[grown[:, -1] <= grown[:, :-1].max(1) + 1]
    return labels[labels.max(1).argsort(kind="stable")]


def total_cost(source: Source, labels: np.ndarray, beta: Any) -> np.ndarray:
    """H[T] − β I[T;Y] + β H[Y] of partitions: labels (R, X) and β, (R,) or one for all, to (R,)."""
    beta, cost = np.broadcast_to(np.asarray(beta, float), len(labels)), np.zeros(len(labels))
    for part in batches(len(labels), source.joint.size):
        cost[part] = cluster_cost(partition_tables(source, labels[part], labels.max() + 1), beta[part, None]).sum(1)
    return cost


def improve(
    source: Source, labels: np.ndarray, beta: np.ndarray, *, clusters: int | None = None, merging: bool = True
) -> tuple[np.ndarray, np.ndarray, int]:
    """Move single x, then merge pairs of clusters, wherever it lowers the objective, until neither does.

    Labels (R, X) and β (R,) to labels, cost (R,) and the number of passes. Moves go to any of `clusters` clusters; by
    default to those there are and a few empty ones.
    """
    final, passes, spare = _compact(labels), 0, 1 + len(source.p_x) // 8
    for part in batches(len(labels), source.joint.size):
        todo, number = np.arange(len(labels))[part], 0
        while len(todo):
            some, number = _compact(final[todo]), number + 1
            table = partition_tables(source, some, clusters or min(len(source.p_x), some.max() + 1 + spare))
            moved = _move(source, table, some, beta[todo])
            if merging:
                moved |= _merge(table, some, beta[todo])
            final[todo] = some
            todo = todo[moved]
        passes = max(passes, number)
    return _compact(final), total_cost(source, final, beta), passes


def _move(source, table, labels, beta):
    """One x after another to the cluster where it costs least; in place. Which rows changed."""
    rows, moved, cost = np.arange(len(labels)), np.zeros(len(labels), bool), cluster_cost(table, beta[:, None])
    for x, row in enumerate(source.joint):
        home = labels[:, x]
        without = table[rows, home] - row
        without[without < 1e-15 * row] = 0
        leave = cluster_cost(without, beta) - cost[rows, home]
        change = cluster_cost(table + row, beta[:, None]) - cost + leave[:, None]
        change[rows, home] = 0
        to = change.argmin(1)
        go = change[rows, to] < -rounding(beta)
        if go.any():
            r, old, new = rows[go], home[go], to[go]
            table[r, old] = without[go]
            table[r, new] += row
            labels[r, x] = new
            for place in (old, new):
                cost[r, place] = cluster_cost(table[r, place], beta[r])
            moved |= go
    return moved


def best_level(source: Source, beta: np.ndarray, clusters: int | None = None) -> np.ndarray:
    """Agglomerative IB: from one cluster for each x, merge the pair that costs least, down to one cluster.

    The level with the lowest objective, or the one with `clusters` clusters: labels (B, X).
    """
    parts = batches(len(beta), len(source.p_x) ** 2)
    return _compact(np.concatenate([_agglomerate(source, beta[part], clusters) for part in parts]))


def _agglomerate(source, beta, clusters):
    problems, size = len(beta), len(source.p_x)
    rows, labels = np.arange(problems), np.tile(np.arange(size), (problems, 1))
    table = partition_tables(source, labels, size)
    cost = cluster_cost(table, beta[:, None])
    pair = np.stack([_join(table, cost, beta, np.full(problems, t)) for t in range(size)], 1)
    total = lowest = cost.sum(1)
    best = labels
    for level in range(size - 1, 0, -1):
        keep, gone = np.divmod(pair.reshape(problems, -1).argmin(1), size)
        total = total + pair[rows, keep, gone]
        table[rows, keep] += table[rows, gone]
        table[rows, gone] = 0
        cost[rows, keep], cost[rows, gone] = cluster_cost(table[rows, keep], beta), 0
        labels = np.where(labels == gone[:, None], keep[:, None], labels)
        fresh = _join(table, cost, beta, keep)
        fresh[~np.isfinite(pair[rows, keep])] = np.inf  # those merged away stay so
        pair[rows, keep] = pair[rows, :, keep] = fresh
        pair[rows, gone] = pair[rows, :, gone] = np.inf
        better = total < lowest if clusters is None else np.full(problems, level >= clusters)
        lowest, best = np.where(better, total, lowest), np.where(better[:, None], labels, best)
    return best


def _join(table, cost, beta, chosen):
    """What merging cluster `chosen` (R,) with each other one costs: (R, T), infinite with itself."""
    rows = np.arange(len(table))
    union = cluster_cost(table + table[rows, chosen][:, None], beta[:, None]) - cost - cost[rows, chosen][:, None]
    union[rows, chosen] = np.inf
    return union


def _merge(table, labels, beta):
    """Merge, in each row, pair after pair while one lowers the objective; in place. Which rows changed."""
    clusters, todo, merged = table.shape[1], np.arange(len(table)), np.zeros(len(table), bool)
    cost = cluster_cost(table, beta[:, None])
    while len(todo):
        pair = np.stack([_join(table[todo], cost[todo], beta[todo], np.full(len(todo), t)) for t in range(clusters)], 1)
        pair = pair.reshape(len(todo), -1)
        go = pair.min(1) < -rounding(beta[todo])
        keep, gone = np.divmod(pair.argmin(1)[go], clusters)
        todo = todo[go]
        table[todo, keep] += table[todo, gone]
        table[todo, gone] = 0
        cost[todo, keep] = cluster_cost(table[todo, keep], beta[todo])
        cost[todo, gone] = 0
        labels[todo] = np.where(labels[todo] == gone[:, None], keep[:, None], labels[todo])
        merged[todo] = True
    return merged


def rounding(beta: np.ndarray) -> np.ndarray:
    return 1e-13 * np.where(np.isfinite(beta), np.maximum(1, beta), 1)


def partition_tables(source: Source, labels: np.ndarray, clusters: int) -> np.ndarray:
    """p(t, y) of each partition: labels (R, X) to (R, T, Y)."""
    member = (labels[:, None, :] == np.arange(clusters)[:, None]).astype(float)
    return member @ source.joint


def partition_encoders(source: Source, labels: np.ndarray) -> np.ndarray:
    """p(t|x), 0 or 1, of each partition, clusters by falling p(t): labels (R, X) to (R, X, T)."""
    encoder = np.eye(labels.max() + 1)[labels]
    return np.take_along_axis(encoder, np.argsort(-(source.p_x @ encoder), 1, kind="stable")[:, None], 2)


def _compact(labels):
    """The same partitions with clusters numbered 0, 1, … without gaps."""
    used = np.zeros((len(labels), labels.max() + 1), int)
    np.put_along_axis(used, labels, 1, 1)
    return np.take_along_axis(used.cumsum(1) - 1, labels, 1)


def _xlogx(a):
    return a * np.log(np.maximum(a, TINY))
