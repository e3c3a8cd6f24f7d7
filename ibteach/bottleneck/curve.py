"""What follows from the best bottlenecks: where the first cluster is born, the concave curve, and its linear stretches.

Points (I[X;T], I[T;Y]) between two encoders are reached by using each of them part of the time, so the region within
reach is convex and its edge, the IB curve, concave. Minimising I[X;T] − β I[T;Y] finds the points where a line of slope
1/β touches: never the inside of a linear stretch, and when Y is a function of X the curve is one linear stretch. A
convex function of the rate in its place finds every point (Kolchinsky, Tracey & Van Kuyk 2019). Builds on `tabular`.
"""

import math

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import softmax
from torch import Tensor

from ibteach.bottleneck.blahut_arimoto import TINY
from ibteach.bottleneck.tabular import Solution, measure, solve, sources, trade_offs

CLOSE = 1e-9  # nats above the optimum, at most: the squared IB is found


def critical_beta(joint, *, normalize=False) -> float:
    """The largest β at which a constant encoder is best, and nothing worth keeping; infinite if X tells nothing of Y.

    It is the infimum over p(x|t) of KL(p(x|t) ‖ p(x)) / KL(p(y|t) ‖ p(y)): at most the inverse square of the maximal
    correlation of X and Y, where the constant turns unstable, and sometimes less. Errors are those of `solve`.

    >>> round(critical_beta([[0.45, 0.05], [0.05, 0.45]]), 6)  # 1 / (1 − 2·0.1)²
    1.5625
    """
    _, _, source = sources(joint, normalize)
    unstable = source.unstable_beta()
    if unstable == math.inf:
        return math.inf

    def ratio(score):
        """The ratio at p(x|t) ∝ p(x) e^{Σ_y p(y|x) score(y)}, the form that a minimum has, and its gradient."""
        p_xt = softmax(np.log(source.p_x) + score @ source.rows.T, -1)
        p_yt = p_xt @ source.rows
        log_x, log_y = (np.log(np.maximum(p, TINY) / q) for p, q in ((p_xt, source.p_x), (p_yt, source.p_y)))
        rate, relevance = (p_xt * log_x).sum(-1), (p_yt * log_y).sum(-1)
        central = relevance < 1e-6  # both vanish at p(x); next to it the limit is closer than rounding comes
        value = np.where(central, unstable, rate / np.where(central, 1, relevance))
        slope = p_xt * (log_x - value[..., None] * (log_y @ source.rows.T)) / np.maximum(relevance, 1e-6)[..., None]
        gradient = (slope - p_xt * slope.sum(-1, keepdims=True)) @ source.rows
        return value, np.where(central[..., None], 0, gradient), log_y

    score = np.log(np.maximum(source.rows, 1e-30) / source.p_y)
    for _ in range(30):  # downhill from every x (Dinkelbach 1967)
        value, _, log_y = ratio(score)
        score = value[:, None] * log_y
    lowest = score[np.unique(value.round(4), return_index=True)[1][:2]]
    found = [minimize(lambda s: ratio(s)[:2], s, jac=True, method="BFGS", options={"gtol": 1e-8}).fun for s in lowest]
    return float(min(unstable, *found))


def envelope(rate, relevance) -> tuple[Tensor, Tensor]:
    """Corners of the concave envelope of points (rate, relevance) and (0, 0), up to the most relevant: (N,) to (M,).

    Every point on it is within reach by time-sharing.

    >>> [corners.tolist() for corners in envelope([1.0, 2.0, 3.0], [0.2, 1.0, 1.2])]
    [[0.0, 2.0, 3.0], [0.0, 1.0, 1.2]]
    """
    axes = [torch.as_tensor(axis, dtype=torch.float64).flatten().tolist() for axis in (rate, relevance)]
    corners = [(0.0, 0.0)]
    for r, i in sorted(zip(*axes, strict=True)):
        if i <= corners[-1][1]:
            continue
        while len(corners) > 1 and _slope(corners[-1], (r, i)) >= _slope(corners[-2], corners[-1]):
            corners.pop()
        corners.append((r, i))
    return tuple(torch.tensor(corners, dtype=torch.float64).T)


def _slope(a, b):
    return (b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else torch.inf


def solve_squared(joint, beta, *, normalize=False) -> Solution:
    """Encoders that minimise I[X;T]² − β I[T;Y], the squared IB: any point of the curve, also inside linear stretches.

    The best point lies where the curve's slope is 1/β_IB with β_IB = β / 2 I[X;T]: the IB is solved there, again and
    again; where the curve is straight, two encoders share the time, their clusters side by side. Arguments, result and
    errors are those of `solve`, but for `objective`, which is I[X;T]² − β I[T;Y].

    >>> solve_squared([[0.5, 0.0], [0.0, 0.5]], beta=0.6).rate  # Y = X, where the IB finds 0 and ln 2 only
    tensor(0.3000, dtype=torch.float64)
    """
    (table, _, _), beta = sources(joint, normalize), trade_offs(beta)
    wanted, first = beta.flatten(), min(critical_beta(table), 1e6)
    known = [solve(table, first * torch.logspace(0, 3, 20, dtype=torch.float64))]
    for _ in range(50):
        rate, relevance, ib = (torch.cat([getattr(k, n) for k in known]) for n in ("rate", "relevance", "beta"))
        order = ib.argsort()
        rate, relevance, ib = rate[order], relevance[order], ib[order]
        # On the chord from one point to the next, with share s of the next, the optimum has 2 I[X;T] = β · slope.
        run, rise = rate.diff(), relevance.diff()
        best = torch.where(run > 1e-12, wanted[:, None] / 2 * rise / run, 0.0)
        share = torch.where(run > 1e-12, (best - rate[:-1]) / run, 0.0).clamp(0, 1)
        reached = rate[:-1] + share * run
        value, chord = (reached**2 - wanted[:, None] * (relevance[:-1] + share * rise)).min(1)
        reached, share = (each.gather(1, chord[:, None])[:, 0] for each in (reached, share))
        # R² ≥ 2 R R* − R*² makes the IB at β / 2R* a lower bound of the squared IB. Near it
        # 2 β_IB I[X;T] − β changes sign, and where it would be 0 on a straight line is tried as well.
        touch = solve(table, wanted / (2 * reached).clamp_min(1e-12))
        gap = value + reached**2 - 2 * reached * (touch.objective - touch.gap)
        if (gap <= CLOSE).all():
            break
        low, high = (2 * rate * ib - wanted[:, None]).gather(1, torch.stack([chord, chord + 1], 1)).T
        secant = ib[chord] + (ib[chord + 1] - ib[chord]) * (low / (low - high)).nan_to_num(0.5).clamp(0, 1)
        known += [touch, solve(table, secant)]
    encoders = [one for part in known for one in part.encoder]
    shared = [
        torch.cat([(1 - s) * encoders[order[i]], s * encoders[order[i + 1]]], 1)
        for i, s in zip(chord, share, strict=True)
    ]
    shared = [one[:, (one > 0).any(0)] for one in shared]
    clusters = max(one.shape[1] for one in shared)
    encoder = torch.stack([torch.nn.functional.pad(one, (0, clusters - one.shape[1])) for one in shared])
    entropy, rate, relevance = measure(table, encoder)
    counts = (encoder > 0).any(1).sum(1)
    each = [rate, relevance, entropy, rate**2 - wanted * relevance, encoder, counts]
    each += [gap.clamp_min(0), touch.residual, touch.sweeps, gap <= CLOSE]
    return Solution(1.0, beta, *(value.reshape(beta.shape + value.shape[1:]) for value in each))
