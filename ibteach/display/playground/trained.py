"""What was trained in the playground, as a `Record` and as a network: the browser trains, the library measures.

The browser keeps the weights of up to 33 epochs. All of them are networks of the library, so `measure` says of each
what it says of every other network, and the Record that comes out fits every explorer of the course.
"""

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from ibteach import data
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.networks import Bottleneck, Ensemble, mlp
from ibteach.records.provenance import provenance
from ibteach.records.record import Record
from ibteach.training.measuring import encode, measure_networks

NONE = "none"
"""What the playground can train with beside the table `ibteach.objectives.OBJECTIVES`: the cross-entropy alone."""


class Trained(NamedTuple):
    """What the browser tells: weights after some epochs, and the settings in their order."""

    epochs: list[int]
    steps: list[int]
    parameters: Tensor  # (E, P) float32, in the order of `Bottleneck.parameters`
    hidden: tuple[int, ...]
    seed: int
    history: list[dict]  # a setting each time that one was moved, with the step since which it holds
    train_labels: Tensor | None = None  # where some are random


def network(parameters: Tensor, hidden: tuple[int, ...]) -> Bottleneck:
    """A network of the lesson with these weights (P,), in the order of `Bottleneck.parameters`.

    Raises `InvalidInput` for another number of weights, and where one of them is not finite.

    >>> network(torch.zeros(3232), (32, 32)).decoder.weight.shape
    torch.Size([10, 2])
    """
    with torch.random.fork_rng(devices=[]):
        built = mlp(64, classes=10, latent_dimension=2, hidden=hidden)
    expected = sum(parameter.numel() for parameter in built.parameters())
    if parameters.shape != (expected,):
        sizes = "-".join(map(str, (64, *hidden, 2, 10)))
        raise InvalidInput(f"parameters: got {tuple(parameters.shape)}, expected ({expected},), those of {sizes}.")
    if not torch.isfinite(parameters).all():
        raise InvalidInput("parameters: got a weight that is not finite, expected numbers; start the training again.")
    torch.nn.utils.vector_to_parameters(parameters.detach().float().clone(), built.parameters())
    return built.requires_grad_(True)


def weights(model: Bottleneck) -> tuple[Tensor, tuple[int, ...]]:
    """The weights (P,) of a network that the playground can train, and the widths of its hidden layers.

    Raises `InvalidInput` unless it is an `mlp` of 8 × 8 pixels with a latent of two dimensions and ten classes.
    """
    architecture = getattr(model, "architecture", None) or {}
    wanted = {"network": "mlp", "latent_dimension": 2}
    fits = isinstance(model, Bottleneck) and all(architecture.get(name) == value for name, value in wanted.items())
    if not fits or model.classes != 10 or next(model.parameters()).shape[1] != 64:
        came = architecture or type(model).__name__
        raise InvalidInput(
            f"network: got {came}, expected networks.mlp((1, 8, 8), classes=10, latent_dimension=2, hidden=…)."
        )
    flat = torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).cpu().float()
    network(flat, tuple(architecture["hidden"]))  # refuses what is not finite
    return flat, tuple(architecture["hidden"])


def record(trained: Trained) -> Record:
    """Everything that the course measures, of the network after each epoch that was kept.

    One run, with the objective, γ and seed of the last step; ``provenance["moves"]`` says what was moved when. Dropout
    is switched off in what is measured, and without noise no information is.
    """
    last = ([one for one in trained.history if one["step"] < trained.steps[-1]] or trained.history)[-1]
    digits = data.load("digits")
    if trained.train_labels is not None:
        share = f"{last['random_labels']:.0%} random labels"
        digits = dataclasses.replace(digits, name=f"digits, {share}", train_labels=trained.train_labels)
    networks = [network(row, trained.hidden) for row in trained.parameters]
    model = Ensemble(networks)
    noise_variance = ZERO_ENTROPY_VARIANCE if last["noise"] else 0.0
    eval_examples = len(digits.test_labels)
    values, errors = measure_networks(model, digits, eval_examples, bool(last["noise"]), noise_variance)
    objective = last["objective"]
    run = {"objective": "l2" if objective == NONE else objective, "gamma": last["gamma"], "seed": trained.seed}
    run |= {"beta_prime": last["beta_prime"]}
    if objective == NONE:
        run |= {"gamma": 0.0, "beta_prime": 0.0}
    settings = {name: last[name] for name in ("noise", "batch_size", "learning_rate", "dropout", "random_labels")}
    how = {
        "epochs": trained.epochs[-1],
        "optimizer": "adam",
        "eval_examples": eval_examples,
        "information": bool(last["noise"]),
    }
    decoders = networks[-1].decoders
    return Record(
        runs=(run,),
        epochs=torch.tensor(trained.epochs),
        quantities={name: value[None] for name, value in values.items()},
        errors={name: error[None] for name, error in errors.items()},
        latents=encode(networks[-1], digits, digits.test_images),
        labels=digits.test_labels,
        decoder_weight=decoders[0],
        decoder_bias=decoders[1],
        provenance=provenance(
            data=digits.name,
            device_name="a browser",
            configuration={**networks[-1].architecture, **settings, **how},
            parameters=trained.parameters.shape[1],
            steps=trained.steps[-1],
            moves=trained.history,
        ),
    )
