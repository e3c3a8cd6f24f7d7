"""Augmentation in batches, on the device where the images are, as bytes: flips, shifted crops, cutout.

All chance is drawn on the CPU from one generator, so that a seed means the same augmented pictures on every device.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput


def augment(images: Tensor, names: Iterable[str], generator: torch.Generator) -> Tensor:
    """Images (N, C, H, W), each changed at random by the augmentations of these `names`, in that order.

    - ``"flip"``: left and right are exchanged, in one of two
    - ``"shift"``: moved by up to an eighth of the picture each way; what comes in is the mirrored border
    - ``"cutout"``: a square of a quarter of the width, anywhere, is filled with the mean of the batch's channel

    Raises `UnknownName` for another, `InvalidInput` for what are no images or no generator.

    >>> images = torch.arange(4, dtype=torch.uint8).reshape(1, 1, 1, 4).expand(6, 1, 4, 4)
    >>> augment(images, ["flip"], torch.Generator().manual_seed(0))[:, 0, 0, 0]
    tensor([0, 3, 3, 0, 3, 3], dtype=torch.uint8)
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.numel():
        came = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InvalidInput(f"images: got {came}, expected a tensor (N, C, H, W), every axis at least 1.")
    checks.dense("images", images)
    if not isinstance(generator, torch.Generator):
        raise InvalidInput(f"generator: got {generator!r}, expected a torch.Generator, from which all chance is drawn.")
    for name in known(names):
        images = AUGMENTATIONS[name](images, generator)
    return images


def known(names: Iterable[str]) -> tuple[str, ...]:
    """The names of augmentations, checked."""
    return tuple(checks.known("augmentation", name, AUGMENTATIONS) for name in checks.several("augment", names))


def _flip(images, generator):
    chosen = torch.randint(2, (len(images), 1, 1, 1), generator=generator).bool().to(images.device)
    return torch.where(chosen, images.flip(-1), images)


def _shift(images, generator):
    height, width = images.shape[-2:]
    places = []
    for size in (height, width):
        most = min(size - 1, max(1, size // 8))  # of one pixel alone there is nothing to mirror
        moved = torch.randint(-most, most + 1, (len(images), 1), generator=generator) + torch.arange(size)
        places.append((size - 1 - (size - 1 - moved.abs()).abs()).to(images.device))  # mirrored at both borders
    rows, columns = places
    images = images.gather(2, rows[:, None, :, None].expand_as(images))
    return images.gather(3, columns[:, None, None, :].expand_as(images))


def _cutout(images, generator):
    inside = []
    for size in images.shape[-2:]:
        side = max(1, size // 4)
        first = torch.randint(size - side + 1, (len(images), 1), generator=generator)
        place = torch.arange(size) - first
        inside.append(((place >= 0) & (place < side)).to(images.device))
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    mean = images.float().mean((0, 2, 3), keepdim=True).to(images.dtype)
    return torch.where(hole, mean, images)


AUGMENTATIONS = {"flip": _flip, "shift": _shift, "cutout": _cutout}
