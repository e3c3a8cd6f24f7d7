"""Augmentation: what each one does to a picture, that all of it is drawn, and that a seed fixes it."""

import pytest
import torch

from ibteach.data.augmentation import AUGMENTATIONS, augment
from ibteach.errors import InvalidInput, UnknownName


@pytest.fixture
def images():
    return torch.randint(0, 256, (200, 3, 16, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def drawn(images, *names, seed=0):
    return augment(images, names, torch.Generator().manual_seed(seed))


def test_flip(images):
    flipped = drawn(images, "flip")
    turned = torch.tensor([torch.equal(one, other.flip(-1)) for one, other in zip(flipped, images, strict=True)])
    kept = torch.tensor([torch.equal(one, other) for one, other in zip(flipped, images, strict=True)])
    assert (turned ^ kept).all() and 70 < turned.sum() < 130


def test_shift_is_a_crop_of_the_mirrored_picture(images):
    shifted, seen = drawn(images, "shift"), set()
    mirrored = torch.nn.functional.pad(images.float(), (3, 3, 2, 2), mode="reflect").to(torch.uint8)
    for one, source in zip(shifted, mirrored, strict=True):
        crops = [(y, x) for y in range(5) for x in range(7) if torch.equal(one, source[:, y : y + 16, x : x + 24])]
        assert len(crops) == 1
        seen.add(crops[0])
    assert len(seen) == 35  # every shift by up to an eighth


def test_pictures_of_one_row_are_shifted_along_it():
    row = torch.arange(8, dtype=torch.uint8).expand(50, 1, 1, 8)
    crops = [[1, 0, *range(1, 7)], [*range(8)], [*range(1, 8), 6]]
    assert {tuple(one.flatten().tolist()) for one in drawn(row, "shift")} == set(map(tuple, crops))
    column = row.mT
    assert torch.equal(drawn(column[..., :1, :], "shift"), column[..., :1, :])


def test_cutout_fills_one_square_with_the_mean(images):
    cut, places = drawn(images, "cutout"), set()
    mean = images.float().mean((0, 2, 3)).to(torch.uint8)
    for one, source in zip(cut, images, strict=True):
        changed = (one != source).any(0)
        rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
        top, left = int(rows[0]), int(columns[0])
        assert int(rows[-1]) - top < 4 and int(columns[-1]) - left < 6
        assert torch.equal(one[:, changed], mean[:, None].expand(3, int(changed.sum())))
        places.add((top, left))
    assert len(places) > 50


def test_a_seed_fixes_it_and_the_images_are_left_alone(images):
    before, names = images.clone(), tuple(AUGMENTATIONS)
    assert torch.equal(drawn(images, *names), drawn(images, *names))
    assert not torch.equal(drawn(images, *names), drawn(images, *names, seed=1))
    assert torch.equal(images, before) and drawn(images, *names).dtype == torch.uint8
    assert drawn(images) is images


def test_bad_input(images):
    with pytest.raises(UnknownName, match=r"augmentation: got 'flips', .* did you mean 'flip'"):
        drawn(images, "flips")
    with pytest.raises(InvalidInput, match="augment: got 'flip', expected a list"):
        augment(images, "flip", torch.Generator())
