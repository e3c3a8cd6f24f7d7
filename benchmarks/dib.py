"""The deterministic IB against dit's sequential and agglomerative IB: ``python -m benchmarks.dib`` (extra ``bench``).

A random joint of 16×8 cells, p(x) ~ Dirichlet(1), rows p(y|x) ~ Dirichlet(0.5), at 50 β from 0.1 to 100. All minimise
H[T] − β I[T;Y] over partitions of X. For each: seconds for the 50 β, at how many of them it is above the best, and by
how much at most, in nats. dit's β and bits are consistent. Its sequential IB runs from one start (a start of every x
alone), and from 25, its default, which takes minutes.
"""

import math
import os
import platform

import numpy as np

from benchmarks.tabular_ib import BETA, information, random_joint, timed
from ibteach.bottleneck.tabular import solve

try:
    from dit.rate_distortion.bottleneck_algorithms import agglomerative_ib, sequential_ib
except ImportError as missing:
    raise SystemExit(f"{missing}; the peers come with: pip install 'ibteach[bench]'") from missing


def main():
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    joint = random_joint(16, 8)
    solution, own = timed(lambda: solve(joint, BETA, alpha=0), runs=5)
    calls = {
        "dit, agglomerative": lambda b: agglomerative_ib(joint, b),
        "dit, sequential": lambda b: sequential_ib(joint, b, restarts=1, random_state=0),
        "dit, sequential, 25": lambda b: sequential_ib(joint, b, random_state=0),
    }
    peers = {
        name: timed(lambda call=call: np.array([call(b).objective for b in BETA]), 1) for name, call in calls.items()
    }
    # dit's objective has + β I[X;Y], in bits.
    values = {name: bits * math.log(2) - BETA * information(joint) for name, (bits, _) in peers.items()}
    values["ibteach"] = solution.objective.numpy()
    best = np.minimum.reduce(list(values.values()))
    for name, value in values.items():
        seconds = own if name == "ibteach" else peers[name][1]
        above = value - best
        print(
            f"{name + ':':21} {seconds:7.3f} s, above the best at {(above > 1e-9).sum()} β, by {above.max():.0e} nats"
        )
    ratios = [seconds / own for _, seconds in peers.values()]
    print(
        f"ratio: {ratios[0]:.0f} times dit's agglomerative IB, {ratios[1]:.0f} and {ratios[2]:.0f} times its "
        f"sequential IB (wanted: 50), gap {(values['ibteach'] - best).max():.0e} nats (wanted: 0, to 1e-9)"
    )


if __name__ == "__main__":
    main()
