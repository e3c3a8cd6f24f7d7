"""The whole IB curve of a table against embo and dit: ``python -m benchmarks.tabular_ib`` (extra ``bench``).

Random joints of 16×8 and 128×10 cells, p(x) ~ Dirichlet(1), rows p(y|x) ~ Dirichlet(0.5), at 50 β from 0.1 to 100. For
each solver: seconds per curve, and the worst gap in nats between its I[X;T] − β I[T;Y], computed from the encoder or
the rates it returns, and the lowest that any solver here found at that β. Ours also says how large a gap it found in a
search of its own; with 8 and 10 labels it proves none. What a proof costs is measured at 16×4.

embo's exponent holds KL in bits, so that its "β" b stands for b / ln 2 in the Lagrangian: it is given β ln 2, through
its own function for one β (its curve function takes equally spaced β only), in this process, without its pool. dit has
β right, but its Blahut–Arimoto needs minutes for a curve and returns a constant encoder at every β; it runs at 16×8, at
every tenth β, with 3 restarts of its default 250, and its seconds are of those five β alone.
"""

import math
import os
import platform
import time
from functools import partial

import numpy as np

from ibteach.bottleneck.tabular import solve

try:
    from dit.rate_distortion.blahut_arimoto import blahut_arimoto_ib
    from embo import InformationBottleneck
except ImportError as missing:
    raise SystemExit(f"{missing}; the peers come with: pip install 'ibteach[bench]'") from missing

BETA = np.logspace(-1, 2, 50)


def random_joint(x, y, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(x))[:, None] * rng.dirichlet(np.full(y, 0.5), x)


def embo_curve(joint, **settings):
    np.random.seed(0)
    p_x, p_y = joint.sum(1), joint.sum(0)
    points = [
        InformationBottleneck.beta_iter(1, b * math.log(2), p_x, p_y, joint.T / p_x, len(p_x), **settings) for b in BETA
    ]
    rate, relevance, *_ = np.array(points).T * math.log(2)
    return rate - BETA * relevance


def dit_curve(joint, beta):
    np.random.seed(0)
    chains = [blahut_arimoto_ib(joint, b, restarts=3)[1] for b in beta]
    return np.array([information(c.sum(1)) - b * information(c.sum(0)) for b, c in zip(beta, chains, strict=True)])


def information(table):
    outer = table.sum(1, keepdims=True) * table.sum(0)
    return (table * np.log(np.where(table > 0, table, 1) / np.where(outer > 0, outer, 1))).sum()


def timed(call, runs):
    """The result, and the shortest time in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return result, min(times)


def main():
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    faster, converged, worst = [], 0.0, 0.0
    for size, runs in [((16, 8), 5), ((128, 10), 3)]:
        joint, every_tenth = random_joint(*size), np.arange(0, 50, 10)
        solution, own = timed(partial(solve, joint, BETA), runs)
        calls = {
            "embo, defaults": (partial(embo_curve, joint, restarts=3, iterations=100, rtol=1e-3), runs),
            "embo, converged": (partial(embo_curve, joint, restarts=3, iterations=10_000, rtol=1e-9), 1),
        }
        peers = {name: timed(*call) for name, call in calls.items()}
        best = np.minimum.reduce([solution.objective.numpy(), *(objective for objective, _ in peers.values())])
        gap = (solution.objective.numpy() - best).max()
        print(
            f"{size[0]}×{size[1]}, ibteach:         {own:8.3f} s, gap {gap:.0e}, searched {solution.gap.max():.0e} nats"
        )
        for name, (objective, seconds) in peers.items():
            print(f"{size[0]}×{size[1]}, {name + ':':16} {seconds:8.3f} s, gap {(objective - best).max():.3f} nats")
        if size == (16, 8):
            objective, seconds = timed(partial(dit_curve, joint, BETA[every_tenth]), 1)
            gap_dit = (objective - best[every_tenth]).max()
            print(f"{size[0]}×{size[1]}, dit, 5 of 50 β:  {seconds:8.3f} s, gap {gap_dit:.3f} nats")
        faster.append(peers["embo, defaults"][1] / own)
        converged, worst = peers["embo, converged"][1] / own, max(worst, gap)
    joint = random_joint(16, 4)
    _, searched = timed(partial(solve, joint, BETA, seconds=0), 3)
    solution, proven = timed(partial(solve, joint, BETA), 3)
    exhaustive = int((solution.proof == "exhaustive").sum())
    print(f"16×4, ibteach: {searched:.3f} s searched, {proven:.3f} s with {exhaustive} of {len(BETA)} β proven")
    print(
        f"ratio: {faster[0]:.1f} and {faster[1]:.1f} times embo's defaults (wanted: 1.5 and 2), {converged:.0f} times "
        f"embo converged at 128×10 (wanted: 10), gap {worst:.0e} nats (wanted: 0, to 1e-9)"
    )


if __name__ == "__main__":
    main()
