"""Labels made wrong on purpose: what compression does to memorisation can only be seen where there is some."""

import dataclasses

import torch

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_data


def with_random_labels(data: Dataset, fraction: float, seed: int = 0) -> Dataset:
    """The data with that fraction of its training labels drawn anew, uniformly from all classes; the test set is kept.

    Which examples are hit depends on the seed alone, and those of a smaller fraction are among those of a larger one.
    With ``fraction=1`` the labels say nothing about the images: whatever is fitted then is memorised.

    Raises `InvalidInput` unless 0 ≤ fraction ≤ 1.

    >>> from ibteach.data.datasets import load
    >>> digits = load("digits")
    >>> noisy = with_random_labels(digits, 0.2)
    >>> round((noisy.train_labels != digits.train_labels).double().mean().item(), 1)  # a tenth of the new ones is right
    0.2
    """
    check_data("data", data)
    fraction = checks.number("fraction", fraction, minimum=0, maximum=1)
    generator = seeds.generator(checks.seed("seed", seed), "random labels")
    count = len(data.train_labels)
    drawn = torch.randint(len(data.classes), (count,), generator=generator)
    hit = torch.rand(count, generator=generator) < fraction
    labels = torch.where(hit.to(data.train_labels.device), drawn.to(data.train_labels.device), data.train_labels)
    which = f" (seed {seed})" if seed else ""
    return dataclasses.replace(data, name=f"{data.name}, {100 * fraction:g}% random labels{which}", train_labels=labels)
