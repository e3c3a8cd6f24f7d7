"""Where would a new cluster grow? The question that finds the best bottleneck, and bounds how far it is from the best.

Minimised over encoders, the IB Lagrangian is a log-likelihood: I[X;T] − β I[T;Y] = −β I[X;Y] − Σ_x p(x) ln f(x) with
f(x) = Σ_t p(t) e^{−β KL(p(y|x) ‖ q_t)}, a mixture whose components sit anywhere on the simplex of Y (Banerjee et al.
2004). In the mixing distribution that is convex, so one condition decides. A speck of cluster at q grows, with every
sweep of the self-consistent equations, by the factor D(q) = Σ_x p(x) e^{−β KL(p(y|x) ‖ q)} / f(x). If D ≤ 1 everywhere,
no encoder does better; and none ever does better by more than ln max D (Lindsay 1983). Where D > 1 a cluster is born,
and all weights are found by Newton's method: so the local optima are left in which sweeps alone stay. The maximum of D
is searched here, uphill from many places, which proves nothing; `exhaustive` bounds it everywhere.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from ibteach.bottleneck.blahut_arimoto import TINY, Source, batches, descend, encode, encoders, merge, pad, price
from ibteach.bottleneck.exhaustive import ceiling, feasible


def certified(beta: Any) -> Any:
    """The gap in nats at which a search ends; ten times as much is failure. Rounding is worse where β is huge."""
    return 1e-10 * np.maximum(1, beta / 1e4)


@dataclass
class Best:
    """The IB at every β: encoders (B, X, T), and (B,) each: the gap to the optimum in nats as far as it was searched,
    its proven upper bound (∞ where none was tried), how many places were climbed from, and sweeps used.
    """

    encoder: np.ndarray
    searched: np.ndarray
    proven: np.ndarray
    starts: np.ndarray
    sweeps: np.ndarray


def solve_ib(
    source: Source, beta: np.ndarray, limit: int, *, births: bool = True, seconds: float | None = None
) -> Best:
    """The best encoders at rising β (B,): searched, and where that is quick, or `seconds` are given, proven.

    One cluster, where no other would grow. Elsewhere every row starts as a cluster of its own, the solution at large
    β, and what a smaller β does not need merges. With `births` off, what that leaves undone is only measured.
    """
    table, used = [source.p_y[None]] * len(beta), np.zeros(len(beta), int)
    quick, wide = starts(source)
    proven = np.where(beta > 1, np.inf, 0.0)  # for β ≤ 1 a constant is best: I[T;Y] ≤ I[X;T]
    gap, tried = np.where(beta > 1, np.inf, 0.0), np.zeros(len(beta), int)

    def ask(todo, places, known=None):
        """Climb from `places`: gaps, at least those `known`, and for each of `todo` where a cluster would grow."""
        where = []
        for part in batches(len(todo), 2 * source.joint.size):
            batch = pad([table[i] for i in todo[part]])
            most, born, owner = search(source, batch, beta[todo[part]], places)
            gap[todo[part]] = most if known is None else np.maximum(most, known[todo[part]])
            tried[todo[part]] += len(places) + (batch.sum(-1) > 0).sum(1)
            where += [born[owner == i] for i in range(len(batch))]
        return where

    above = np.flatnonzero(beta > 1)
    ask(above[beta[above] <= source.unstable_beta()], quick)  # above that one cluster is never the best
    todo = np.flatnonzero(gap > certified(beta))
    if len(todo):
        start = np.broadcast_to(source.joint, (len(todo), *source.joint.shape))
        found, used[todo], _ = descend(source, start, beta[todo], limit=min(limit, 200), merging=(4, 8, 16))
        for i, one in zip(todo, found, strict=True):
            table[i] = one

    def grow(todo, where):
        """Births at each of `todo`, until none is due that a climb from the `quick` starts would find."""
        for i, born in zip(todo, where, strict=True):
            table[i], gap[i], used[i] = settle(source, table[i], beta[i], used[i], limit, quick, born)

    def repeat(question, todo):
        """Ask, let grow, and ask again where something grew."""
        for _ in range(20 if len(todo) else 0):
            where = question(todo)
            grows = [k for k in range(len(todo)) if len(where[k])]
            if not grows:
                break
            todo = todo[grows]
            grow(todo, [where[k] for k in grows])

    where = ask(todo, quick)
    if births:
        grows = [k for k in range(len(todo)) if gap[todo[k]] > certified(beta[todo[k]])]
        grow(todo[grows], [where[k] for k in grows])
        repeat(lambda todo: ask(todo, wide, gap), above)
        repeat(lambda todo: better_elsewhere(source, table, beta, todo), above)
        if (seconds is None and feasible(source.rows)) or seconds:
            until = None if seconds is None else time.monotonic() + seconds
            repeat(lambda todo: bound(source, table, beta, todo, proven, until), above)
    return Best(encoders(source, pad(table), beta), np.maximum(gap, 0), np.maximum(proven, 0), tried, used)


def starts(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Places to climb from: few that nearly always do, and more that are tried at the end; (S, Y) each.

    A climb never leaves q(y) = 0: where rows have zeros, some starts must have none, and more of them are tried.
    """
    rows, p_y, size = source.rows, source.p_y, len(source.rows)
    rng, zeros = np.random.default_rng(0), (rows == 0).any()
    pairs = rng.permutation([(i, j) for i in range(size) for j in range(i)] or [(0, 0)])[: 64 if zeros else 16]
    quick = [rows, p_y[None]] + ([(rows + p_y) / 2] if zeros else [])
    wide = [rng.dirichlet(np.full(len(p_y), c), 16 if zeros else 8) for c in (0.3, 1)] + [rows[pairs].mean(1)]
    wide += [rng.dirichlet(np.full(size, 0.3), 16) @ rows] + ([0.9 * rows + 0.1 * p_y] if zeros else [])
    return np.concatenate(quick), np.concatenate(wide)


def better_elsewhere(source: Source, table: list[np.ndarray], beta: np.ndarray, todo: np.ndarray) -> list[Any]:
    """For each of `todo` the clusters of another β's encoder, if that is the better one here."""
    cost, relevance = price(source, pad(table), beta, 1.0)
    value = cost - beta[:, None] * relevance
    better = value.min(1) < np.diag(value) - 1e-11 * np.maximum(1, beta)
    return [places(table[value[i].argmin()]) if better[i] else [] for i in todo]


def places(table: np.ndarray) -> np.ndarray:
    """Where the clusters of a table (T, Y) sit on the simplex: (S, Y)."""
    return table[table.sum(1) > 0] / table[table.sum(1) > 0].sum(1, keepdims=True)


def bound(
    source: Source, table: list[np.ndarray], beta: np.ndarray, todo: np.ndarray, proven: np.ndarray, until: float | None
) -> list[Any]:
    """Upper bounds of the gap into `proven`, and for each of `todo` a place where a cluster would grow, or none."""
    log_f = [encode(source, table[i][None], beta[i, None])[1][0] for i in todo]
    left = None if until is None else max(0.0, until - time.monotonic())
    enough = 5 * certified(beta[todo])
    found = ceiling(source, np.array(log_f), beta[todo], [places(table[i]) for i in todo], enough, seconds=left)
    proven[todo] = found.bound
    return [place[None] if not np.isnan(place).any() else [] for place in found.place]


def settle(
    source: Source, table: np.ndarray, beta: Any, used: Any, limit: int, start: np.ndarray, born: np.ndarray
) -> tuple[np.ndarray, float, int]:
    """Births until none is due: a table (T, Y), its gap, and the sweeps used so far, of which a round counts one."""
    table, beta = table[None], np.array([beta])
    gap, enough = np.inf, certified(beta[0])
    while gap > enough and used < limit:
        before, gain = gap, np.inf
        while len(born) and gain > 1e-14 and used < limit:
            table, gain = weigh(source, table[0], born, beta)
            _, born, _ = search(source, table, beta, born)
            used += 1
        # Births leave clusters side by side that are one: put it in its place.
        tidy, more = polish(source, table, beta, used, limit)
        (tidy_gap,), elsewhere, _ = search(source, tidy, beta, start)
        if tidy_gap <= enough:
            return tidy[0], tidy_gap, more
        (gap,), born, _ = search(source, table, beta, start)
        if gap > enough and gain <= 1e-14:  # flat: weights alone gain no more, the clusters must move
            used = more
            if tidy_gap >= gap:  # nor does that help: what is left is rounding
                break
            table, gap, born = tidy, tidy_gap, elsewhere
        if before / 2 < gap <= 10 * enough:  # another round would gain little
            break
    if gap <= enough:
        return table[0], gap, used
    tidy, more = polish(source, table, beta, used, limit)
    (tidy_gap,), _, _ = search(source, tidy, beta, start)
    return (tidy[0], tidy_gap, more) if tidy_gap <= gap else (table[0], gap, used)


def polish(source: Source, table: np.ndarray, beta: np.ndarray, used: int, limit: int) -> tuple[np.ndarray, int]:
    table, sweeps, _ = descend(source, merge(table, beta), beta, limit=min(60, limit - used))
    return table, used + sweeps[0]


def search(
    source: Source, table: np.ndarray, beta: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln of the largest growth found uphill from `start` and the clusters, (B,); all places where one grows; whose."""
    problem, cluster = np.nonzero(table.sum(-1) > 0)
    clusters = table[problem, cluster]
    owner = np.append(problem, np.repeat(np.arange(len(beta)), len(start)))
    start = np.concatenate([clusters / clusters.sum(-1, keepdims=True), np.tile(start, (len(beta), 1))])
    growth, place = climb(source, encode(source, table, beta)[1], beta, start, owner)
    most = np.zeros(len(beta))
    np.maximum.at(most, owner, growth)
    grows = growth > 1 + certified(beta[owner])
    return np.log(most), place[grows], owner[grows]


def climb(
    source: Source, log_f: np.ndarray, beta: np.ndarray, start: np.ndarray, owner: np.ndarray, steps: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of the growth factor D on the simplex of Y, uphill from each start: D (N,) and places (N, Y).

    Start i belongs to problem `owner[i]` of those with log_f (B, X) and β (B,). Moving q to the mean of the rows
    p(y|x), weighted by the terms of D(q), never lowers D; every third step is Newton's. Starts that fall in with
    another are dropped, with D = 0.
    """
    growth, place, going = np.zeros(len(start)), start.copy(), np.arange(len(start))
    plain, squares = place.copy(), (source.rows[:, :, None] * source.rows[:, None]).reshape(len(source.rows), -1)
    for number in range(steps):
        whose, here = owner[going], place[going]
        log_terms = beta[whose, None] * np.log(np.maximum(here, TINY)) @ source.rows.T - log_f[whose]
        terms = np.exp(np.minimum(log_terms, 300, out=log_terms)) * source.p_x
        new = terms.sum(1)
        share = terms / np.maximum(new, TINY)[:, None]
        image = share @ source.rows
        astray = new < growth[going] - 1e-13  # Newton led too far: back to where the plain step was
        image[astray] = plain[going[astray]]
        rising = (new > growth[going] + 1e-12) | (number % 3 > 0) & (np.abs(image - here).sum(1) > 1e-9)
        growth[going] = np.maximum(new, growth[going])
        place[going] = plain[going] = image
        if number % 3 == 2:
            for part in batches(len(going), squares.shape[1]):
                ahead = newton(here[part], image[part], share[part], squares, beta[whose[part]])
                place[going[part]] = np.where(astray[part, None], image[part], ahead)
        going = going[rising | astray]
        if number in (3, 9, 30, 99):
            first = np.unique(np.column_stack([owner, plain.round(4)])[going], axis=0, return_index=True)[1]
            growth[np.delete(going, first)] = 0
            going = going[first]
        if not len(going):
            break
    return growth, plain


def newton(here: np.ndarray, image: np.ndarray, share: np.ndarray, squares: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Where Newton's method for ln D leads from q = `here` (N, Y), in ln q; where that is not uphill, 30 plain steps.

    Near β = 1, and from a saddle, ln D is so flat that plain steps hardly move. Its slope in ln q is β (image − q), its
    second derivative β² Cov[p(·|x)] − β diag(q), the x weighted by their `share` (N, X), plus β q qᵀ, which the scale
    of q takes away.
    """
    labels = here.shape[1]
    root = np.sqrt(np.maximum(here, 1e-100))
    covariance = (share @ squares).reshape(-1, labels, labels) - image[:, :, None] * image[:, None]
    bent = (1 + 1e-14) * np.eye(labels) - beta[:, None, None] * covariance / (root[:, :, None] * root[:, None])
    slope = (image - here) / root
    try:
        move = np.linalg.solve(bent, slope[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # where labels are all but gone, 1 is lost beside their derivatives
        bent[np.linalg.slogdet(bent)[0] == 0] = np.eye(labels)
        move = np.linalg.solve(bent, slope[:, :, None])[:, :, 0]
    uphill = (move * slope).sum(1, keepdims=True) > 0
    guess = here * np.exp((np.where(uphill, move, 30 * slope) / root).clip(-3, 3))
    return guess / guess.sum(1, keepdims=True)


def weigh(source: Source, table: np.ndarray, born: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, float]:
    """Best weights of the clusters of a table and of those born, which stay where they are: (1, S, Y), and the gain.

    Newton's method on the convex −Σ_x p(x) ln f(x) + (Σ_t p(t))² / 2, which is lowest where the p(t) sum to one; its
    quadratic model is solved exactly over p(t) ≥ 0 (Wang 2007).
    """
    old = table[table.sum(1) > 0]
    p_t = np.append(old.sum(1), np.zeros(len(born)))
    clusters = np.concatenate([old / old.sum(1, keepdims=True), born])
    log_kernel = beta * np.log(np.maximum(clusters, TINY)) @ source.rows.T
    kernel = np.exp(log_kernel - log_kernel.max(0)).T
    root, total, excess = np.sqrt(source.p_x), 0.0, np.inf
    steps = 0.5 ** np.arange(20)[:, None]
    for _ in range(50):
        slope = kernel / np.maximum(kernel @ p_t, TINY)[:, None]
        system = np.vstack([root[:, None] * slope, np.ones(len(p_t))])
        wanted = nnls(system, np.append(2 * root, 0))[0]
        move = wanted / wanted.sum() - p_t
        gains = np.log(np.maximum(1 + steps * (slope @ move), TINY)) @ source.p_x
        first = int((gains > 0).argmax())
        if gains[first] < 1e-15:  # below rounding; small weights can still be far off, and D above 1 tells it
            before, excess = excess, (source.p_x @ slope).max() - 1
            if excess < 1e-12 or excess > before / 2:
                break
            first = 0
        p_t = p_t + steps[first] * move
        total += gains[first]
    return (p_t[:, None] * clusters)[None, p_t > 0], total
