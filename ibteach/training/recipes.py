"""Settings by name, of trainings that are worth their epochs: what was tried is said, and what it gave.

`ibteach.training.recipe("resnet-cifar10")` is a `Settings`; `ibteach train` and `ibteach sweep` take it, and its
network, as ``--recipe``.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ibteach import checks
from ibteach.data.datasets import Dataset
from ibteach.errors import InvalidInput
from ibteach.training.settings import Settings


@dataclass(frozen=True)
class Recipe:
    """A `settings` for a `network` (as `ibteach.networks.from_architecture` takes it) on images of a `shape`."""

    shape: tuple[int, int, int]
    settings: Settings
    network: dict[str, Any] = field(default_factory=lambda: {"network": "resnet"})


PHOTOGRAPHS = Settings(
    optimizer="sgd",
    learning_rate=0.2,
    weight_decay=5e-4,
    batch_size=128,
    epochs=20,
    augment=("flip", "shift"),
    low_precision=True,
)

RECIPES = {
    "resnet-cifar10": Recipe((3, 32, 32), PHOTOGRAPHS),
    "resnet-imagenette": Recipe(
        (3, 64, 64), dataclasses.replace(PHOTOGRAPHS, learning_rate=0.1, weight_decay=2e-3, epochs=40)
    ),
}
"""Name -> `Recipe`."""


def recipe(name: str, data: Dataset | None = None) -> Settings:
    """The settings of that name, for `data` if they are given.

    - ``"resnet-cifar10"``: SGD with Nesterov momentum, learning rate 0.2 in one cycle, weight decay 0.0005, batches of
      128, mirrored and shifted, 20 epochs. Measured on an H200, a ResNet-18 of width 16 under log-variance at γ =
      0.001, all 10,000 test photographs: 9.98, 10.17 and 10.25 % misread (seeds 0 to 2). With seed 0 and one thing
      changed: learning rate 0.05 11.1, 0.1 10.6, 0.4 11.1 %; weight decay 0.00025 10.4, 0.001 11.1 %; cutout too
      10.9 %; batches of 256 at 0.4 10.2 %, in two thirds of the time. Of width 64, in batches of 256 at 0.4: 7.1 % at
      γ = 0, 6.9 % under log-variance at 0.003. Adam at 0.01 for eight epochs on 20,000 photographs left 21.7 % at
      best (`ibteach records show cifar10-surrogates`).
    - ``"resnet-imagenette"``: the same at 64 × 64 pixels (``--size 64``), learning rate 0.1, weight decay 0.002, 40
      epochs: 15.7 % of all 3,925 test photographs (width 16, log-variance at γ = 0.001, seed 0), and from 15.1 to
      16.8 % for fourteen other networks of γ up to 0.01. With a weight decay of 0.0005 17.6, of 0.001 17.1 %.

    Weight decay also acts on the last layers of the encoder and on the decoder, against which a surrogate works: a
    latent that is pulled together by γ needs a longer decoder. How the two trade off was not measured.

    Raises `UnknownName`, which says what is nearest, and `InvalidInput` for data of another shape.

    >>> recipe("resnet-cifar10").epochs
    20
    """
    found = RECIPES[checks.known("recipe", name, RECIPES)]
    if data is not None and (not isinstance(data, Dataset) or tuple(data.shape) != found.shape):
        came = f"{data!r} of shape {tuple(data.shape)}" if isinstance(data, Dataset) else type(data).__name__
        raise InvalidInput(
            f"data: got {came}, expected images of shape {found.shape}, for which the recipe {name!r} was made; "
            "name the settings one by one for others."
        )
    return found.settings
