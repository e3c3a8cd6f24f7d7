"""The settings of a training: the one list of them, each documented and checked here.

`ibteach.training.fit` takes a `Settings` or its fields; the command line makes an option of each field; the jobs of a
sweep, checkpoints and the ``configuration`` of a Record hold all of them, so that `ibteach.training.remake` trains by
the same. What is to be minimised, and from which seed, is a `ibteach.training.Run`.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch

from ibteach import checks
from ibteach.data import augmentation
from ibteach.errors import InvalidInput

EVAL_EXAMPLES = 2000
"""Most examples of each split that are measured where nothing else is said."""

OPTIMIZERS = {
    "adam": torch.optim.AdamW,  # Adam, where nothing decays
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True),  # until its cycle begins
}


def _field(default: Any, check: Callable[[str, Any], Any], meaning: str) -> Any:
    return dataclasses.field(default=default, metadata={"check": check, "help": meaning})


def _number(**bounds: float) -> Callable[[str, Any], float]:
    return functools.partial(checks.number, **bounds)


def _count(minimum: int = 1) -> Callable[[str, Any], int | None]:
    return lambda name, value: value if value is None else checks.whole(name, value, minimum=minimum)


def _steps(name: str, steps: Any) -> tuple[int, ...]:
    return tuple(sorted({checks.whole(name, step) for step in checks.several(name, steps)}))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How networks are trained and measured: what all runs of one training share.

    Values are converted (a NumPy or torch scalar is a number) and checked: raises `InvalidInput` for one that is out of
    range or of another kind, `UnknownName` for an optimiser or an augmentation that there is not.

    >>> Settings(epochs=20, augment=["flip"]).augment
    ('flip',)
    """

    epochs: int = _field(40, checks.whole, "how often all training examples are seen")
    batch_size: int = _field(64, checks.whole, "examples of a step; the last batch of an epoch is dropped if short")
    learning_rate: float = _field(0.01, _number(above=0), "the highest of its one cycle")
    optimizer: str = _field(
        "adam",
        lambda name, value: checks.known(name, value, OPTIMIZERS),
        "adam (decoupled decay) or sgd (Nesterov momentum); the cycle takes the momentum of either, in adam β₁, from "
        "0.95 to 0.85 and back",
    )
    weight_decay: float = _field(0.0, _number(minimum=0), "how fast parameters shrink")
    label_smoothing: float = _field(
        0.0,
        _number(minimum=0, below=1),
        "share of each label that is spread over all classes, in [0, 1); what is minimised is then no longer H_q[Y|Z], "
        "which is still what is measured",
    )
    train_examples: int | None = _field(None, _count(2), "train on the first so many, a fair sample; by default on all")
    augment: tuple[str, ...] = _field(
        (), lambda _, names: augmentation.known(names), "change the pictures at random: flip, shift, cutout"
    )
    noise: bool = _field(
        True,
        checks.flag,
        "zero-entropy noise on the latent; without it no entropy has a floor, and no surrogate is a bound",
    )
    measure_every: int = _field(
        10, checks.whole, "epochs from one measurement to the next; before training and after it are always measured"
    )
    measure_steps: tuple[int, ...] = _field(
        (),
        _steps,
        "steps from the first on after which is measured too, such as 1 2 5 10 20 50 100 200: what happens within the "
        "first epoch; batch normalisation then has the statistics of so few batches",
    )
    eval_examples: int | None = _field(
        None,
        _count(2),
        "how many train and test examples are measured, the first of the data set's fixed order; by default up to "
        f"{EVAL_EXAMPLES} of each, and no more than are trained on",
    )
    keep_latents: int | None = _field(
        None, _count(), "how many test latents the Record keeps; by default all measured ones"
    )
    information: bool = _field(False, checks.flag, "also measure H[Z], H[Z|Y], I[X;Z], I[Y;Z], …")
    low_precision: bool = _field(
        False,
        checks.flag,
        "the encoder multiplies in bfloat16, about twice as fast, where the device does so itself (a GPU from Ampere "
        "on, newer CPUs), in float16 with a scaled loss on older GPUs with tensor cores (T4, V100); elsewhere in "
        "float32. The Record says which",
    )
    compile: bool = _field(
        False, checks.flag, "let torch.compile fuse the network first: worth its minute on long trainings on a GPU"
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            checked = field.metadata["check"](field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, checked)

    @classmethod
    def of(cls, given: "Settings | None" = None, /, **fields: Any) -> "Settings":
        """Those given, or the defaults, with these fields instead.

        Raises `UnknownName` for what is no field, and what `Settings` raises.

        >>> Settings.of(Settings(epochs=20), batch_size=100).epochs
        20
        """
        for name in fields:
            checks.known("setting", name, NAMES)
        if given is not None and not isinstance(given, cls):
            raise InvalidInput(f"settings: got {given!r}, expected a Settings or None; name the fields instead.")
        return cls(**fields) if given is None else dataclasses.replace(given, **fields)

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON can say them: name -> number, text, bool, None or list.

        >>> Settings(augment=["flip"]).as_dict()["augment"]
        ['flip']
        """
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }


NAMES = tuple(field.name for field in dataclasses.fields(Settings))

_LIST = "\n".join(f"- `{f.name}` ({f.default!r}): {f.metadata['help']}" for f in dataclasses.fields(Settings))
Settings.__doc__ = f"{inspect.cleandoc(Settings.__doc__ or '')}\n\n{_LIST}"  # each is described in one place
