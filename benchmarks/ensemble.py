"""32 networks at once against the same 32 one after another: ``python -m benchmarks.ensemble``.

The networks and the data of chapter 05, the same training loop on both sides, trained in turn for as long. Last line:
how many times faster the ensemble is.
"""

import functools
import time

import numpy as np
import torch

from ibteach.data.datasets import load
from ibteach.networks.bottleneck import mlp
from ibteach.training.loop import build, fit, grid

EPOCHS = 5
ROUNDS = 3


def main():
    digits = load("digits")
    make = functools.partial(mlp, digits.shape, classes=10, latent_dimension=2, hidden=(32, 32))
    runs = grid(["variance"], gammas=np.geomspace(1e-3, 10, 32))
    train = functools.partial(fit, data=digits, epochs=EPOCHS, measure_every=EPOCHS, eval_examples=100, progress=False)
    train(build(make, runs), runs=runs, epochs=1)  # warm up
    train(build(make, runs[0]), runs=runs[0], epochs=1)

    at_once, in_turn = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        together = train(build(make, runs), runs=runs)
        at_once.append(time.perf_counter() - started)
        started = time.perf_counter()
        alone = [train(build(make, run), runs=run) for run in runs]
        in_turn.append(time.perf_counter() - started)

    name = "train/decoder_cross_entropy"
    one, other = together.value(name), torch.cat([record.value(name) for record in alone])
    steps = EPOCHS * (len(digits.train_labels) // 64)
    print(f"{len(runs)} networks 64-32-32-2-10, {steps} steps of 64 digits, {torch.get_num_threads()} threads")
    print(f"at once           {np.median(at_once):6.2f} s   {1e3 * np.median(at_once) / steps:6.2f} ms per step of all")
    print(f"one after another {np.median(in_turn):6.2f} s   {1e3 * np.median(in_turn) / steps:6.2f} ms per step of all")
    print(f"final training cross-entropies differ by at most {((one - other) / other).abs().max():.1e}, relative")
    print(f"ratio: {np.median(in_turn) / np.median(at_once):.1f}")


if __name__ == "__main__":
    main()
