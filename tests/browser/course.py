"""Every figure of chapters 00 to 09 with its own controls, on networks that were trained for a moment."""

import dataclasses
import functools

import numpy as np
import torch

from ibteach import data, networks, records, training
from ibteach.display import (
    Explorer,
    chapter_00,
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_09,
)
from ibteach.evaluation import prediction, sampling
from ibteach.information.discrete import Joint

NAMES = ["l2", "variance", "log-variance"]


@functools.cache
def trained(latent_dimension=2, rate=0.0, seeds=1, gammas=(0, 0.01, 0.1, 1), noise=True):
    """The networks and what was measured on them."""
    digits, runs = data.load("digits"), training.grid(NAMES, gammas=gammas, seeds=range(seeds))
    make = functools.partial(networks.mlp, digits.shape, 10, latent_dimension=latent_dimension, hidden=(16,))
    model = training.build(functools.partial(make, dropout=rate), runs)
    how = dict(epochs=3, noise=noise, information=noise and not rate, progress=False)
    return model, training.fit(model, digits, runs, **how)


@functools.cache
def draws():
    pairs = {rate: trained(rate=rate, seeds=2, gammas=(0,)) for rate in (0.0, 0.5)}
    return sampling.draw(pairs, data.load("digits"), samples=8, eval_examples=60)


def flipped(error):
    return Joint([[(1 - error) / 2, error / 2], [error / 2, (1 - error) / 2]], "X Y")


def chain(noise):
    return flipped(0.1).encode("Z|X", (1 - noise) * torch.eye(2) + noise / 2)


def reliability():
    model, record = trained()
    digits = data.load("digits")
    probabilities = prediction.probabilities(model, digits, digits.test_images)
    return chapter_09.reliability_diagram(probabilities, digits.test_labels, record)


FIGURES = {
    "00 map": chapter_00.course_map,
    "01 two": lambda: chapter_01.diagram(flipped(0.1)),
    "01 three": lambda: chapter_01.diagram({noise: chain(noise) for noise in (0.0, 0.3, 0.7)}, "noise"),
    "02 plane": lambda: chapter_02.ib_curve(flipped(0.1), betas=[1.2, 2.0, 5.0]),
    "02 births": chapter_02.births,
    "02 gaussian": chapter_02.gaussian,
    "03 digit": lambda: chapter_03.one_digit(draws()),
    "03 samples": lambda: chapter_03.by_samples(draws()),
    "03 bounds": lambda: chapter_03.error_bounds(draws()),
    "04 scaling": lambda: chapter_04.scaling(trained()[1].latents[0], trained()[1].labels),
    "04 points": chapter_04.points,
    "04 noise": lambda: chapter_04.with_and_without(trained()[1], trained(noise=False)[1]),
    "05 latents": lambda: chapter_05.latents(trained()[1]),
    "05 chain": lambda: chapter_05.bounds(trained()[1]),
    "05 bound": lambda: chapter_05.error_bound(trained()[1]),
    "06 instruments": chapter_06.playground,
    "06 bracket": lambda: chapter_06.bracket(trained()[1].latents[4:8].double(), np.array([0.001, 0.01, 0.1, 1])),
    "07 plane": lambda: chapter_07.information_plane(records.load("mnist-surrogates")),
    "07 diagram": lambda: chapter_07.network_diagram(records.load("mnist-surrogates")),
    "08 plane": lambda: chapter_07.information_plane(records.load("cifar10-surrogates")),
    "09 attacks": lambda: chapter_09.robustness(records.load("cifar10-robustness")),
    "09 effort": lambda: chapter_09.effort(records.load("digits-robustness")),
    "09 calibration": reliability,
}


def two_ticks(axis):
    """The axis with the tick that it starts at and one beside it."""
    first = min(axis.start, max(len(axis.values) - 2, 0))
    kept = slice(first, first + 2)
    return dataclasses.replace(axis, values=axis.values[kept], texts=axis.texts[kept], start=axis.start - first)


def page(name, path, themes="light", layouts=("wide", "tall", "screen")):
    """The figure in a file, with all of its controls, of two ticks each."""
    scene = FIGURES[name]().scene
    scene.axes = tuple(map(two_ticks, scene.axes))
    return Explorer(scene).export(path, themes=themes, layouts=layouts)
