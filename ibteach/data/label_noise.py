"""Labels made wrong on purpose: what compression does to memorisation can only be seen where there is some."""

import dataclasses

import torch

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_data


def with_random_labels(data: Dataset, share: float, seed: int = 0) -> Dataset:
    """The data with that share of its training labels drawn anew, uniformly from all classes; the test set is kept.

    Which examples are hit depends on the seed alone, and those of a smaller share are among those of a larger one. With
    ``share=1`` the labels say nothing about the images: whatever is fitted then is memorised.

    Raises `InvalidInput` unless 0 ≤ share ≤ 1.

    >>> from ibteach.data.datasets import load
    >>> digits = load("digits")
    >>> noisy = with_random_labels(digits, 0.2)
    >>> round((noisy.train_labels != digits.train_labels).double().mean().item(), 1)  # a tenth of the new ones is right
    0.2
    """
    check_data("data", data)
    share = checks.number("share", share, minimum=0, maximum=1)
    generator = seeds.generator(checks.seed("seed", seed), "random labels")
    count = len(data.train_labels)
    drawn = torch.randint(len(data.classes), (count,), generator=generator)
    hit = torch.rand(count, generator=generator) < share
    labels = torch.where(hit.to(data.train_labels.device), drawn.to(data.train_labels.device), data.train_labels)
    which = f" (seed {seed})" if seed else ""
    return dataclasses.replace(data, name=f"{data.name}, {share:.0%} random labels{which}", train_labels=labels)
