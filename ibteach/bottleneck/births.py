"""Where would a new cluster grow? The question that finds the best bottleneck, and proves that it is the best.

Minimised over encoders, the IB Lagrangian is a log-likelihood: I[X;T] − β I[T;Y] = −β I[X;Y] − Σ_x p(x) ln f(x) with
f(x) = Σ_t p(t) e^{−β KL(p(y|x) ‖ q_t)}, a mixture whose components sit anywhere on the simplex of Y (Banerjee et al.
2004). In the mixing distribution that is convex, so one condition decides. A speck of cluster at q grows, with every
sweep of the self-consistent equations, by the factor D(q) = Σ_x p(x) e^{−β KL(p(y|x) ‖ q)} / f(x). If D ≤ 1 everywhere,
no encoder does better; and none ever does better by more than ln max D (Lindsay 1983). Where D > 1 a cluster is born,
and all weights are found by Newton's method: so the local optima are left in which sweeps alone stay. What remains to
trust is the search for max D, which climbs from every row p(y|x) and every cluster.
"""

import numpy as np
from scipy.optimize import nnls

from ibteach.bottleneck.blahut_arimoto import TINY, batches, descend, encode, encoders, merge, pad


def certified(beta):
    """The gap in nats at which a search ends; ten times as much is failure. Rounding is worse where β is huge."""
    return 1e-10 * np.maximum(1, beta / 1e4)


def solve_ib(source, beta, limit, *, births=True):
    """The IB at every β: encoders (B, X, T), proven gap to the optimum in nats (B,), and sweeps used (B,).

    One cluster, where that is proven to be enough. Elsewhere every row starts as a cluster of its own, the solution at
    large β, and what a smaller β does not need merges. With `births` off, what that leaves undone is only measured.
    """
    found, gap, used = np.tile(source.p_y, (len(beta), 1, 1)), np.empty(len(beta)), np.zeros(len(beta), int)
    for part in batches(len(beta), 2 * source.joint.size):
        gap[part], _ = prove(source, found[part], beta[part], source.rows)
    found, todo = list(found), np.flatnonzero((gap > certified(beta)) | (beta > source.unstable_beta()))
    if len(todo):
        start = np.broadcast_to(source.joint, (len(todo), *source.joint.shape))
        table, used[todo], _ = descend(source, start, beta[todo], limit=min(limit, 200), merging=(4, 8))
        for part in batches(len(todo), 2 * source.joint.size):
            gap[todo[part]], _ = prove(source, table[part], beta[todo[part]], source.rows)
        for i, one in zip(todo, table, strict=True):
            found[i] = one
            if births and gap[i] > certified(beta[i]):
                found[i], gap[i], used[i] = settle(source, one, beta[i], used[i], limit)
    return encoders(source, pad(found), beta), np.maximum(gap, 0), used


def settle(source, table, beta, used, limit):
    """Births until none is due: a table (T, Y), its gap, and the sweeps used so far, of which a round counts one."""
    table, beta = table[None], np.array([beta])
    (gap,), born = prove(source, table, beta, source.rows)
    enough = certified(beta[0])
    while gap > enough and used < limit:
        before, gain = gap, np.inf
        while len(born) and gain > 1e-14 and used < limit:
            table, gain = weigh(source, table[0], born, beta)
            _, born = prove(source, table, beta, born)
            used += 1
        if gain <= 1e-14:  # flat: weights alone gain no more, the clusters must move
            table, used = polish(source, table, beta, used, limit)
        (gap,), born = prove(source, table, beta, source.rows)
        if before / 2 < gap <= 10 * enough:  # another round would gain little
            break
    # Births leave clusters side by side that are one: put it in its place.
    tidy, more = polish(source, table, beta, used, limit)
    (tidy_gap,), _ = prove(source, tidy, beta, source.rows)
    return (tidy[0], tidy_gap, more) if tidy_gap <= max(gap, enough) else (table[0], gap, used)


def polish(source, table, beta, used, limit):
    table, sweeps, _ = descend(source, merge(table, beta), beta, limit=min(100, limit - used))
    return table, used + sweeps[0]


def prove(source, table, beta, start):
    """ln of the largest growth found uphill from `start` and the clusters, (B,), and all places where one grows."""
    problem, cluster = np.nonzero(table.sum(-1) > 0)
    clusters = table[problem, cluster]
    owner = np.append(problem, np.repeat(np.arange(len(beta)), len(start)))
    start = np.concatenate([clusters / clusters.sum(-1, keepdims=True), np.tile(start, (len(beta), 1))])
    growth, place = climb(source, encode(source, table, beta)[1], beta, start, owner)
    most = np.zeros(len(beta))
    np.maximum.at(most, owner, growth)
    return np.log(most), place[growth > 1 + certified(beta[owner])]


def climb(source, log_f, beta, start, owner, steps=200):
    """Local maxima of the growth factor D on the simplex of Y, uphill from each start: D (N,) and places (N, Y).

    Start i belongs to problem `owner[i]` of those with log_f (B, X) and β (B,). Moving q to the mean of the rows
    p(y|x), weighted by the terms of D(q), never lowers D. Starts that fall in with another are dropped, with D = 0.
    """
    growth, place, going = np.zeros(len(start)), start.copy(), np.arange(len(start))
    for number in range(steps):
        whose = owner[going]
        log_terms = beta[whose, None] * np.log(np.maximum(place[going], TINY)) @ source.rows.T - log_f[whose]
        terms = np.exp(np.minimum(log_terms, 300, out=log_terms)) * source.p_x
        new = terms.sum(1)
        place[going] = terms @ source.rows / np.maximum(new, TINY)[:, None]
        rising = new > growth[going] + 1e-12
        growth[going] = new
        going = going[rising]
        if number in (3, 10, 30, 100):
            first = np.unique(np.column_stack([owner, place.round(4)])[going], axis=0, return_index=True)[1]
            growth[np.delete(going, first)] = 0
            going = going[first]
        if not len(going):
            break
    return growth, place


def weigh(source, table, born, beta):
    """Best weights of the clusters of a table and of those born, which stay where they are: (1, S, Y), and the gain.

    Newton's method on the convex −Σ_x p(x) ln f(x), its quadratic model solved exactly over p(t) ≥ 0 (Wang 2007).
    """
    old = table[table.sum(1) > 0]
    p_t = np.append(old.sum(1), np.zeros(len(born)))
    clusters = np.concatenate([old / old.sum(1, keepdims=True), born])
    log_kernel = beta * np.log(np.maximum(clusters, TINY)) @ source.rows.T
    kernel = np.exp(log_kernel - log_kernel.max(0)).T
    root, heavy, total = np.sqrt(source.p_x), 1e4, 0.0  # heavy: makes the weights nearly sum to one
    steps = 0.5 ** np.arange(20)[:, None]
    for _ in range(50):
        slope = kernel / np.maximum(kernel @ p_t, TINY)[:, None]
        system = np.vstack([root[:, None] * slope, np.full(len(p_t), heavy)])
        wanted = nnls(system, np.append(2 * root, heavy))[0]
        move = wanted / wanted.sum() - p_t
        gains = np.log(np.maximum(1 + steps * (slope @ move), TINY)) @ source.p_x
        first = int((gains > 0).argmax())
        if gains[first] < 1e-15:
            break
        p_t = p_t + steps[first] * move
        total += gains[first]
    return (p_t[:, None] * clusters)[None, p_t > 0], total
