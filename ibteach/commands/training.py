"""`ibteach train` and `ibteach sweep`: networks for every combination, and a Record of them."""

import argparse
import contextlib
import dataclasses
import inspect
import typing
from pathlib import Path
from typing import Any

from ibteach.commands.outputs import add_pictures, check_new, keep, pictures
from ibteach.errors import Diverged, InvalidInput

TRAIN = """\
Trains a network for every combination of objective, γ and seed, all at once, and writes one Record of them, which
`ibteach records show` prints and every explorer draws. Stop it with Ctrl-C: what was trained until then is kept.

  ibteach train digits --objective l2 log-variance --gamma 0.001 0.01 0.1 --epochs 20 --out digits.safetensors

DATA may be a folder of pictures of your own, with train/CLASS/*.jpg and test/CLASS/*.jpg in it:

  ibteach train photos/pets --size 32 --network convnet --epochs 20 --out pets.safetensors
"""

SWEEP = """\
Trains a network for every combination of data set, objective, γ and seed: small ones of a seed together, up to 16,
large ones one by one. Each leaves its Record and its trained network in FOLDER, named by all that they depend on. What
is there is never trained again: stop with Ctrl-C, or lose power, and the same command goes on where it was; add a
seed, and only that seed is trained.

  ibteach sweep cifar10 --network resnet --width 16 --objective l2 log-variance --gamma 0.001 0.01 0.1 --seed 0 1 2 \\
      --augment flip shift --epochs 20 --folder runs/cifar10 --workers 2 --out cifar10.safetensors

Several machines, with Dask (pip install "ibteach[cluster]" on each) and a FOLDER that all of them see: run `dask
scheduler` on one, `dask worker ADDRESS --nthreads 1` on each, and this with --scheduler ADDRESS. When a worker dies,
another takes over its network. All of it on one machine is `--scheduler tcp://127.0.0.1:8786` and

  dask scheduler --host 127.0.0.1 --port 8786 &
  dask worker tcp://127.0.0.1:8786 --nworkers 2 --nthreads 1 &
"""

NETWORK = {
    "network": (str, "mlp, convnet or resnet (default: mlp)"),
    "hidden": (tuple[int, ...], "widths of the hidden layers of an mlp"),
    "width": (int, "channels of the first convolution"),
    "norm": (str, "batch or group, in a resnet"),
    "latent_dimension": (
        int,
        "of the bottleneck, where the noise is added; in a resnet 8 times its width where nothing is said",
    ),
    "dropout": (float, "share of units left out at random, in an mlp or convnet"),
}
"""What an `architecture` of `ibteach.networks.bottleneck` says: key -> type, help."""

OF_DATA = "such as digits or mnist, or a folder of pictures of your own"


def add(commands: Any, **layout: Any) -> None:
    """Both commands; their options, which come with torch, are added when they are used."""
    training = commands.add_parser(
        "train", help="train networks and record them", description=TRAIN, later=_add_training, **layout
    )
    training.add_argument("data", metavar="DATA", help=OF_DATA)
    training.add_argument("--out", metavar="FILE", type=Path, required=True, help="the Record; must not exist yet")
    training.add_argument(
        "--checkpoint", metavar="FILE", help="kept up to date; if it is there, training goes on from it"
    )
    training.set_defaults(run=train)

    sweeping = commands.add_parser(
        "sweep", help="train many networks, here or on many machines", description=SWEEP, later=_add_training, **layout
    )
    sweeping.add_argument("data", metavar="DATA", nargs="+", help=OF_DATA)
    sweeping.add_argument("--folder", type=Path, required=True, help="where the Records are kept")
    sweeping.add_argument("--out", metavar="FILE", type=Path, help="also join them in one Record; must not exist yet")
    where = sweeping.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="on N processes here, which share the cores")
    where.add_argument("--scheduler", metavar="ADDRESS", help="on the workers of this Dask scheduler")
    sweeping.set_defaults(run=sweep)


def train(options: argparse.Namespace) -> None:
    """All networks together."""
    from ibteach import checks
    from ibteach.training import sweeps

    check_new(options.out)
    if options.checkpoint and Path(options.checkpoint).resolve() == options.out.resolve():
        raise InvalidInput(f"--checkpoint: got {options.checkpoint}, which is --out too, expected a file of its own.")
    job, *others = _jobs(options, options.data, together=checks.LARGEST)
    if others:
        raise InvalidInput(f"train: got {len(others) + 1} networks that train one by one; do it with `ibteach sweep`.")
    try:
        record, *_ = sweeps.train(job, device=options.device, checkpoint=options.checkpoint)
    except Diverged as diverged:
        if diverged.record:
            of = "what was measured before" if diverged.record.latents is None else "the networks that went on"
            print(f"{keep(diverged.record, options.out)}: {diverged.record}: {of}")
        raise
    print(f"{keep(record, options.out)}: {record}")


def sweep(options: argparse.Namespace) -> None:
    """Job by job, here or elsewhere."""
    from ibteach.records.joining import concatenate
    from ibteach.training import executors, sweeps

    if options.out:
        check_new(options.out, options.folder)
        if len(options.data) > 1:
            raise InvalidInput(f"--out: got {len(options.data)} data sets, expected one: a Record is of one data set.")
    jobs = [job for data in options.data for job in _jobs(options, data)]
    if options.workers is not None:
        workers = executors.processes(options.workers)
    elif options.scheduler:
        workers = executors.cluster(options.scheduler)
    else:
        workers = contextlib.nullcontext()
    with workers as executor:
        records = sweeps.run(jobs, options.folder, executor, device=options.device)
    print(f"{options.folder}: {len(records)} Records; `ibteach records list {options.folder}` shows them")
    if options.out:
        joined = concatenate(records)
        print(f"{keep(joined, options.out)}: {joined}")


def _add_training(command):
    """The options of everything that trains: runs, a network, and each field of `Settings`."""
    from ibteach.networks.bottleneck import NETWORKS
    from ibteach.objectives import OBJECTIVES
    from ibteach.training import Settings
    from ibteach.training.recipes import RECIPES

    runs = command.add_argument_group("networks: one for each combination of")
    runs.add_argument(
        "--objective",
        nargs="+",
        default=["log-variance"],
        metavar="NAME",
        help=f"{', '.join(OBJECTIVES)} (default: log-variance)",
    )
    runs.add_argument(
        "--gamma",
        nargs="+",
        type=float,
        default=[0.01],
        metavar="X",
        help="γ, weight of the surrogate in its plain form (chapter 05; default: 0.01)",
    )
    runs.add_argument(
        "--seed", nargs="+", type=int, default=[0], metavar="N", help="of parameters, order, noise, … (default: 0)"
    )
    made = command.add_argument_group("each of this architecture")
    for name, (kind, text) in NETWORK.items():
        defaults = {kind: inspect.signature(build).parameters.get(name) for kind, build in NETWORKS.items()}
        said = ", ".join(
            f"{kind} {_shown(of.default)}" for kind, of in defaults.items() if of and of.default is not None
        )
        _add_option(made, name, kind, text, said)
    add_pictures(command.add_argument_group("pictures of Imagenette, and of your own"))
    trained = command.add_argument_group("trained and measured by these settings")
    trained.add_argument(
        "--recipe",
        metavar="NAME",
        help=f"network and settings of that name, where nothing else is said: {', '.join(RECIPES)}",
    )
    types = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        default = "" if field.default is None else _shown(field.default)
        _add_option(trained, field.name, types[field.name], field.metadata["help"], default)
    trained.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")


def _add_option(group, name, kind, text, default):
    """One option; without it, nothing is set, and the library's default holds."""
    text = (f"{text} (default: {default})" if default else text).replace("%", "%%")
    how = {"help": text, "default": argparse.SUPPRESS}
    if kind is bool:
        group.add_argument(_option(name), action=argparse.BooleanOptionalAction, **how)
        return
    several, of = ... in typing.get_args(kind), (*typing.get_args(kind), kind)[0]  # tuple[int, ...], int | None, int
    metavar = {int: "N", float: "X", str: "NAME"}[of]
    group.add_argument(_option(name), type=of, nargs="*" if several else None, metavar=metavar, **how)


def _shown(value):
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _option(name):
    return "--" + name.replace("_", "-")


def _jobs(options, data, **how):
    from ibteach import checks
    from ibteach.data import load
    from ibteach.training import loop, sweeps
    from ibteach.training.recipes import RECIPES, recipe
    from ibteach.training.settings import NAMES

    def given(names):
        return {name: getattr(options, name) for name in names if hasattr(options, name)}

    runs = loop.grid(options.objective, gammas=options.gamma, seeds=options.seed)
    architecture, settings = {"network": "mlp"}, None
    if options.recipe:
        checks.known("recipe", options.recipe, RECIPES)  # before any data are read
        settings = recipe(options.recipe, load(data, **pictures(options)))
        architecture = RECIPES[options.recipe].network
    architecture = {**architecture, **given(NETWORK)}
    return sweeps.plan(data, architecture, runs, settings, **pictures(options), **given(NAMES), **how)
