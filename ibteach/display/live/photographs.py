"""Photographs to look at: the two real ones that come with scikit-learn, and any images beside each other.

Chapter 08 shows with them what augmentation does to a picture, without a download.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image as Picture
from PIL import ImageOps
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput

if TYPE_CHECKING:
    from jaxtyping import UInt8


def samples(size: int = 96) -> UInt8[Tensor, "2 3 size size"]:
    """A temple in China and a flower, (2, 3, size, size) uint8: cut to their central square and resized.

    >>> samples(32).shape
    torch.Size([2, 3, 32, 32])
    """
    from sklearn.datasets import load_sample_images

    size = checks.whole("size", size)
    squares = [ImageOps.fit(Picture.fromarray(image), (size, size)) for image in load_sample_images().images]
    return torch.stack([torch.from_numpy(np.array(square)).permute(2, 0, 1) for square in squares])


def show(images: UInt8[Tensor, "N C H W"], *, alt: str, columns: int = 8) -> Shown:
    """Images (N, C, H, W), uint8 with one or three channels, in rows of `columns`; `alt` says what they show.

    >>> show(samples(32), alt="A temple and a flower.").picture.size
    (204, 104)
    """
    if (
        not isinstance(images, Tensor)
        or images.dtype != torch.uint8
        or images.ndim != 4
        or images.shape[1] not in (1, 3)
        or not images.numel()
    ):
        came = (images.dtype, tuple(images.shape)) if isinstance(images, Tensor) else type(images).__name__
        raise InvalidInput(f"images: got {came}, expected uint8 of shape (N, 1, H, W) or (N, 3, H, W), at least one.")
    checks.dense("images", images)
    if not isinstance(alt, str) or not alt.strip():
        raise InvalidInput(f"alt: got {alt!r}, expected a sentence that says what the images show.")
    count, _, height, width = images.shape
    columns = min(checks.whole("columns", columns), count)
    scale, gap = max(1, round(96 / max(height, width))), 4
    rows = -(-count // columns)
    size = columns * (width * scale + gap) + gap, rows * (height * scale + gap) + gap
    picture = Picture.new("RGBA", size)  # what is between the images is the page, light or dark
    for place, image in enumerate(images.cpu()):
        one = Picture.fromarray(image.permute(1, 2, 0).expand(-1, -1, 3).contiguous().numpy())
        one = one.resize((width * scale, height * scale), Picture.Resampling.NEAREST)
        row, column = divmod(place, columns)
        picture.paste(one, (gap + column * (one.width + gap), gap + row * (one.height + gap)))
    return Shown(picture, alt)


class Shown:
    """A picture that a notebook shows with its alt text."""

    def __init__(self, picture: Picture.Image, alt: str):
        self.picture, self.alt = picture, alt

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        kept = io.BytesIO()
        self.picture.save(kept, "PNG")
        return {"image/png": kept.getvalue(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}
