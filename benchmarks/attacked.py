"""Makes the Records of attacked networks that chapter 09 shows: it trains them, and attacks what it made.

`python -m benchmarks.attacked OUT`: ten seeds without compression and under each surrogate at γ = 0.1, the lessons,
PGD with more and more steps and starts, and everything that is meant. About two minutes of a core for digits, several
times that for `--data mnist`.
"""

import argparse
from functools import partial

from ibteach import data, networks, training
from ibteach.evaluation import attacks

NAMES, GAMMA = ["l2", "variance", "log-variance"], 0.1
STEPS, STARTS = (1, 5, 20, 50), (1, 10)
DATA = {  # the largest grey, the levels of the attacks, the training
    "digits": (16, (0, 1, 1.5, 2, 16), {"epochs": 20}),
    "mnist": (255, (0, 4, 8, 16, 255), {"epochs": 12, "batch_size": 256}),
}


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="the Record")
    parser.add_argument("--data", default="digits", choices=DATA, help="which (default: digits)")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--eval-examples", type=int, default=200, help="test images")
    chosen = parser.parse_args()
    images, seeds, (largest, levels, settings) = data.load(chosen.data), range(chosen.seeds), DATA[chosen.data]
    runs = training.grid(NAMES[:1], gammas=[0], seeds=seeds) + training.grid(NAMES, gammas=[GAMMA], seeds=seeds)
    model = training.build(partial(networks.mlp, images.shape, 10, latent_dimension=8, hidden=(64, 64)), runs)
    trained = training.fit(model, images, runs, **settings, measure_every=settings["epochs"], device="cpu")
    names = ["fgsm", "pgd", "deepfool", *(f"pgd-{steps}x{starts}" for starts in STARTS for steps in STEPS)]
    names += [*(name for name in attacks.MEANT if name not in names), "transfer"]
    how = {
        "epsilons": [level / largest for level in levels],
        "eval_examples": chosen.eval_examples,
        "samples": 32,
    }
    attacks.robustness(model, images, trained, attacks=names, **how).save(chosen.out)


if __name__ == "__main__":
    main()
