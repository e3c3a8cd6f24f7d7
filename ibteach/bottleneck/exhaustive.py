"""The largest growth factor D on the whole simplex of Y, bounded from above by branch and bound: a proof, not a search.

With q = e^u the growth factor of `births` is D = Σ_x e^{w(x) + β Σ_y p(y|x) u(y)} / (Σ_y e^{u(y)})^β, whatever u is
scaled to: its logarithm is a convex function of u less β ln Σ_y e^{u(y)}. On a box a convex function is largest at a
corner, and what is taken off is at least its tangent plane: an upper bound whose error falls with the square of the
box. Boxes on which the bound is not low enough are halved (Land & Doig 1960); those that reach to q(y) = 0 have
u(y) = −∞ at one end. In a core around each local maximum (`cores`) no box need be halved. True up to rounding.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ibteach.bottleneck.blahut_arimoto import Source
from ibteach.bottleneck.cores import Cores

LABELS = 4  # with so many values of Y or fewer a proof is quick enough to be always tried
BOXES = 60_000  # for each β, if no time is given
AT_ONCE = 2**19  # numbers in an array: corners × x × boxes
FAR = 600.0  # e to the power of more is no number any more: sums are then taken in logarithms


@dataclass
class Ceiling:
    """For each problem: ln D ≤ `bound`, (B,); places (B, Y) where ln D is above what was asked, NaN where none is."""

    bound: np.ndarray
    place: np.ndarray
    boxes: np.ndarray


def ceiling(
    source: Source,
    log_f: np.ndarray,
    beta: np.ndarray,
    peaks: Sequence[np.ndarray],
    enough: np.ndarray,
    *,
    seconds: float | None = None,
) -> Ceiling:
    """Upper bounds of ln D for the problems log_f (B, X), β > 1 (B,), halving boxes until they are ≤ `enough` (B,).

    `peaks` are, for each problem, places (P, Y) where D may have a local maximum: they make the search short, not
    true. A problem ends when its bound is low enough, when a place is found where ln D > `enough`, or after `BOXES`
    boxes; with `seconds` all of them end by then instead.
    """
    until = np.inf if seconds is None else time.monotonic() + seconds
    most = BOXES if seconds is None else np.inf
    result = Ceiling(np.full(len(beta), -np.inf), np.full((len(beta), len(source.p_y)), np.nan), np.zeros(len(beta)))
    for xs, ys in parts(source.rows):
        weight, rows = together(np.log(source.p_x[xs]) - log_f[:, xs], source.rows[np.ix_(xs, ys)])
        here = [places[places[:, ys].sum(1) > 1 - 1e-9][:, ys] for places in peaks]
        _part(result, ys, weight, rows, beta, here, enough, most, until)
    return result


def feasible(rows: np.ndarray) -> bool:
    """Whether a proof takes less than a second a β: no part of p(y|x) has more than `LABELS` labels."""
    return max(len(ys) for _, ys in parts(rows)) <= LABELS


def parts(rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parts into which p(y|x) falls that share no y: index arrays of x and of y for each.

    For β ≥ 1 the largest D lies within one of them: Σ s^β D ≤ Σ s D over the shares s of the parts.
    """
    left, found = np.ones(len(rows), bool), []
    while left.any():
        xs, before = np.zeros(len(rows), bool), -1
        xs[left.argmax()] = True
        ys = rows[left.argmax()] > 0
        while xs.sum() != before:
            before, ys = xs.sum(), (rows[xs] > 0).any(0)
            xs = (rows[:, ys] > 0).any(1)
        found.append((np.flatnonzero(xs), np.flatnonzero(ys)))
        left &= ~xs
    return found


def together(weight: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal rows as one, with their weights e^w added: (B, X), (X, Y) to the same with fewer x."""
    distinct, which = np.unique(rows.round(15), axis=0, return_inverse=True)
    if len(distinct) == len(rows):
        return weight, rows
    which = which.ravel()
    sums = np.stack([np.logaddexp.reduce(weight[:, which == i], 1) for i in range(len(distinct))], 1)
    return sums, np.stack([rows[which == i].mean(0) for i in range(len(distinct))])


def _part(result, ys, weight, rows, beta, peaks, enough, most, until):
    problems, labels = len(beta), len(ys)
    if labels == 1:
        value = np.logaddexp.reduce(weight, 1)
        np.maximum(result.bound, value, out=result.bound)
        result.place[value > enough] = 0
        result.place[np.ix_(value > enough, ys)] = 1
        return
    cores = Cores(weight, rows, beta, peaks, enough)
    # The largest of the u(y) is 0: a box for each choice of y, the other u(y) anywhere below.
    lo = np.full((labels, labels), -np.inf)
    np.fill_diagonal(lo, 0)
    lo, hi = np.tile(lo, (problems, 1)), np.zeros((problems * labels, labels))
    top, owner = np.tile(np.arange(labels), problems), np.repeat(np.arange(problems), labels)
    bound = np.full(problems, -np.inf)
    np.maximum.at(bound, cores.owner, cores.bound)
    number, size = np.zeros(problems), max(1, AT_ONCE // (len(rows[0]) * len(rows) * 2 ** (labels - 1)))
    known = np.full(len(owner), np.inf)
    while len(owner):
        number += np.bincount(owner, minlength=problems)
        chunks = [slice(i, i + size) for i in range(0, len(owner), size)]
        most_here, split = [], []
        for chunk in chunks:
            limit, centre, at, score = box_bounds(
                lo[chunk], hi[chunk], top[chunk], weight[owner[chunk]], beta[owner[chunk]], rows, enough[owner[chunk]]
            )
            high = np.flatnonzero(at > enough[owner[chunk]])
            q = np.exp(centre[high])
            result.place[owner[chunk][high]] = 0
            result.place[np.ix_(owner[chunk][high], ys)] = q / q.sum(1, keepdims=True)
            most_here.append(limit)
            split.append(score)
            if time.monotonic() > until:
                break
        checked = sum(map(len, most_here))
        limit, score = np.concatenate(most_here), np.concatenate(split)
        inside = cores.hold(lo[:checked], hi[:checked], owner[:checked])
        low = (limit <= enough[owner[:checked]]) | inside
        np.maximum.at(bound, owner[:checked][low & ~inside], limit[low & ~inside])
        left = np.concatenate([np.flatnonzero(~low), np.arange(checked, len(owner))])
        late = time.monotonic() > until
        known[:checked] = np.minimum(known[:checked], limit)
        pending = np.full(problems, -np.inf)
        np.maximum.at(pending, owner[left], known[left])
        over = (number > most) | ~np.isnan(result.place).all(1) | late
        left = left[~over[owner[left]]]
        bound[over] = np.maximum(bound, pending)[over]
        if not len(left):
            break
        score = score[left]
        axis = score.argmax(1)
        one = np.arange(len(left))
        lo, hi, top, owner, known = lo[left], hi[left], top[left], owner[left], np.tile(known[left], 2)
        low_end, high_end = lo[one, axis], hi[one, axis]
        middle = np.where(np.isneginf(low_end), 2 * high_end - 3, (np.maximum(low_end, -1e300) + high_end) / 2)
        upper_lo, lower_hi = lo.copy(), hi.copy()
        upper_lo[one, axis] = lower_hi[one, axis] = middle
        lo, hi = np.concatenate([upper_lo, lo]), np.concatenate([hi, lower_hi])
        top, owner = np.tile(top, 2), np.tile(owner, 2)
    np.maximum(result.bound, bound, out=result.bound)
    result.boxes += number


def box_bounds(
    lo: np.ndarray,
    hi: np.ndarray,
    top: np.ndarray,
    weight: np.ndarray,
    beta: np.ndarray,
    rows: np.ndarray,
    enough: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of boxes lo ≤ u ≤ hi (N, Y) with u(top) = 0: upper bounds of ln D, (N,); centres; ln D there; and split scores.

    Problem i has weights w (N, X) and β (N,). An end of −∞ stands for all q(y) from 0: there the sum over x is priced
    at the upper end and the sum over y without that y.
    """
    count, labels = lo.shape
    others = np.array([[y for y in range(labels) if y != k] for k in range(labels)])[top]
    lo, hi = np.take_along_axis(lo, others, 1), np.take_along_axis(hi, others, 1)
    endless = np.isneginf(lo)
    half = np.where(endless, 0, (hi - np.where(endless, 0, lo)) / 2)
    centre = hi - half
    along = rows.T[others].transpose(0, 2, 1)  # (N, X, Y − 1)
    terms = weight + beta[:, None] * (along @ centre[:, :, None])[:, :, 0]
    log_sum = log_of_sum(terms)
    terms -= log_sum[:, None]
    share = np.exp(terms)
    whole = np.exp(centre)
    q = np.where(endless, 0, whole)
    mass = 1 + q.sum(1)
    q = q / mass[:, None]
    at_edge = log_sum - beta * np.log(mass)
    value = log_sum - beta * np.log1p(whole.sum(1))
    # Corners of the box: ln Σ_x share e^{β (p(·|x) − q)·δ}.
    tilt = beta[:, None, None] * (along - q[:, None]) * half[:, None]
    far = np.abs(tilt).sum(2).max(1) > FAR
    highest, alone = np.empty(count), np.empty((count, labels - 1))
    highest[~far], alone[~far] = corners(share[~far], tilt[~far])
    highest[far], alone[far] = far_corners(terms[far], tilt[far])
    limit = at_edge + highest
    mean = (share[:, :, None] * tilt).sum(1)
    spread = tilt - mean[:, None]
    drop = beta[:, None] * whole / (1 + whole.sum(1))[:, None] + (
        share[:, :, None] * np.minimum(1, beta[:, None, None] * along)
    ).sum(1)
    scores = np.zeros((count, labels))
    np.put_along_axis(scores, others, np.where(endless, drop, alone), 1)
    # Where ln D is concave, or nearly, its tangent plane is a better bound.
    todo = np.flatnonzero(limit > enough)
    if len(todo):
        part = concave_bound(
            share[todo], spread[todo], mean[todo], tilt[todo], q[todo], mass[todo], half[todo], beta[todo]
        )
        limit[todo] = np.minimum(limit[todo], at_edge[todo] + part)
    full = np.zeros((count, labels))
    np.put_along_axis(full, others, centre, 1)
    return limit, full, value, scores


def corners(share: np.ndarray, tilt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of boxes, ln of the largest Σ_x share e^{± tilt ± …} over all corners, (N,), and over the two of each axis alone.

    `share` (N, X) and `tilt` (N, X, Y − 1), of which none adds up to more than `FAR`.
    """
    sums, alone = share[:, :, None], np.empty((len(share), tilt.shape[2]))
    for y in range(tilt.shape[2]):
        step = np.exp(tilt[:, :, y])
        alone[:, y] = np.log(np.maximum((share * step).sum(1), (share / step).sum(1)))
        sums = np.concatenate([sums * step[:, :, None], sums / step[:, :, None]], -1)
    return np.log(sums.sum(1).max(1)), alone


def far_corners(log_share: np.ndarray, tilt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of boxes that are so far across that nothing but logarithms can hold the sums."""
    logs, alone = log_share[:, :, None], np.empty((len(log_share), tilt.shape[2]))
    for y in range(tilt.shape[2]):
        step = tilt[:, :, y]
        alone[:, y] = np.maximum(log_of_sum(log_share + step), log_of_sum(log_share - step))
        logs = np.concatenate([logs + step[:, :, None], logs - step[:, :, None]], -1)
    return log_of_sum(logs).max(1), alone


def log_of_sum(logs: np.ndarray) -> np.ndarray:
    """ln Σ_x e^{logs}, over the second axis."""
    most = logs.max(1, keepdims=True)
    return np.log(np.exp(logs - most).sum(1)) + most[:, 0]


def concave_bound(
    share: np.ndarray,
    spread: np.ndarray,
    mean: np.ndarray,
    tilt: np.ndarray,
    q: np.ndarray,
    mass: np.ndarray,
    half: np.ndarray,
    beta: np.ndarray,
) -> np.ndarray:
    """How far above its value at the centre ln D can be, by its slope there and its largest second derivative.

    ∞ for boxes so far across that e to that power would be no number.
    """
    room = np.abs(tilt).sum(2) + np.abs(mean).sum(1)[:, None]
    heavy = np.sqrt(share * np.exp(np.minimum(room, FAR / 2)))[:, :, None] * spread
    grow = 1 / mass + (q * np.exp(half)).sum(1)  # of the sum over y
    light = q * np.exp(-half) / grow[:, None]
    whole = light.sum(1) + 1 / mass / grow
    bent = heavy.transpose(0, 2, 1) @ heavy
    flat = light * half
    bent -= beta[:, None, None] * (
        (flat * half)[:, :, None] * np.eye(half.shape[1]) - flat[:, :, None] * flat[:, None] / whole[:, None, None]
    )
    steepest = np.linalg.eigvalsh(bent)[:, -1]
    bound = np.abs(mean).sum(1) + np.maximum(0, steepest) / 2 * half.shape[1]
    return np.where(room.max(1) > FAR / 2, np.inf, bound)
