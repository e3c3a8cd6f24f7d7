"""The largest growth factor D on the whole simplex of Y, bounded from above by branch and bound: a proof, not a search.

With q = e^u the growth factor of `births` is D = Σ_x e^{w(x) + β Σ_y p(y|x) u(y)} / (Σ_y e^{u(y)})^β, whatever u is
scaled to: its logarithm is a convex function of u less β ln Σ_y e^{u(y)}. On a box a convex function is largest at a
corner, and what is taken off is at least its tangent plane: an upper bound whose error falls with the square of the
box. Boxes on which the bound is not low enough are halved (Land & Doig 1960); those that reach to q(y) = 0 have
u(y) = −∞ at one end. Around each local maximum ln D is concave as far as its second derivatives, bounded on a
neighbourhood, say: no box in there need be halved. True up to rounding.
"""

import time
from dataclasses import dataclass

import numpy as np

from ibteach.bottleneck.blahut_arimoto import TINY

LABELS = 4  # with so many values of Y or fewer a proof is quick enough to be always tried
BOXES = 60_000  # for each β, if no time is given
AT_ONCE = 2**19  # numbers in an array: corners × x × boxes


@dataclass
class Ceiling:
    """For each problem: ln D ≤ `bound`, (B,); places (B, Y) where ln D is above what was asked, NaN where none is."""

    bound: np.ndarray
    place: np.ndarray
    boxes: np.ndarray


def ceiling(source, log_f, beta, peaks, enough, *, seconds=None) -> Ceiling:
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


def feasible(rows):
    """Whether a proof takes less than a second a β: no part of p(y|x) has more than `LABELS` labels."""
    return max(len(ys) for _, ys in parts(rows)) <= LABELS


def parts(rows):
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


def together(weight, rows):
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


def box_bounds(lo, hi, top, weight, beta, rows, enough):
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
    most = terms.max(1)
    np.exp(terms - most[:, None], out=terms)
    total = terms.sum(1)
    share = terms / total[:, None]
    whole = np.exp(centre)
    q = np.where(endless, 0, whole)
    mass = 1 + q.sum(1)
    q = q / mass[:, None]
    log_sum = np.log(total) + most
    at_edge = log_sum - beta * np.log(mass)
    value = log_sum - beta * np.log1p(whole.sum(1))
    # Corners of the box: ln Σ_x share e^{β (p(·|x) − q)·δ}.
    tilt = beta[:, None, None] * (along - q[:, None]) * half[:, None]
    corners, alone = share[:, :, None], np.empty((count, labels - 1))
    for y in range(labels - 1):
        step = np.exp(np.clip(tilt[:, :, y], -230, 230))
        alone[:, y] = np.maximum((share * step).sum(1), (share / step).sum(1))
        corners = np.concatenate([corners * step[:, :, None], corners / step[:, :, None]], -1)
    limit = at_edge + np.log(corners.sum(1).max(1))
    mean = (share[:, :, None] * tilt).sum(1)
    spread = tilt - mean[:, None]
    drop = beta[:, None] * whole / (1 + whole.sum(1))[:, None] + (
        share[:, :, None] * np.minimum(1, beta[:, None, None] * along)
    ).sum(1)
    scores = np.zeros((count, labels))
    np.put_along_axis(scores, others, np.where(endless, drop, np.log(alone)), 1)
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


def concave_bound(share, spread, mean, tilt, q, mass, half, beta):
    """How far above its value at the centre ln D can be, by its slope there and its largest second derivative."""
    room = np.abs(tilt).sum(2) + np.abs(mean).sum(1)[:, None]
    heavy = np.sqrt(share * np.exp(np.minimum(room, 300)))[:, :, None] * spread
    grow = 1 / mass + (q * np.exp(half)).sum(1)  # of the sum over y
    light = q * np.exp(-half) / grow[:, None]
    whole = light.sum(1) + 1 / mass / grow
    bent = heavy.transpose(0, 2, 1) @ heavy
    flat = light * half
    bent -= beta[:, None, None] * (
        (flat * half)[:, :, None] * np.eye(half.shape[1]) - flat[:, :, None] * flat[:, None] / whole[:, None, None]
    )
    steepest = np.linalg.eigvalsh(bent)[:, -1]
    return np.abs(mean).sum(1) + np.maximum(0, steepest) / 2 * half.shape[1]


class Cores:
    """Neighbourhoods of local maxima in which ln D is bounded by its concavity: for each problem, several.

    A local maximum may lie where some q(y) are 0. On the others, S, ln D is concave while no two of the u(y) change by
    more than `reach` apart; and with a share z of all mass outside S, each x that needs those y adds at most
    b(x) z^{s(x)} to D, with s its exponents there, while the mass takes β z away: nothing is gained up to z = `edge`.
    """

    def __init__(self, weight, rows, beta, peaks, enough):
        place, owner = [], []
        for i, one in enumerate(peaks):
            for q in one:
                for least in (0, 1e-2) if (q < 1e-2).any() else (0,):
                    place.append(np.where(q > least, q, 0) / q[q > least].sum())
                    owner.append(i)
        self.owner, place = np.array(owner, int), np.array(place).reshape(-1, rows.shape[1])
        self.support = place > 0
        self.weight, self.beta, self.rows = weight[self.owner], beta[self.owner], rows
        with np.errstate(divide="ignore"):
            self.peak = np.log(place)
        self.fits = self.support.astype(float) @ (rows > 0).T == (rows > 0).sum(1)  # x whose y all are in S
        self.climb()
        self.measure(enough[self.owner])
        slots = np.zeros(len(self.owner), int)
        for i in range(len(peaks)):
            slots[self.owner == i] = np.arange((self.owner == i).sum())
        self.table = np.full((len(peaks), 1 + (slots.max() if len(slots) else -1)), -1)
        self.table[self.owner, slots] = np.arange(len(self.owner))

    def expand(self, u):
        """ln D on the support, shares of the x, q, the slope and β p(y|x): where the mass outside S is nothing."""
        safe = np.where(self.support, u, 0)
        terms = np.where(self.fits, self.weight + self.beta[:, None] * (safe @ self.rows.T), -np.inf)
        most = np.maximum(terms.max(1, initial=-np.inf), -1e300)
        share = np.exp(terms - most[:, None])
        total = np.maximum(share.sum(1), TINY)
        share /= total[:, None]
        q = np.where(self.support, np.exp(safe), 0)
        mass = q.sum(1)
        q /= mass[:, None]
        value = np.log(total) + most - self.beta * np.log(mass)
        slope = self.beta[:, None] * (share @ self.rows - q)
        return value, share, q, slope

    def climb(self):
        """Newton's method to the very top."""
        value, share, q, slope = self.expand(self.peak)
        eye = np.eye(self.rows.shape[1])
        for _ in range(8):
            mean = share @ self.rows
            spread = np.sqrt(share)[:, :, None] * (self.rows - mean[:, None])
            bent = -(self.beta[:, None, None] ** 2) * (spread.transpose(0, 2, 1) @ spread)
            bent += self.beta[:, None, None] * (q[:, :, None] * eye)  # of ∑ e^u less its rank one: fixes the scale
            bent = np.where(self.support[:, :, None] & self.support[:, None], bent, eye)
            try:
                move = np.linalg.solve(bent + 1e-14 * eye, np.where(self.support, slope, 0)[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                break
            new = np.where(self.support, self.peak + np.clip(np.nan_to_num(move), -1, 1), -np.inf)
            tried = self.expand(new)
            better = (tried[0] > value - 1e-13) & (np.abs(tried[3]).sum(1) < np.abs(slope).sum(1))
            if not better.any():
                break
            self.peak = np.where(better[:, None], new, self.peak)
            value, share, q, slope = self.expand(self.peak)

    def measure(self, enough):
        value, share, q, slope = self.expand(self.peak)
        beta, rows, support = self.beta, self.rows, self.support
        steep = np.abs(np.where(support, slope, 0)).sum(1)
        tilt = beta[:, None, None] * np.where(support[:, None], rows - q[:, None], 0)
        mean = (share[:, :, None] * tilt).sum(1)
        spread = tilt - mean[:, None]
        self.reach, self.edge, self.bound = np.zeros(len(beta)), np.zeros(len(beta)), value.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.where(support, 0, rows[None].transpose(1, 0, 2)).transpose(1, 0, 2)  # (P, X, Y)
            left = beta[:, None] * out.sum(2)
            split = np.where(out > 0, out * np.log(out / out.sum(2, keepdims=True)), 0).sum(2) * beta[:, None]
            mass = np.log(np.where(support, np.exp(np.where(support, self.peak, 0)), 0).sum(1))
            inner = beta[:, None] * (np.where(support, self.peak, 0) @ rows.T)
            log_d = value + beta * mass
            gain = self.weight + inner + left * mass[:, None] + split - log_d[:, None]
        outside = ~self.fits
        steep_in = outside & (left < 1)  # such an x draws a little mass out of S: how much D gains is bounded as well
        count = np.maximum(1, steep_in.sum(1))
        single = support.sum(1) == 1
        ok = share.sum(1) > 0.5
        for reach in 2.0 ** (1 - np.arange(0, 24) / 2):
            todo = np.flatnonzero(ok & (self.reach == 0))
            if not len(todo):
                break
            width = (np.abs(tilt[todo]).sum(2) + steep[todo, None]) * reach / 2
            heavy = np.sqrt(share[todo] * np.exp(np.minimum(width, 300)))[:, :, None] * spread[todo]
            light = q[todo] * np.exp(-reach)
            bent = heavy.transpose(0, 2, 1) @ heavy
            bent -= beta[todo, None, None] * (
                light[:, :, None] * np.eye(rows.shape[1])
                - light[:, :, None] * light[:, None] / light.sum(1)[:, None, None]
            )
            # Shifting all u(y) alike changes nothing: that direction, and those outside S, count as concave.
            bent = np.where(support[todo][:, :, None] & support[todo][:, None], bent, 0)
            flat = support[todo] / np.sqrt(support[todo].sum(1, keepdims=True))
            bent -= beta[todo, None, None] * flat[:, :, None] * flat[:, None]
            concave = (np.linalg.eigvalsh(bent)[:, -1] <= 1e-13 * beta[todo]) | single[todo]
            log_b = gain[todo] + beta[todo, None] * reach
            with np.errstate(divide="ignore", invalid="ignore"):
                # max over z of b z^s − c z, with half of β for all of them
                s = np.clip(left[todo], 1e-9, 1 - 1e-9)
                drawn = np.exp(
                    np.minimum((log_b + s * np.log(2 * s * count[todo, None] / beta[todo, None])) / (1 - s), 0)
                )
            drawn = np.where(steep_in[todo], drawn, 0).sum(1)
            edge = np.zeros(len(todo))
            for z in 2.0 ** -np.arange(1, 40):
                extra = np.exp(np.minimum(log_b + (left[todo] - 1) * np.log(z), 300))
                extra = np.where(outside[todo] & ~steep_in[todo], extra, 0).sum(1)
                edge = np.where((edge == 0) & (extra <= np.where(steep_in[todo].any(1), 0.5, 1) * beta[todo]), z, edge)
            bound = value[todo] + steep[todo] * reach + drawn
            good = concave & ((edge > 1e-6) | support[todo].all(1)) & (bound <= np.maximum(enough[todo], 1e-14))
            self.reach[todo[good]], self.edge[todo[good]] = reach, edge[good]
            self.bound[todo[good]] = bound[good]

    def hold(self, lo, hi, owner):
        """Which boxes (N, Y) lie in a core of their problem (N,)."""
        held = np.zeros(len(lo), bool)
        if not len(self.owner):
            return held
        with np.errstate(invalid="ignore"):
            weight_lo, weight_hi = np.exp(lo), np.exp(hi)
            for slot in self.table.T:
                core = slot[owner]
                inside = np.where(core >= 0, self.reach[core], 0) > 0
                some = np.flatnonzero(inside & ~held)
                if not len(some):
                    continue
                core = core[some]
                support, peak = self.support[core], self.peak[core]
                above = np.where(support, hi[some] - peak, -np.inf).max(1)
                below = np.where(support, lo[some] - peak, np.inf).min(1)
                outer = np.where(support, 0, weight_hi[some]).sum(1)
                inner = np.where(support, weight_lo[some], 0).sum(1)
                held[some] = (above - below <= self.reach[core]) & (outer <= self.edge[core] * inner)
        return held
