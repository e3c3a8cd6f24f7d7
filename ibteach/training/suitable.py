"""What suits what: a model its runs, settings the data, images the model; asked before any work."""

import copy
from collections.abc import Sequence

import torch

from ibteach import checks
from ibteach.data.datasets import Dataset
from ibteach.errors import InvalidInput
from ibteach.networks.bottleneck import Bottleneck, running_statistics
from ibteach.networks.ensemble import Ensemble
from ibteach.networks.modes import answers_by_chance, answers_by_company
from ibteach.objectives import OBJECTIVES
from ibteach.seeds import untouched
from ibteach.training.runs import Run
from ibteach.training.settings import EVAL_EXAMPLES, Settings

CHANCE = "information: got True for networks with dropout, or other chance, expected none: it would not be exact."
TRIED = 16
"""Images with which it is tried whether an encoder takes chances."""


def check(model: Bottleneck | Ensemble, data: Dataset, runs: Sequence[Run], settings: Settings) -> None:
    """Raise `InvalidInput` for what `fit` would not train: a model that does not fit the runs, or settings the data."""
    if not isinstance(model, Bottleneck | Ensemble) or not isinstance(data, Dataset):
        came = f"{type(model).__name__} and {type(data).__name__}"
        raise InvalidInput(f"model, data: got {came}, expected what training.build and data.load return.")
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise InvalidInput(
            "model: got parameters made under torch.inference_mode, expected some that can be trained; make it by "
            "training.build, or outside of that mode."
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InvalidInput(
            "model: got one that is frozen whole, expected one to train; let its decoder learn at least."
        )
    networks = len(model) if isinstance(model, Ensemble) else 1
    if len(runs) != networks or not all(isinstance(run, Run) for run in runs):
        raise InvalidInput(
            f"runs: got {len(runs)} for {networks} networks, expected one each; make the model with build."
        )
    there, test = len(data.train_labels), len(data.test_labels)
    there = checks.whole("train_examples", settings.train_examples or there, minimum=2, maximum=there)
    check_test_images(data)
    measured = settings.eval_examples or EVAL_EXAMPLES
    if settings.eval_examples is not None:
        checks.whole("eval_examples", measured, minimum=2, maximum=min(there, test))
    if settings.keep_latents is not None:
        checks.whole("keep_latents", settings.keep_latents, maximum=min(measured, test))
    if settings.batch_size > there:
        raise InvalidInput(f"batch_size: got {settings.batch_size}, expected at most the {there} examples.")
    if settings.information and model.stochastic:
        raise InvalidInput(CHANCE)
    needed = settings.information or any(OBJECTIVES[run.objective].needs_noise for run in runs)
    if not settings.noise and needed:
        raise InvalidInput(
            "noise: got False, but information, and the objectives of VIB, CEB, log det and the mixture, need it."
        )
    measured = min(measured, there)
    most = (labels[:measured].bincount().max() for labels in (data.train_labels, data.test_labels))  # of one class
    if not settings.noise and min(most) < 2:
        raise InvalidInput(
            f"eval_examples: got {measured}, among which no class has two, and without noise there is no "
            "variance of one; measure more of them."
        )


def check_test_images(data: Dataset) -> None:
    """Raise `InvalidInput` for a single test image, of which no mean has a standard error."""
    if (there := len(data.test_labels)) < 2:
        raise InvalidInput(f"data: got {there} test image, expected at least 2, for standard errors; add some.")


def check_images(model: Bottleneck | Ensemble, data: Dataset, settings: Settings) -> None:
    """A few images through the model: raises `InvalidInput` when it is built for others.

    So is found out too whether it is `stochastic`, where it does not say so; information is exact only of what is not,
    and of what makes the same of an image whichever others are beside it.
    """
    wanted = f"images of shape {data.shape} in {len(data.classes)} classes"
    if model.classes != len(data.classes):
        raise InvalidInput(f"model: got one for {model.classes} classes, expected one for {wanted}.")
    checks.finite_parameters("model", model)
    where = next(model.parameters()).device
    images = data.normalize(data.train_images[:2]).to(where)
    try:
        with torch.no_grad(), running_statistics(model), untouched(where):
            latents, _ = model(images, torch.zeros(2, model.latent_dimension, device=where))
    except RuntimeError as error:
        raise InvalidInput(f"model: does not take {wanted} ({error}); build it for data.shape.") from error
    if latents.shape[-2:] != (2, model.latent_dimension):
        came = tuple(latents.shape[-2:])
        raise InvalidInput(f"model: its encoder makes {came} of 2 images, expected (2, {model.latent_dimension}).")
    if settings.batch_size == 1:
        try:
            with torch.no_grad(), untouched(where):
                copy.deepcopy(model).train()(images[:1], torch.zeros(1, model.latent_dimension, device=where))
        except ValueError as error:  # of batch normalisation, where an image is left with one pixel
            raise InvalidInput(
                f"batch_size: got 1, of which this model takes no step ({error}); expected 2 or more."
            ) from error
    some = data.normalize(data.train_images[:TRIED]).to(where)
    model.stochastic = model.stochastic or answers_by_chance(model, some, model.latent_dimension)
    if settings.information and model.stochastic:
        raise InvalidInput(CHANCE)
    if settings.information and answers_by_company(model, some, model.latent_dimension):
        raise InvalidInput(
            "information: got True for an encoder whose latent of an image depends on the other images beside it, as "
            "batch normalisation in training mode does; expected one with f(x) for each x: use running statistics."
        )
