"""Exercises of chapter 08, ResNets on a GPU. References are counted and computed with torch and numpy."""

import math

import numpy as np
import torch

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with


def _block_parameters():
    layers = [torch.nn.BatchNorm2d(128), torch.nn.Conv2d(128, 128, 3, bias=False)] * 2
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def _next_after_100():
    hundred = torch.tensor(100.0, dtype=torch.bfloat16)
    return (torch.nextafter(hundred, torch.tensor(math.inf, dtype=torch.bfloat16)) - hundred).item()


def _within(latents, labels):
    z, y = latents.numpy(), labels.numpy()
    return sum((y == label).mean() * z[y == label].var(0).sum() for label in np.unique(y))


def _labelled(draw):
    return draw(12, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 2, 0])


EXERCISES = [
    Exercise(
        name="08.1",
        title="The time of a sweep",
        check=agrees_with(lambda: sum([50_000 / 20_000] * 30 * 18) / 60),
        hint="Networks × epochs × images, over images a second, over 60.",
        solution="answer = 18 * 30 * 50_000 / 20_000 / 60",
        wrong=(30 * 50_000 / 20_000 / 60, 18 * 30 * 50_000 / 20_000, 75),
    ),
    Exercise(
        name="08.2",
        title="The parameters of a block",
        check=agrees_with(_block_parameters),
        hint="A convolution has one weight for each pair of channels and each of its 3 × 3 places; a batch "
        "normalisation trains a scale and a shift for each channel.",
        solution="answer = 2 * (9 * 128 * 128 + 2 * 128)",
        wrong=(9 * 128 * 128 + 2 * 128, 2 * 9 * 128 * 128, 2 * (9 * 128 * 128 + 128)),
    ),
    Exercise(
        name="08.3",
        title="What bfloat16 can tell apart",
        check=agrees_with(_next_after_100),
        hint="With 8 significant bits, numbers from 2⁶ to 2⁷ are 2⁶ / 2⁷ apart. Noise that is smaller than half of "
        "that is mostly rounded away.",
        solution="answer = 2**6 / 2**7",
        wrong=(2**-8, 1.0, 100 / 256),
    ),
    Exercise(
        name="08.4",
        title="How many photographs 12 nats take",
        check=agrees_with(lambda: float(np.ceil(np.exp(12)))),
        hint="I[X;Z] ≤ ln N, so N ≥ e¹²; CIFAR-10 has 60,000, whose ln is 11.",
        setup="import math\n",
        solution="answer = math.ceil(math.exp(12))",
        wrong=(2**12, 60_000, 12),
    ),
    Exercise(
        name="08.5",
        title="The variance within the classes",
        check=function_agrees_with(_within, _labelled),
        hint="For each class its share of the batch, times the sum over dimensions of the mean squared distance from "
        "the class's own mean.",
        setup="import torch\n",
        solution="""
def within_class_variance(latents, labels):
    total = 0.0
    for label in labels.unique():
        own = latents[labels == label]
        total = total + len(own) / len(latents) * (own - own.mean(0)).square().mean(0).sum()
    return total

answer = within_class_variance
""",
        wrong=(
            lambda latents, labels: latents.var(0, unbiased=False).sum(),
            lambda latents, labels: sum(latents[labels == y].var(0).sum() for y in labels.unique()) / 3,
        ),
    ),
]
