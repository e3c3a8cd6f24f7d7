"""KSG and Kozachenko–Leonenko against infomeasure and npeet_plus: ``python -m benchmarks.neighbours``.

N = 10,000 Gaussian samples, k = 3, in 2, 10, 64 and 256 dimensions; for KSG half of them are x and half are y. KSG
under the maximum metric is the same number for all three, and so is the entropy under the Euclidean one of infomeasure:
both are compared. The peers have no KSG that is Euclidean in each space; ours is what one would use in 64 dimensions
and more, so there it is timed too, and counts. In low dimension each time is the best of several, in turn.
"""

import math
import os
import time

import infomeasure
import npeet_plus
import torch

from ibteach.information.estimators import kozachenko_leonenko, ksg

COUNT, K = 10_000, 3


def best_times(calls, seconds=5.0):
    """The shortest time of each call and its value, over rounds in which each is called once."""
    best, values = [math.inf] * len(calls), [None] * len(calls)
    end = time.perf_counter() + seconds
    while None in values or time.perf_counter() < end:
        for i, call in enumerate(calls):
            start = time.perf_counter()
            values[i] = float(call())
            best[i] = min(best[i], time.perf_counter() - start)
    return best, values


def main():
    print(f"{os.cpu_count()} cores, torch {torch.__version__}; N = {COUNT:,}, k = {K}")
    options = {"k": K, "noise_level": 0, "base": "e"}
    low, high = [], []
    for dimension in (2, 10, 64, 256):
        points = torch.randn(COUNT, dimension, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        x, y = points.chunk(2, -1)
        y = 0.6 * x + 0.8 * y
        z, a, b = points.numpy(), x.numpy(), y.numpy()
        ours = {
            "KSG": lambda: ksg(x, y, K),  # noqa: B023 (called at once)
            "KL": lambda: kozachenko_leonenko(points, K),  # noqa: B023
        }
        peers = {
            "KSG": [
                lambda: infomeasure.mutual_information(a, b, approach="ksg", **options),  # noqa: B023
                lambda: npeet_plus.mi(a, b, k=K, base=math.e),  # noqa: B023
            ],
            "KL": [
                lambda: infomeasure.entropy(z, approach="kl", minkowski_p=2, **options),  # noqa: B023
                lambda: npeet_plus.entropy(z, k=K, base=math.e),  # noqa: B023
            ],
        }
        for name in ours:
            times, values = best_times([ours[name], *peers[name]])
            compared = values if name == "KSG" else values[:2]
            assert max(compared) - min(compared) < 1e-4, values
            line = f"{name:3} {dimension:4}-d: ibteach {times[0]:7.3f} s"
            if name == "KSG" and dimension >= 64:
                (times[0],), (value,) = best_times([lambda: ksg(x, y, K, metric="euclidean")])  # noqa: B023
                truth = -dimension / 4 * math.log(1 - 0.6**2)
                line += f" ({values[0]:.2f} nats of {truth:.2f}), Euclidean {times[0]:7.3f} s ({value:.2f} nats)"
            ratio = min(times[1:]) / times[0]
            (low if dimension < 64 else high).append(ratio)
            print(
                f"{line}, infomeasure {times[1]:7.3f} s, npeet_plus {times[2]:7.3f} s; "
                f"{ratio:.2f} times the faster peer",
                flush=True,
            )
    print(
        f"ratio: {min(low):.2f} times the faster peer in 2 and 10 dimensions (wanted: 1), "
        f"{min(high):.1f} times in 64 and 256 (wanted: 10)"
    )


if __name__ == "__main__":
    main()
