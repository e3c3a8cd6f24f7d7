"""Makes the Records of attacked networks that chapter 09 shows: it trains them, and attacks what it made.

`python -m benchmarks.attacked OUT`: ten seeds without compression and under each surrogate at γ = 0.1, the lessons,
PGD with more and more steps and starts, and everything that is meant. About two minutes of a core for digits, several
times that for `--data mnist`.
`--folder RUNS` trains nothing, and attacks the networks that a sweep left there; so `--data cifar10` is attacked.
"""

import argparse
from functools import partial
from pathlib import Path

from ibteach import data, networks, records, training
from ibteach.evaluation import attacks

NAMES, GAMMA = ["l2", "variance", "log-variance"], 0.1
STEPS, STARTS = (1, 5, 20, 50), (1, 10)
DATA = {  # the largest grey, the levels of the attacks, the training
    "digits": (16, (0, 1, 1.5, 2, 16), {"epochs": 20}),
    "mnist": (255, (0, 4, 8, 16, 255), {"epochs": 12, "batch_size": 256}),
    "cifar10": (255, (0, 1, 2), None),
}


def made(images, seeds, settings):
    """Networks that are trained here, and their Record."""
    runs = training.grid(NAMES[:1], gammas=[0], seeds=seeds) + training.grid(NAMES, gammas=[GAMMA], seeds=seeds)
    model = training.build(partial(networks.mlp, images.shape, 10, latent_dimension=8, hidden=(64, 64)), runs)
    return model, training.fit(model, images, runs, **settings, measure_every=settings["epochs"], device="cpu")


def kept(folder):
    """The networks that a sweep left in a folder, and their Record."""
    names = [file.name.removesuffix(".network.safetensors") for file in folder.glob("*.network.safetensors")]
    found = [(records.Record.load(folder / f"{name}.safetensors"), name) for name in names]
    found.sort(key=lambda one: _place(one[0]))
    trained = records.concatenate([record for record, _ in found])
    return [training.load_network(folder / f"{name}.network.safetensors") for _, name in found], trained


def _place(record):
    run = record.runs[0]
    return run["gamma"], NAMES.index(run["objective"]), run["seed"]


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="the Record")
    parser.add_argument("--data", default="digits", choices=DATA, help="which (default: digits)")
    parser.add_argument("--folder", type=Path, help="of a sweep whose networks are attacked")
    parser.add_argument("--seeds", type=int, default=10, help="how many are trained, where there is no folder")
    parser.add_argument("--eval-examples", type=int, default=200, help="test images")
    parser.add_argument("--worst", action="store_true", help="the worst case alone, which is quicker")
    chosen = parser.parse_args()
    largest, levels, settings = DATA[chosen.data]
    if settings is None and chosen.folder is None:
        parser.error(f"--folder: got none, expected that of a sweep of {chosen.data}, which is not trained here")
    if chosen.folder and not any(chosen.folder.glob("*.network.safetensors")):
        parser.error(f"--folder: got {chosen.folder}, expected one in which a sweep left networks")
    images = data.load(chosen.data)
    model, trained = kept(chosen.folder) if chosen.folder else made(images, range(chosen.seeds), settings)
    names = ["fgsm", "pgd"]
    if chosen.folder is None:
        names += ["deepfool", *(f"pgd-{steps}x{starts}" for starts in STARTS for steps in STEPS)]
    names += [*(name for name in attacks.MEANT if name not in names), "transfer"]
    how = {
        "epsilons": [level / largest for level in levels],
        "eval_examples": chosen.eval_examples,
        "samples": 32,
        "each": not chosen.worst,
    }
    attacks.robustness(model, images, trained, attacks=names, **how).save(chosen.out)


if __name__ == "__main__":
    main()
