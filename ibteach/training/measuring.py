"""What is measured of networks while they train: every term of the objective, on fixed examples, for all of them.

The noise is the same for all networks and at every epoch, so that differences between them are not differences of the
draw. Without dropout each quantity is a function of the noiseless latents and the linear decoder, so the encoder runs
once, and the latent is a Gaussian mixture whose information can be measured exactly (`ibteach.information.mixture`).
"""

import functools
import operator

import torch
from torch import Tensor

from ibteach import seeds
from ibteach.data.datasets import Dataset, check_data, check_images
from ibteach.errors import InvalidInput
from ibteach.information import mixture
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, zero_entropy_noise
from ibteach.networks.bottleneck import Bottleneck, running_statistics
from ibteach.networks.ensemble import Ensemble
from ibteach.networks.modes import evaluated
from ibteach.objectives import OBJECTIVES, fits, moments
from ibteach.precision import exactly, movable

SAMPLES = 12
"""Noise samples S behind every measured cross-entropy."""

BLOCK, PHOTOGRAPHS = 8000, 512
"""How many small images, and how many of more than a thousand values, are encoded at once by all networks together."""

FITTED = ["decoder_cross_entropy", "prediction_cross_entropy", "sampled_error", "argmax_error"]
"""What is measured of `ibteach.objectives.Fits`."""

INFORMATION = list(mixture.ESTIMATES)
"""What `measure_networks` adds with ``information=True``, as `ibteach.information.mixture.Measurement` has it."""


@torch.no_grad()
def encode(model: Bottleneck | Ensemble, data: Dataset, images: Tensor) -> Tensor:
    """Noiseless latents f(x) of uint8 images, (M, N, K), in evaluation mode; in blocks, for memory's sake.

    Of a model that is `stochastic` and in training mode they are one draw of its dropout.

    The images may lie on another device than the model, on which the latents are, if it has float64.
    """
    if not isinstance(model, Bottleneck | Ensemble):
        raise InvalidInput(f"model: got {type(model).__name__}, expected what training.build returns.")
    check_data("data", data)
    check_images("images", images)
    images = images.to(model.decoders[0].device)
    networks = len(model) if isinstance(model, Ensemble) else 1
    block = max(50, (BLOCK if images[0].numel() < 1000 else PHOTOGRAPHS) // networks)
    silence = torch.zeros(1, model.latent_dimension, device=images.device, dtype=model.decoders[0].dtype)
    with running_statistics(model) if model.stochastic else evaluated(model):
        inputs = (data.normalize(part).to(silence) for part in images.split(block))
        latents = [model(part, silence.expand(len(part), -1))[0] for part in inputs]
    latents = movable(torch.cat(latents, -2))
    return latents if latents.ndim == 3 else latents[None]


@torch.no_grad()
def measure_networks(
    model: Bottleneck | Ensemble,
    data: Dataset,
    examples: int,
    information: bool = False,
    noise_variance: float = ZERO_ENTROPY_VARIANCE,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Quantities and standard errors of the first `examples` train and test examples: name → (M,), float64.

    For ``train/`` and ``test/``, in nats where they are information: ``decoder_cross_entropy`` H_q[Y|Z] and
    ``prediction_cross_entropy`` H_q[Y|X] with 12 samples of noise (and dropout); ``sampled_error`` and
    ``argmax_error`` of the prediction averaged over them; every bound of `ibteach.objectives.OBJECTIVES` by its name
    (the mixture with one draw of the noise);
    and, if asked for, `INFORMATION` on these examples. Standard errors of the fit are those of a mean over examples,
    of information those of the noise draws. Without noise the objectives that need it are left out.
    """
    values, errors = {}, {}
    for split, images, labels in [
        ("train", data.train_images[:examples], data.train_labels[:examples]),
        ("test", data.test_images[:examples], data.test_labels[:examples]),
    ]:
        latents = encode(model, data, images)
        labels = labels.to(latents.device)
        draws = (encode(model, data, images) if model.stochastic else latents for _ in range(SAMPLES))
        for name, each in _fit(model.decoders, draws, labels, noise_variance).items():
            values[f"{split}/{name}"] = each.mean(-1)
            errors[f"{split}/{name}"] = each.std(-1) / each.shape[-1] ** 0.5
        bounds = _bounds(latents.double(), labels, len(data.classes), noise_variance)
        values |= {f"{split}/{name}": value for name, value in bounds.items()}
        if information:
            found = mixture.measure(latents, labels, noise_variance, stochastic=model.stochastic)
            for name in INFORMATION:
                values[f"{split}/{name}"], errors[f"{split}/{name}"] = getattr(found, name)
    return values, errors


def _bounds(latents, labels, classes, noise_variance) -> dict[str, Tensor]:
    """Every objective that there is with this noise, (M,)."""
    m = moments(latents, labels, classes, noise_variance)
    defined = [one for one in OBJECTIVES.values() if noise_variance > 0 or not one.needs_noise]
    values = {one.name: one.of_moments(m) for one in defined if not one.of_draws}
    noise = _noise(latents, noise_variance, seeds.generator(0, "measured noise"))
    for one in [one for one in defined if one.of_draws]:  # class by class, as no distance between two classes counts
        parts = [labels == label for label in labels.unique()]
        alone = (moments(latents[:, of], labels[of] * 0, 1, noise_variance, noise[of]) for of in parts)
        shares = (of.double().mean() * one.of_moments(m) for of, m in zip(parts, alone, strict=True))
        values[one.name] = functools.reduce(operator.add, shares)
    return values


def _noise(latents, noise_variance, generator) -> Tensor:
    scale = (noise_variance / ZERO_ENTROPY_VARIANCE) ** 0.5
    return scale * zero_entropy_noise(tuple(latents.shape[-2:]), generator).to(latents)


def _fit(decoders, draws, labels, noise_variance) -> dict[str, Tensor]:
    """Per example, (M, N): how well the decoders fit the labels, from draws of the latents before the noise."""
    weight, bias = (exactly(parameter.to(labels.device)) for parameter in decoders)
    generator = seeds.generator(0, "measured noise")

    def logits(latents):
        return exactly(latents + _noise(latents, noise_variance, generator)) @ weight.mT + bias[:, None]

    found = fits(map(logits, draws), labels)._asdict()
    return {name: found[name] for name in FITTED}
