"""How many attacked images a second: all networks at once, one network after another, and a library's APGD.

`python -m benchmarks.robustness`. What is counted is an image under one step of the gradient, of one network, also
where the image was won before and the step is saved. Ours is made twice, of an ensemble and of its networks one by one,
by the same code; where adv-lib is installed (`python -m pip install adv-lib`), its APGD attacks the same networks one
by one, too, as many steps and starts. The last line is ours together over ours one by one.
"""

import argparse
import time
from functools import partial

from torch import nn

from ibteach import data, networks, training
from ibteach.evaluation import attacks
from ibteach.evaluation.prediction import Prediction

EPSILON, STEPS, SAMPLES = 1 / 16, 20, 32


def main() -> None:
    """Trains the networks, attacks them three ways, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--images", type=int, default=50)
    chosen = parser.parse_args()
    digits = data.load("digits")
    runs = training.grid(["l2"], gammas=[0.01], seeds=range(chosen.networks))
    model = training.build(partial(networks.mlp, digits.shape, 10, latent_dimension=8, hidden=(64, 64)), runs)
    trained = training.fit(model, digits, runs, epochs=5, measure_every=5, device="cpu", progress=False)
    how = {"attacks": [f"pgd-{STEPS}x1", "apgd-ce"], "epsilons": [EPSILON], "eval_examples": chosen.images}
    steps = STEPS + 2 * 100  # of APGD, two starts
    counted = chosen.networks * chosen.images * steps

    def took(attacked):
        began = time.perf_counter()
        found = attacks.robustness(attacked, digits, trained, **how, samples=SAMPLES, progress=False)
        return time.perf_counter() - began, found.value(attacks.quantity("apgd-ce", EPSILON)).mean().item()

    seconds = {}
    alone = [model.network(m) for m in range(chosen.networks)]
    for title, attacked in (("together", model), ("one by one", alone)):
        seconds[title], error = took(attacked)
        rate = counted / seconds[title]
        print(
            f"{chosen.networks} networks {title}: {rate:,.0f} images and steps a second, error {error:.1%} under APGD"
        )
    _peer(alone, digits, chosen.images)
    print(f"ratio: {seconds['one by one'] / seconds['together']:.2f}")


def _peer(alone, digits, images):
    try:
        from adv_lib.attacks import apgd
    except ImportError:
        print("adv-lib is not installed: no peer")
        return
    began, wrong = time.perf_counter(), 0
    for network in alone:
        judge = Prediction(network, digits, samples=SAMPLES)
        flat = nn.Sequential(nn.Unflatten(0, (1, -1)), judge, nn.Flatten(0, 1)).eval()
        pixels, labels = judge.pixels(digits.test_images[:images]), digits.test_labels[:images]
        changed = apgd(flat, pixels, labels, EPSILON, norm=float("inf"), n_iter=100, n_restarts=2)
        wrong += (flat(changed).argmax(-1) != labels).sum().item()
    rate = len(alone) * images * 200 / (time.perf_counter() - began)
    print(f"adv-lib's APGD one by one: {rate:,.0f} images and steps a second, error {wrong / images / len(alone):.1%}")


if __name__ == "__main__":
    main()
