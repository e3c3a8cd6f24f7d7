"""Folders of pictures, a folder for each class, as tensors: every file is looked at, and what is wrong is named.

``train/CLASS/*.jpg`` and ``test/CLASS/*.jpg`` are the whole convention; the folders' names are the classes. Pictures of
any size are set upright, cut to their central square and resized once. What comes out depends on the files alone, not
on the order in which a system lists them. `ibteach.data.datasets.load_folder` keeps the result in the cache folder.
"""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ibteach.errors import DamagedFile, IbteachError, InvalidInput

PARTS = ("train", "test")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
CONVERTED = ("1", "L", "LA", "La", "P", "PA", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
"""Pillow's modes of 8 bits or fewer; it would clip those of 16 or 32 bits, so they are never converted."""
NAMED = 5  # as many are named in a message


@dataclasses.dataclass(frozen=True)
class Pictures:
    """The picture files of a folder: sorted by class, then by name."""

    folder: Path
    classes: tuple[str, ...]
    files: dict[str, list[Path]]
    labels: dict[str, list[int]]

    @property
    def count(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits over the names and bytes of all files: others when one is not the same."""
        checksum, every = hashlib.sha256(), [file for part in PARTS for file in self.files[part]]
        with ThreadPoolExecutor() as threads:  # reading and hashing leave Python's lock alone
            digests = threads.map(lambda file: hashlib.sha256(file.read_bytes()).digest(), every)
            for file, digest in zip(every, digests, strict=True):
                checksum.update(os.fsencode(file.relative_to(self.folder).as_posix()) + b"\0" + digest)
        return checksum.hexdigest()[:16]


def find(folder: Path) -> Pictures:
    """The pictures below `folder`; names that begin with a dot, and files without a picture's ending, do not count.

    Raises `InvalidInput`, before a picture is opened, for a folder without ``train`` or ``test``, for fewer than two
    classes, for classes that are in one of the two only, and for a class without pictures.
    """
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        came = f"no folder {' and no folder '.join(missing)} in it" if folder.is_dir() else "no folder"
        raise InvalidInput(f"{folder}: got {came}, expected pictures in train/CLASS/*.jpg and test/CLASS/*.jpg.")
    found = {part: {each.name: _pictures(each) for each in _visible(folder / part, Path.is_dir)} for part in PARTS}
    train, test = (set(found[part]) for part in PARTS)
    if train != test:
        only = [f"{name} in {'train' if name in train else 'test'} only" for name in sorted(train ^ test)]
        raise InvalidInput(f"{folder}: got {_some(only)}, expected the same classes in train and in test.")
    if len(train) < 2:
        raise InvalidInput(f"{folder}: got {len(train)} classes, expected 2 or more: a folder in train for each.")
    empty = [f"{part}/{name}" for part in PARTS for name, files in found[part].items() if not files]
    if empty:
        raise InvalidInput(f"{folder}: got no pictures in {_some(empty)}, expected files such as {SUFFIXES[0]}.")
    classes = tuple(sorted(train))
    return Pictures(
        folder=folder,
        classes=classes,
        files={part: [file for name in classes for file in found[part][name]] for part in PARTS},
        labels={part: [label for label, name in enumerate(classes) for _ in found[part][name]] for part in PARTS},
    )


def read(pictures: Pictures, size: int, convert: bool, skip: bool) -> tuple[dict[str, Tensor], str]:
    """The four tensors of a data set, and a sentence on what was left out (empty: nothing).

    Raises `DamagedFile` for pictures that cannot be decoded and `InvalidInput` for those that are not RGB (with
    `convert`: that have more than 8 bits); all of them were looked at, the first are named. With `skip` they are left
    out, and `InvalidInput` is raised when nothing remains of a class.
    """
    tensors, wrong = {}, {}
    for part in PARTS:
        files, labels = pictures.files[part], torch.tensor(pictures.labels[part])
        images, errors = decoded(files, size, convert)
        wrong |= {files[index].relative_to(pictures.folder).as_posix(): error for index, error in errors.items()}
        good = torch.tensor([index not in errors for index in range(len(files))])
        tensors |= {f"{part}_images": images[good] if errors else images, f"{part}_labels": labels[good]}
    if not wrong:
        return tensors, ""
    named = [f"{name} ({error})" for name, error in wrong.items()]
    sentence = f"{pictures.folder}: {len(wrong)} of {pictures.count} pictures cannot be used: {_some(named)}."
    if not skip:
        way = "" if convert else " convert=True makes RGB of greyscale, palette, CMYK and transparent ones;"
        kind = DamagedFile if DamagedFile in map(type, wrong.values()) else InvalidInput
        raise kind(f"{sentence} Repair or remove them;{way} skip=True leaves out what cannot be used.")
    for part in PARTS:
        remaining = torch.bincount(tensors[f"{part}_labels"], minlength=len(pictures.classes))
        if (remaining == 0).any():
            name = pictures.classes[int(remaining.argmin())]
            raise InvalidInput(f"{sentence} Nothing remains of {part}/{name}.")
    return tensors, f"{sentence} They are left out."


def decoded(files: Sequence[Path], size: int, convert: bool) -> tuple[Tensor, dict[int, IbteachError]]:
    """Pictures upright, cut to their central square and resized, (N, 3, size, size) uint8, and what is wrong with some.

    The second is index → `DamagedFile` where one cannot be decoded, `InvalidInput` where it is not RGB or (with
    `convert`, which makes RGB of all that has 8 bits, and drops transparency) has more bits; its pixels are undefined.
    """
    from PIL import Image, ImageOps
    from tqdm.auto import tqdm

    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)

    def decode(index):
        try:
            with Image.open(files[index]) as image:
                if image.mode != "RGB" and not (convert and image.mode in CONVERTED):
                    return InvalidInput(f"mode {image.mode}, not RGB")
                upright = ImageOps.exif_transpose(image)
                rgb = (upright.convert("RGBA") if upright.mode in ("P", "PA") else upright).convert("RGB")
                square = ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC)
        except Exception as error:  # Pillow raises whatever comes up in a broken file: struct.error, SyntaxError, …
            return DamagedFile(f"cannot be decoded: {str(error).replace(str(files[index]), files[index].name)}")
        images[index] = torch.from_numpy(np.array(square)).permute(2, 0, 1)

    with ThreadPoolExecutor() as threads:  # decoding leaves Python's lock alone
        found = tqdm(threads.map(decode, range(len(files))), total=len(files), desc="decoding", unit="image")
        return images, {index: error for index, error in enumerate(found) if error}


def _visible(folder, kind) -> list[Path]:
    """Sorted by name, so that nothing depends on how the system lists them."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith(".") and kind(each))


def _pictures(folder) -> list[Path]:
    return [file for file in _visible(folder, Path.is_file) if file.suffix.lower() in SUFFIXES]


def _some(names) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
