"""What follows from the best bottlenecks: the concave curve, its linear stretches, and what lies inside them.

Points (I[X;T], I[T;Y]) between two encoders are reached by using each of them part of the time, so the region within
reach is convex and its edge, the IB curve, concave. Minimising I[X;T] − β I[T;Y] finds the points where a line of slope
1/β touches: never the inside of a linear stretch, and when Y is a function of X the curve is one linear stretch. A
convex function of the rate in its place finds every point (Kolchinsky, Tracey & Van Kuyk 2019). Builds on `tabular`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.tabular import LARGEST_BETA, Solution, information_of, solve, sources, trade_offs
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint
from ibteach.information.tables import Table, numbers

if TYPE_CHECKING:
    from jaxtyping import Float64

CLOSE = 1e-9  # nats above the optimum, at most: the squared IB is found


def envelope(rate: Table, relevance: Table) -> tuple[Float64[Tensor, " M"], Float64[Tensor, " M"]]:
    """Corners of the concave envelope of points (rate, relevance) and (0, 0), up to the most relevant: (N,) to (M,).

    Every point on it is within reach by time-sharing. Raises `InvalidInput` for points that are not pairs of finite
    numbers >= 0.

    >>> [corners.tolist() for corners in envelope([1.0, 2.0, 3.0], [0.2, 1.0, 1.2])]
    [[0.0, 2.0, 3.0], [0.0, 1.0, 1.2]]
    """
    points = [numbers(name, axis).cpu().double() for name, axis in (("rate", rate), ("relevance", relevance))]
    for name, axis in zip(("rate", "relevance"), points, strict=True):
        if axis.shape != points[0].shape or not (torch.isfinite(axis) & (axis >= 0)).all():
            raise InvalidInput(f"{name}: got {axis!r}, expected finite numbers >= 0, as many of one as of the other.")
    corners = [(0.0, 0.0)]
    for r, i in sorted(zip(*(axis.flatten().tolist() for axis in points), strict=True)):
        if i <= corners[-1][1]:
            continue
        while len(corners) > 1 and _slope(corners[-1], (r, i)) >= _slope(corners[-2], corners[-1]):
            corners.pop()
        corners.append((r, i))
    rates, relevances = torch.tensor(corners, dtype=torch.float64).T
    return rates, relevances


def _slope(a, b):
    return (b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else torch.inf


def solve_squared(joint: Joint | Table, beta: Table, *, normalize: bool = False) -> Solution:
    """Encoders that minimise I[X;T]² − β I[T;Y], the squared IB: any point of the curve, also inside linear stretches.

    The best point lies where the curve's slope is 1/β_IB with β_IB = β / 2 I[X;T]: the IB is solved there, again and
    again; where the curve is straight, two encoders share the time, their clusters side by side. Arguments, result and
    errors are those of `solve`, but for `objective`, which is I[X;T]² − β I[T;Y].

    >>> solve_squared([[0.5, 0.0], [0.0, 0.5]], beta=0.6).rate  # Y = X, where the IB finds 0 and ln 2 only
    tensor(0.3000, dtype=torch.float64)
    """
    (table, _, _), beta = sources(joint, normalize), trade_offs(beta).detach()
    wanted, first = beta.flatten(), min(critical_beta(table), 1e6)
    known = [solve(table, first * torch.logspace(0, 3, 20, dtype=torch.float64), seconds=0)]
    rounds = 0
    while True:
        rounds += 1
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
        # R² ≥ 2 R R* − R*² makes the IB at β / 2R* a lower bound of the squared IB, for any R*. Near it
        # 2 β_IB I[X;T] − β changes sign, and where it would be 0 on a straight line is tried as well.
        touch = solve(table, (wanted / (2 * reached).clamp_min(1e-12)).clamp_max(LARGEST_BETA), seconds=0)
        tangent = wanted / (2 * touch.beta)
        gap = value + tangent**2 - 2 * tangent * (touch.objective - touch.gap)
        if (gap <= CLOSE).all() or rounds == 50:
            break
        low, high = (2 * rate * ib - wanted[:, None]).gather(1, torch.stack([chord, chord + 1], 1)).T
        secant = ib[chord] + (ib[chord + 1] - ib[chord]) * (low / (low - high)).nan_to_num(0.5).clamp(0, 1)
        known += [touch, solve(table, secant, seconds=0)]
    touch = solve(table, touch.beta)
    gap = value + tangent**2 - 2 * tangent * (touch.objective - touch.gap)
    encoders = [one for part in known for one in part.encoder]
    shared = [
        torch.cat([(1 - s) * encoders[order[i]], s * encoders[order[i + 1]]], 1)
        for i, s in zip(chord, share, strict=True)
    ]
    shared = [one[:, (one > 0).any(0)] for one in shared]
    clusters = max(one.shape[1] for one in shared)
    encoder = torch.stack([torch.nn.functional.pad(one, (0, clusters - one.shape[1])) for one in shared])
    entropy, rate, relevance = information_of(table, encoder)
    counts = (encoder > 0).any(1).sum(1)
    each: list[Any] = [rate, relevance, entropy, rate**2 - wanted * relevance, encoder, counts]
    bound = torch.where(touch.bound < torch.inf, gap + 2 * tangent * (touch.bound - touch.gap), torch.inf)
    proof = np.where(bound <= CLOSE, "exhaustive", "searched")
    each += [gap.clamp_min(0), proof, bound.clamp_min(0), touch.starts, touch.residual, touch.sweeps, gap <= CLOSE]
    return Solution(1.0, beta, *(value.reshape(beta.shape + value.shape[1:]) for value in each))
