"""Where the first cluster is born: the contraction coefficient of a channel, and the critical β, its inverse.

Nothing about Y is worth keeping while β I[T;Y] ≤ I[X;T] for every encoder, so up to β = 1/η with
η_KL = sup over r ≠ p(x) of KL(r P ‖ p(y)) / KL(r ‖ p(x)): how much of a divergence between two inputs the channel
P = p(y|x) lets through at most, the strong data processing inequality (Ahlswede & Gács 1976; Anantharam, Gohari, Kamath
& Nair 2013). As r comes near p(x) the ratio tends to ρ², the squared maximal correlation, in the best direction, and
η_KL ≥ ρ². Where they differ the first cluster is born before 1/ρ², at a distance and with a finite rate. Where they
are equal it grows from nothing as β passes 1/ρ², unless the curve begins as a straight line (an erasure, or Y a
function of X): then the rate jumps there. `births` asks the same question at one β: η_KL ≤ 1/β if and only if D ≤ 1
for the constant encoder, so that `exhaustive` bounds η_KL from above.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from ibteach import checks
from ibteach.bottleneck.blahut_arimoto import TINY, Source
from ibteach.bottleneck.exhaustive import ceiling, feasible
from ibteach.bottleneck.tabular import sources
from ibteach.information.discrete import Joint
from ibteach.information.tables import Table

NEARER = 10.0 ** -np.arange(1, 7)  # how far below the critical β a proof is tried, relative to it
ROUNDING = 1e-14  # of ln D
JUMP = 1e-6  # η_KL and ρ² that differ by less, relatively, are taken to be equal


@dataclass(frozen=True)
class FirstBirth:
    """The critical β of a table, between its bounds: `lower` ≤ the true one ≤ `beta` ≤ `upper`.

    `beta` is the lowest ratio KL(r ‖ p(x)) / KL(r P ‖ p(y)) found from `starts` distributions r, so never too small;
    `upper` = 1/ρ² is where the constant encoder is no longer stable. `proof` says what `lower` is: "exhaustive", a
    branch and bound over the simplex of Y; "searched", none was possible or finished, and `lower` is 1/η_TV, the
    inverse of the largest total variation between two rows p(y|x), far below as a rule. All are ∞ where X tells
    nothing of Y, or so little that ρ is rounding.
    """

    beta: float
    lower: float
    upper: float
    proof: str
    starts: int

    @property
    def contraction(self) -> float:
        """η_KL, as far as it was found: the largest I[T;Y] / I[X;T] of any encoder; 0 where X tells nothing of Y."""
        return 1 / self.beta

    @property
    def squared_correlation(self) -> float:
        """ρ², the squared maximal correlation of X and Y, at most η_KL."""
        return 1 / self.upper

    @property
    def jump(self) -> bool:
        """Whether the first cluster is born before the constant is unstable, by a jump: η_KL > ρ² (to one part in 10⁶).

        False says no more than η_KL = ρ². As a rule the rate then grows from 0, but where the curve begins as a
        straight line, as for an erasure or where Y is a function of X, it jumps at 1/ρ² all the same.
        """
        return self.beta < self.upper * (1 - JUMP)


def critical_beta(joint: Joint | Table, *, normalize: bool = False) -> float:
    """The largest β at which a constant encoder is best, and nothing worth keeping; infinite if X tells nothing of Y.

    It is 1/η_KL, the infimum over p(x|t) of KL(p(x|t) ‖ p(x)) / KL(p(y|t) ‖ p(y)): at most 1/ρ², where the constant
    turns unstable, and sometimes less. `first_birth` says between which bounds. Errors are those of `tabular.solve`.

    >>> round(critical_beta([[0.45, 0.05], [0.05, 0.45]]), 6)  # 1 / (1 − 2·0.1)²
    1.5625
    """
    return first_birth(joint, seconds=0, normalize=normalize).beta


def first_birth(joint: Joint | Table, *, seconds: float | None = None, normalize: bool = False) -> FirstBirth:
    """The critical β with its bounds from both sides.

    The lower bound is tried where Y has at most four values, or falls into parts that have; with `seconds` > 0 for any
    table, in that time, and with 0 not at all. Errors are those of `tabular.solve`.

    >>> hamming = first_birth([[0.3, 1 / 60, 1 / 60], [1 / 60, 0.3, 1 / 60], [1 / 60, 1 / 60, 0.3]])
    >>> round(hamming.beta, 4), round(hamming.upper, 4), hamming.jump, hamming.proof
    (1.3755, 1.3841, True, 'exhaustive')
    """
    seconds = None if seconds is None else checks.number("seconds", seconds, minimum=0)
    _, _, source = sources(joint, normalize)
    upper = float(source.unstable_beta())
    if upper == math.inf:
        return FirstBirth(math.inf, math.inf, math.inf, "exhaustive", 0)
    start = beginnings(source)
    beta = lowest_ratio(source, start, upper)
    lower, proof = float(1 / total_variation(source.rows)), "searched"
    if beta <= 1 + 1e-12 or lower >= beta * (1 - 1e-9):  # η_KL ≤ η_TV ≤ 1: nothing is left to prove
        return FirstBirth(max(1.0, beta), max(1.0, min(lower, beta)), upper, "exhaustive", len(start))
    if (seconds is None and feasible(source.rows)) or seconds:
        until = None if seconds is None else time.monotonic() + seconds
        beta, shown = from_below(source, beta, upper, lower, until)
        if shown:
            lower, proof = shown, "exhaustive"
    return FirstBirth(beta, min(lower, beta), upper, proof, len(start))


def from_below(
    source: Source, beta: float, upper: float, least: float, until: float | None
) -> tuple[float, float | None]:
    """The critical β again, lower if a proof finds so, and the largest β at which nothing is proven worth keeping."""
    shown, tried = None, 0
    while tried < len(NEARER):
        below = float(beta * (1 - NEARER[tried]))
        left = None if until is None else max(0.0, until - time.monotonic())
        log_f = below * np.einsum("xy,y->x", source.rows, np.log(source.p_y))
        found = ceiling(source, log_f[None], np.array([below]), [source.p_y[None]], np.full(1, ROUNDING), seconds=left)
        if not np.isnan(found.place[0]).any():
            lower = lowest_ratio(source, back(source, found.place, below), upper)
            if lower > below * (1 + 1e-12):  # rounding
                break
            beta, shown, tried = lower, None, 0
        elif found.bound[0] <= ROUNDING and below > least:
            shown, tried = below, tried + 1
        elif below <= least:
            tried += 1
        else:
            break
    return beta, shown


def total_variation(rows: np.ndarray) -> float:
    """η_TV, the largest ½ Σ_y |p(y|x) − p(y|x′)|: no divergence passes the channel with a larger share."""
    return max(np.abs(rows - row).sum(1).max() for row in rows) / 2


def beginnings(source: Source) -> np.ndarray:
    """Distributions r of X from which the ratio is lowered: (S, X)."""
    rng, p_x, size = np.random.default_rng(0), source.p_x, len(source.p_x)
    left, _, _ = np.linalg.svd(source.joint / np.sqrt(np.outer(p_x, source.p_y)), full_matrices=False)
    wave = left.T[1:4] / np.sqrt(p_x)  # the functions of X that correlate most with one of Y
    wave = np.concatenate([wave, -wave])
    tilted = [p_x * np.exp(s * wave / np.abs(wave).max(1, keepdims=True)) for s in (0.1, 1, 4)]
    member = rng.random((64, size)) < rng.uniform(0.1, 0.9, (64, 1))
    subsets = [np.eye(size), p_x * member, p_x * (source.rows > 0).T, source.joint.T]
    chosen = [rng.dirichlet(np.full(size, c), 16) for c in (0.1, 0.5, 2)]
    every = np.concatenate([*tilted, *subsets, *chosen])
    every = every[every.sum(1) > 0]
    every = every / every.sum(1, keepdims=True)
    return every[np.abs(every - p_x).sum(1) > 1e-9]


def back(source: Source, place: np.ndarray, beta: float) -> np.ndarray:
    """The r ∝ p(x) e^{β Σ_y p(y|x) ln q(y)/p(y)} that belongs to places q (N, Y): (N, X)."""
    score = np.log(np.maximum(place, TINY) / source.p_y)
    return softmax(np.log(source.p_x) + beta * score @ source.rows.T, -1)


def lowest_ratio(source: Source, start: np.ndarray, upper: float) -> float:
    """The lowest KL(r ‖ p(x)) / KL(r P ‖ p(y)) downhill from `start` (S, X), and at most `upper`."""
    p_x, p_y, rows = source.p_x, source.p_y, source.rows
    log_p_x, apart = np.log(p_x), (rows - p_y) / p_y
    lost = max(1e-10, 1e-14 / total_variation(rows))  # a difference of rounding is none

    def ratio(tilt):
        """At r = p(x) (1 + d), d = e^tilt − 1: the ratio, ln q/p(y), d, relevance; 0 and `upper` for r next to p(x)."""
        d = np.expm1(tilt)
        d -= (d @ p_x)[..., None]
        off = (p_x * d) @ apart
        rate, relevance = bent(d) @ p_x, bent(off) @ p_y
        relevance = np.where(rate < 1e-11, 0, relevance)
        value = np.where(relevance > 0, rate / np.where(relevance > 0, relevance, 1), upper)
        far = np.log(np.maximum((p_x * (1 + d)) @ rows, TINY) / p_y)
        return value, np.where(off < -0.5, far, np.log1p(np.maximum(off, -0.9))), d, relevance

    def normal(tilt):
        return tilt - np.logaddexp.reduce(log_p_x + tilt, -1)[..., None]

    def lower(score):
        """The ratio at r ∝ p(x) e^{Σ_y p(y|x) score(y)}, the form that a minimum has, and its gradient."""
        tilt = normal(score @ rows.T)
        value, log_y, d, relevance = ratio(tilt)
        if relevance == 0:
            return upper, np.zeros_like(score)
        slope = p_x * (1 + d) * (tilt - value * (rows @ log_y)) / relevance
        return float(value), (slope - p_x * (1 + d) * slope.sum()) @ rows

    value, log_y, *_ = ratio(np.log(np.maximum(start, TINY)) - log_p_x)
    for step in range(200):  # downhill from every start (Dinkelbach 1967)
        score = value[:, None] * log_y
        value, log_y, *_ = ratio(normal(score @ rows.T))
        if step in (10, 50):
            keep = np.unique(np.column_stack([log_y.clip(-50), value]).round(5), axis=0, return_index=True)[1]
            value, log_y = value[keep], log_y[keep]
    best = np.argsort(value)[:4]
    found = [minimize(lower, value[i] * log_y[i], jac=True, method="BFGS", options={"gtol": 1e-10}).fun for i in best]
    lowest = float(min(*value, *found))
    return lowest if lowest < upper * (1 - lost) else float(upper)


def bent(d: np.ndarray) -> np.ndarray:
    """(1 + d) ln(1 + d) − d, to the last digits also for small d ≥ −1: its mean over p is KL(p (1 + d) ‖ p)."""
    small = np.abs(d) < 1e-3
    s = np.where(small, d, 0)
    series = s**2 * (1 / 2 - s * (1 / 6 - s * (1 / 12 - s * (1 / 20 - s / 30))))
    return np.where(small, series, (1 + d) * np.log1p(np.maximum(d, 1e-16 - 1)) - d)
