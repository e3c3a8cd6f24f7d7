"""Data sets whole in memory as bytes: real images, a fixed split, normalised on the device where they are used.

A data set is one `Dataset` of uint8 tensors. `load` gets it by name: `digits` comes with scikit-learn; every other
is fetched once (`ibteach.learning.sources` says how) and kept as one sealed file, memory-mapped when it is read,
in the user's cache folder or in the folder that the environment variable IBTEACH_DATA names.
"""

import copy
import dataclasses
import os
import sys
import time
from pathlib import Path

import platformdirs
import torch
from torch import Tensor

from ibteach import checks, files
from ibteach.errors import DamagedFile, InvalidInput
from ibteach.learning import sources

KIND, VERSION = "data set", 1
TENSORS = ("train_images", "train_labels", "test_images", "test_labels")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels for training and for testing.

    - `train_images`, `test_images` (N, C, H, W): uint8, as they were recorded
    - `train_labels`, `test_labels` (N,): int64 class numbers; `classes`: their names
    - `mean`, `std` (C,): float32, over all training images, in the unit of the pixels

    >>> load("digits")
    Dataset(digits: 1,297 training and 500 test images of 1×8×8, 10 classes)
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    mean: Tensor | None = None
    std: Tensor | None = None

    def __post_init__(self):
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            _check_images(f"{part}_images", images)
            checks.labels(f"{part}_labels", labels, "N", len(self.classes))
            if len(labels) != len(images) or labels.dtype != torch.int64:
                raise InvalidInput(
                    f"{part}_labels: got {len(labels)} of {labels.dtype}, expected {len(images)} of torch.int64."
                )
        if self.shape != tuple(self.test_images.shape[1:]):
            raise InvalidInput(f"test_images: got {tuple(self.test_images.shape[1:])}, expected {self.shape} each.")
        if self.mean is None:
            mean, std = _moments(self.train_images)
            object.__setattr__(self, "mean", mean)
            object.__setattr__(self, "std", std)
        object.__setattr__(self, "classes", tuple(self.classes))
        if not (self.std > 0).all():
            raise InvalidInput("train_images: got a channel of one constant value, which cannot be normalised.")

    def __repr__(self):
        shape = "×".join(map(str, self.shape))
        return (
            f"Dataset({self.name}: {len(self.train_images):,} training and {len(self.test_images):,} test images "
            f"of {shape}, {len(self.classes)} classes)"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return tuple(self.train_images.shape[1:])

    def to(self, device) -> "Dataset":
        """The same data on another device, still as bytes."""
        moved = copy.copy(self)  # no need to check it again
        for name in (*TENSORS, "mean", "std"):
            object.__setattr__(moved, name, getattr(self, name).to(device))
        return moved

    def normalize(self, images: Tensor) -> Tensor:
        """(images − mean) / std per channel, (N, C, H, W) float32 on the device of `images`.

        >>> digits = load("digits")
        >>> digits.normalize(digits.train_images).std().round(decimals=3)
        tensor(1.)
        """
        _check_images("images", images)
        mean, std = (statistic.to(images.device)[:, None, None] for statistic in (self.mean, self.std))
        if images.shape[1] != len(mean):
            raise InvalidInput(f"images: got {images.shape[1]} channels, expected {len(mean)}.")
        return images.to(torch.float32).sub_(mean).div_(std)


def load(name: str, folder=None, size: int | None = None) -> Dataset:
    """The data set of that name, fetched first if need be.

    - `digits`: 1,797 real handwritten digits of 8×8 pixels with values 0 … 16 (scikit-learn). A fixed random choice
      of 50 of each class is the test set, 1,297 remain for training.
    - `mnist`: 70,000 handwritten digits of 28×28 pixels with values 0 … 255, 10,000 of them its own test set.
    - `cifar10`: 60,000 colour photographs of 32×32 pixels in ten classes, 10,000 of them its own test set.
    - `imagenette`: 13,394 photographs in ten classes of ImageNet, 3,925 of them its own test set, each cut to its
      central square and resized once to `size` × `size` pixels (default 96).

    Classes are mixed evenly, so that the first n images are a fair sample. `folder` replaces the cache folder.

    Raises `UnknownName`, `InvalidInput` for a size where there is none to choose, and `Unavailable` when there is
    neither a file nor a network: it says which file goes where.
    """
    path = cached(name, folder, size)
    size = size or sources.SOURCES[name].size
    if not sources.SOURCES[name].files:
        tensors, classes = sources.read(name)
        return Dataset(name=name, classes=classes, **tensors)
    if path.exists():
        try:
            return _opened(_label(name, size), path)
        except DamagedFile as damage:
            print(damage, file=sys.stderr)
    _make(name, path, size)
    return _opened(_label(name, size), path)


def cached(name: str, folder=None, size: int | None = None) -> Path:
    """Where the file of a data set is kept: in `folder`, else in IBTEACH_DATA, else in the user's cache folder."""
    source = sources.SOURCES[checks.known("data set", name, sources.SOURCES)]
    if size is not None:
        if source.size is None:
            raise InvalidInput(f"size: got {size!r}, but the images of {name} have one size; leave it out.")
        checks.whole("size", size, minimum=8, maximum=512)
    folder = folder or os.environ.get("IBTEACH_DATA") or platformdirs.user_cache_path("ibteach")
    return Path(folder).expanduser() / f"ibteach-{_label(name, size or source.size)}-v{VERSION}.safetensors"


def _label(name, size) -> str:
    return f"{name}-{size}" if size else name


def _make(name, path, size=None):
    started = time.perf_counter()
    tensors, classes = sources.read(name, path, size)
    dataset = Dataset(name=_label(name, size), classes=classes, **tensors)  # checks it, before anything is written
    content = {"name": dataset.name, "classes": dataset.classes}
    content |= {"mean": dataset.mean.tolist(), "std": dataset.std.tolist()}
    files.save(path, KIND, VERSION, tensors, content)
    print(f"{path}: written in {time.perf_counter() - started:.1f} s.", file=sys.stderr)


def _opened(name, path) -> Dataset:
    remedy = "It is made anew."
    tensors, content = files.load(path, KIND, VERSION, remedy)
    try:
        if content.pop("name") != name:
            raise InvalidInput("it is another data set")
        mean, std = (torch.tensor(content.pop(statistic)) for statistic in ("mean", "std"))
        return Dataset(name=name, mean=mean, std=std, **content, **tensors)
    except (InvalidInput, TypeError, LookupError, AttributeError, ValueError) as error:
        raise DamagedFile(f"{path}: is not a whole data set ({error}). {remedy}") from error


def _check_images(name, images):
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        came = f"dtype {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise InvalidInput(f"{name}: got {came}, expected a uint8 torch tensor (N, C, H, W): images are kept as bytes.")
    if images.ndim != 4 or 0 in images.shape:
        raise InvalidInput(f"{name}: got shape {tuple(images.shape)}, expected (N, C, H, W), every axis at least 1.")


def _moments(images) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, exact: from the counts of the 256 possible values."""
    counts = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]).double()
    probability, value = counts / counts.sum(1, keepdim=True), torch.arange(256, dtype=torch.float64)
    mean = probability @ value
    variance = (probability * (value - mean[:, None]) ** 2).sum(1)
    return mean.float(), variance.sqrt().float()
