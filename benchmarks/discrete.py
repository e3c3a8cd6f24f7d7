"""Entropy and information of tables against scikit-learn and scipy: ``python -m benchmarks.discrete``.

Mutual information of a million samples of 100 symbols, counting included, and entropies of 10² … 10⁶ cells, checks
included. Each time is the best of several runs, the peers' and ours in turn, on one thread as the peers have.
"""

import os
import platform
import time

import numpy as np
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score

from ibteach.information.discrete import Joint, entropy


def best_times(calls, seconds=2.0):
    """The shortest time of each call, in seconds, over rounds in which each is called once."""
    best = [float("inf")] * len(calls)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def main():
    torch.set_num_threads(1)
    print(f"{platform.processor() or platform.machine()}, one thread of {os.cpu_count()}, torch {torch.__version__}")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, 10**6)
    y = (x + rng.integers(0, 50, 10**6)) % 100
    theirs, ours = mutual_info_score(x, y), Joint.from_samples(x, y, names="X Y").I("X;Y").item()
    assert abs(theirs - ours) < 1e-9, (theirs, ours)
    peer, own = best_times(
        [lambda: mutual_info_score(x, y), lambda: Joint.from_samples(x, y, names="X Y").I("X;Y")], seconds=5
    )
    information = peer / own
    print(f"mutual information, 10⁶ samples: scikit-learn {peer * 1e3:7.2f} ms, ibteach {own * 1e3:6.2f} ms")
    ratios = []
    for cells in 10 ** np.arange(2, 7):
        p = rng.random(cells)
        p /= p.sum()
        assert abs(stats.entropy(p) - entropy(p).item()) < 1e-9
        peer, own = best_times([lambda p=p: stats.entropy(p), lambda p=p: entropy(p)])
        ratios.append(peer / own)
        print(f"entropy, {cells:8d} cells: scipy {peer * 1e6:8.1f} µs, ibteach {own * 1e6:8.1f} µs")
    print(
        f"ratio: {information:.1f} times scikit-learn (wanted: 20), {min(ratios):.2f} times scipy or more (wanted: 1)"
    )


if __name__ == "__main__":
    main()
