"""Photographs beside each other: every pixel where it belongs, and never without alt text."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ibteach.display.chapters.chapter_08 import samples, show
from ibteach.errors import InvalidInput


def test_images_are_shown_in_rows():
    images = samples(96).repeat(3, 1, 1, 1)
    data, metadata = show(images, alt="Temples and flowers.", columns=4)._repr_mimebundle_()
    pixels = np.array(Image.open(io.BytesIO(data["image/png"])))
    assert pixels.shape == (2 * 100 + 4, 4 * 100 + 4, 4) and metadata["image/png"]["alt"] == "Temples and flowers."
    for place, image in enumerate(images.numpy()):
        top, left = 4 + 100 * (place // 4), 4 + 100 * (place % 4)
        assert (pixels[top : top + 96, left : left + 96, :3] == image.transpose(1, 2, 0)).all()
    assert pixels[0, 0, 3] == 0  # the page shows between them


def test_small_grey_images_are_enlarged():
    assert show(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), alt="Nothing.").picture.size == (3 * 100 + 4, 104)


def test_bad_input():
    with pytest.raises(InvalidInput, match=r"images: got \(torch.float32, \(2, 3, 8, 8\)\), expected uint8"):
        show(torch.zeros(2, 3, 8, 8), alt="Nothing.")
    with pytest.raises(InvalidInput, match="alt: got ' ', expected a sentence"):
        show(samples(8), alt=" ")
