"""Settings by name, of trainings that are worth their epochs: what was tried is said, and what it gave.

`ibteach.training.recipe("resnet-cifar10")` is a `Settings`; `ibteach train` and `ibteach sweep` take it, and its
network, as ``--recipe``.
"""

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
    learning_rate=0.1,
    weight_decay=5e-4,
    batch_size=128,
    epochs=20,
    augment=("flip", "shift"),
    low_precision=True,
)

RECIPES = {
    "resnet-cifar10": Recipe((3, 32, 32), PHOTOGRAPHS),
    "resnet-imagenette": Recipe((3, 64, 64), PHOTOGRAPHS),
}
"""Name -> `Recipe`."""


def recipe(name: str, data: Dataset | None = None) -> Settings:
    """The settings of that name, for `data` if they are given.

    - ``"resnet-cifar10"``: SGD with Nesterov momentum, learning rate 0.1 in one cycle, weight decay 0.0005, batches of
      128, mirrored and shifted, 20 epochs. Measured: a ResNet-18 of width 16 on all 50,000 photographs, 16 of these
      epochs, log-variance at γ = 0.001, one seed: 10.75 % test error. Adam at 0.01 for eight epochs on 20,000 of them
      left 21.7 % at best (`ibteach records show cifar10-surrogates`).
    - ``"resnet-imagenette"``: the same at 64 × 64 pixels (``--size 64``). What it gives was not measured.

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
