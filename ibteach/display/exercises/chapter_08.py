"""Exercises of chapter 08, ResNets on a GPU. References are counted and computed with torch and numpy."""

import math

import numpy as np
import torch

from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size


def _block_parameters():
    layers = [torch.nn.BatchNorm2d(128), torch.nn.Conv2d(128, 128, 3, bias=False)] * 2
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def _next_after_100():
    hundred = torch.tensor(100.0, dtype=torch.bfloat16)
    return (torch.nextafter(hundred, torch.tensor(math.inf, dtype=torch.bfloat16)) - hundred).item()


def _within(latents, labels):
    z, y = latents.numpy(), labels.numpy()
    return sum((y == label).mean() * z[y == label].var(0).sum() for label in np.unique(y))


def _by_class(latents, labels, weight):
    """Σ over classes of `weight`, a function of the class's latents, times its summed variances."""
    each = (latents[labels == label] for label in labels.unique())
    return sum(weight(own) * own.var(0, correction=0).sum() for own in each)


def _labelled(draw):
    """Classes of unequal size, in no order."""
    latents = 2 * draw(8 + size(draw), size(draw)) + 3
    labels = (draw(len(latents)).abs() * 2).long().clamp(max=3)
    latents = latents + labels[:, None]  # the class means differ
    return latents, labels


EXERCISES = [
    Exercise(
        name="08.1",
        title="The time of a sweep",
        check=agrees_with(lambda: sum([50_000 / 20_000] * 30 * 18) / 60, unit=""),
        hint=(
            "How many images are there to be seen, in all?",
            "Networks × epochs × images, over images a second, over 60.",
        ),
        solution="answer = 18 * 30 * 50_000 / 20_000 / 60",
        mistakes={
            "one network": 30 * 50_000 / 20_000 / 60,
            "seconds": 18 * 30 * 50_000 / 20_000,
            "one network, in seconds": 75,
            "one epoch": 18 * 50_000 / 20_000 / 60,
            "hours": 18 * 30 * 50_000 / 20_000 / 3600,
            "60,000 images": 27,
            "all three divided": 20_000 * 60 / (18 * 30 * 50_000),
        },
    ),
    Exercise(
        name="08.2",
        title="The parameters of a block",
        check=agrees_with(_block_parameters, unit="", whole=True),
        hint=(
            "How many weights has one output channel? What does a batch normalisation learn?",
            "A convolution has one weight for each pair of channels and each of its 3 × 3 places; a batch "
            "normalisation trains a scale and a shift for each channel.",
        ),
        solution="answer = 2 * (9 * 128 * 128 + 2 * 128)",
        mistakes={
            "one of the two halves": 9 * 128 * 128 + 2 * 128,
            "the batch normalisations forgotten": 2 * 9 * 128 * 128,
            "one number for each channel of a batch normalisation": 2 * (9 * 128 * 128 + 128),
            "convolutions with a bias": 2 * (9 * 128 * 128 + 3 * 128),
            "its running means and variances counted": 2 * (9 * 128 * 128 + 4 * 128),
            "convolutions of one channel each": 2 * (9 * 128 + 2 * 128),
            "one convolution, without more": 9 * 128 * 128,
        },
    ),
    Exercise(
        name="08.3",
        title="What bfloat16 can tell apart",
        check=agrees_with(_next_after_100, unit=""),
        hint=(
            "How many numbers are there from 64 to 128, if 8 bits tell them apart and the first is always 1?",
            "With 8 significant bits, numbers from 2⁶ to 2⁷ are 2⁶ / 2⁷ apart. Noise that is smaller than half of "
            "that is mostly rounded away.",
        ),
        solution="answer = 2**6 / 2**7",
        mistakes={
            "the resolution at 1/2": 2**-8,
            "seven significant bits": 1.0,
            "100 over 256": 100 / 256,
            "the first bit not known to be 1": 2**6 / 2**8,
            "the resolution at 1": 2**-7,
            "float16, with 11 bits": 2**6 / 2**10,
            "100 over 128": 100 / 128,
        },
    ),
    Exercise(
        name="08.4",
        title="How many photographs 12 nats take",
        check=agrees_with(lambda: float(np.ceil(np.exp(12))), unit="", whole=True),
        hint=(
            "Which ceiling has I[X;Z] on N inputs? Can a part of a photograph be measured?",
            "I[X;Z] ≤ ln N, so N ≥ e¹², rounded up; CIFAR-10 has 60,000, whose ln is 11.",
        ),
        setup="import math\n",
        solution="answer = math.ceil(math.exp(12))",
        mistakes={
            "12 bits": 2**12,
            "CIFAR-10": 60_000,
            "12": 12,
            "rounded down, which shows less than 12 nats": 162_754,
            "not rounded": math.exp(12),
            "rounded to tens": 162_750,
            "powers of ten": 10**12,
            "one too many": 162_756,
        },
    ),
    Exercise(
        name="08.5",
        title="The variance within the classes",
        check=function_agrees_with(_within, _labelled),
        hint=(
            "From which mean is the distance taken, and how much does each class count?",
            "For each class its share of the batch, times the sum over dimensions of the mean squared distance from "
            "the class's own mean.",
        ),
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
        mistakes={
            "the variance about the mean of all": lambda z, y: z.var(0, correction=0).sum(),
            "every class counted alike": lambda z, y: _by_class(z, y, lambda own: 1 / len(y.unique())),
            "a sum over the classes, not an average": lambda z, y: _by_class(z, y, lambda own: 1.0),
            "variances that divide by n − 1": lambda z, y: _by_class(
                z, y, lambda own: len(own) / len(z) * len(own) / max(len(own) - 1, 1)
            ),
            "a mean over dimensions": lambda z, y: _within(z, y) / z.shape[1],
            "the noise added": lambda z, y: _within(z, y) + z.shape[1] / (2 * np.pi * np.e),
            "one value for each dimension": lambda z, y: _within(z, y) + 0 * z[0],
            "three classes, whatever there are": lambda z, y: _by_class(z, y, lambda own: 1 / 3),
            "the squared length": lambda z, y: z.square().sum(1).mean(),
            "N times too much": lambda z, y: _within(z, y) * len(z),
        },
    ),
]
