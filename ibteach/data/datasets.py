"""Data sets whole in memory as bytes: real images, a fixed split, normalised on the device where they are used.

A data set is one `Dataset` of uint8 tensors. `load` gets it by name: `digits` comes with scikit-learn; every other
is fetched once (`ibteach.data.sources` says how). `load_folder` reads pictures of your own (`ibteach.data.folders`),
and `load` calls it where the name is that of a folder. Both keep what they made as one sealed file, memory-mapped when
it is read, in the user's cache folder or in the folder that the environment variable IBTEACH_DATA names.
"""

import copy
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor

from ibteach import checks, files
from ibteach.data import folders, sources
from ibteach.errors import DamagedFile, InvalidInput, Unavailable, UnknownName

KIND, VERSION = "data set", 1
TENSORS = ("train_images", "train_labels", "test_images", "test_labels")
STORED = (*TENSORS, "mean", "std")
FOLDER_SIZE = 96
"""Height and width of pictures of one's own, where none is asked for."""


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
    mean: Tensor = None  # pyright: ignore[reportAssignmentType]  # that of the training images
    std: Tensor = None  # pyright: ignore[reportAssignmentType]

    def __post_init__(self):
        classes = checks.several("classes", self.classes)
        if not all(isinstance(one, str) for one in classes):
            raise InvalidInput(f"classes: got {classes!r}, expected their names, as text.")
        object.__setattr__(self, "classes", classes)
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            check_images(f"{part}_images", images)
            checks.labels(f"{part}_labels", labels, "N", len(self.classes))
            if len(labels) != len(images) or labels.dtype != torch.int64:
                raise InvalidInput(
                    f"{part}_labels: got {len(labels)} of {labels.dtype}, expected {len(images)} of torch.int64."
                )
        if self.shape != tuple(self.test_images.shape[1:]):
            raise InvalidInput(f"test_images: got {tuple(self.test_images.shape[1:])}, expected {self.shape} each.")
        if self.mean is None or self.std is None:
            mean, std = _moments(self.train_images)
            object.__setattr__(self, "mean", mean if self.mean is None else self.mean)
            object.__setattr__(self, "std", std if self.std is None else self.std)
        for name in ("mean", "std"):
            if len(checks.real(name, getattr(self, name), "C")) != self.shape[0]:
                raise InvalidInput(f"{name}: got {len(getattr(self, name))} channels, expected {self.shape[0]}.")
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
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits over all images and labels, classes, mean and std: what the data are, not their name.

        The SHA-256 is taken of what is there now, each time: a quarter of a second for CIFAR-10.

        >>> digits = load("digits")
        >>> renamed = dataclasses.replace(digits, name="mine")
        >>> relabelled = dataclasses.replace(digits, train_labels=9 - digits.train_labels)
        >>> renamed.fingerprint == digits.fingerprint, relabelled.fingerprint == digits.fingerprint
        (True, False)
        """
        tensors = {name: getattr(self, name).detach().cpu() for name in STORED}
        return files.digest(tensors, files.as_json("classes", self.classes))

    def to(self, device: str | torch.device) -> "Dataset":
        """The same data on another device, still as bytes."""
        moved = copy.copy(self)  # no need to check it again
        for name in STORED:
            object.__setattr__(moved, name, getattr(self, name).to(device))
        return moved

    def normalize(self, images: Tensor) -> Tensor:
        """(images − mean) / std per channel, (N, C, H, W) float32 on the device of `images`.

        >>> digits = load("digits")
        >>> digits.normalize(digits.train_images).std().round(decimals=3)
        tensor(1.)
        """
        check_images("images", images)
        mean, std = (statistic.to(images.device)[:, None, None] for statistic in (self.mean, self.std))
        if images.shape[1] != len(mean):
            raise InvalidInput(f"images: got {images.shape[1]} channels, expected {len(mean)}.")
        return images.to(torch.float32).sub_(mean).div_(std)


def load(
    name: str | Path,
    folder: files.PathLike | None = None,
    size: int | None = None,
    *,
    convert: bool = False,
    skip: bool = False,
) -> Dataset:
    """The data set of that name, fetched first if need be, or the pictures in the folder of that name (`load_folder`).

    - `digits`: 1,797 real handwritten digits of 8×8 pixels with values 0 … 16 (scikit-learn). A fixed random choice
      of 50 of each class is the test set, 1,297 remain for training.
    - `mnist`: 70,000 handwritten digits of 28×28 pixels with values 0 … 255, 10,000 of them its own test set, in their
      own order: the first half of the test set is nearly twice as hard as the second.
    - `cifar10`: 60,000 colour photographs of 32×32 pixels in ten classes, 10,000 of them its own test set.
    - `imagenette`: 13,394 photographs in ten classes of ImageNet, 3,925 of them its own test set, each cut to its
      central square and resized once to `size` × `size` pixels (default 96).

    In all but MNIST classes are mixed evenly, so that the first n images are a fair sample. `folder` replaces the cache
    folder; `convert` and `skip` are for pictures of your own.

    Raises `UnknownName`, `InvalidInput` for a size where there is none to choose, and `Unavailable` when there is
    neither a file nor a network: it says which file goes where. For a folder, what `load_folder` raises.
    """
    if is_folder(name):
        return load_folder(name, FOLDER_SIZE if size is None else size, convert=convert, skip=skip, folder=folder)
    if convert or skip:
        raise InvalidInput(f"convert, skip: got one for {name!r}, but they are for folders of pictures; leave it out.")
    name = str(name) if isinstance(name, Path) else name
    path = cached(name, folder, size)
    size = size or sources.SOURCES[name].size
    if not sources.SOURCES[name].files:
        tensors, classes = sources.read(name)
        return Dataset(name=name, classes=classes, **tensors)
    return _kept(_label(name, size), path, lambda: sources.read(name, path, size))


def is_folder(name: str | Path) -> bool:
    """Whether `load` takes a name for a folder of pictures: a path, or a folder here that no data set is called like.

    >>> is_folder("digits"), is_folder("./digits"), is_folder("minst")
    (False, True, False)
    """
    if isinstance(name, os.PathLike):
        return True
    separators = "/" + os.sep
    return (
        isinstance(name, str)
        and name not in sources.SOURCES
        and (any(each in name for each in separators) or os.path.isdir(os.path.expanduser(name)))
    )


def load_folder(
    path: files.PathLike,
    size: int = FOLDER_SIZE,
    *,
    convert: bool = False,
    skip: bool = False,
    folder: files.PathLike | None = None,
) -> Dataset:
    """Pictures of your own, from ``path/train/CLASS/*.jpg`` and ``path/test/CLASS/*.jpg``.

    The names of the CLASS folders are the classes, sorted. Each picture (JPEG, PNG, WebP, BMP, GIF, TIFF, PPM or PGM,
    of any size) is set upright, cut to its central square and resized once to `size` × `size` pixels. The classes are
    mixed evenly, in an order that depends on the pictures alone. The result is kept like any other data set; change a
    picture and it is made anew. `folder` replaces the cache folder.

    Pictures that are broken or not RGB are an error that names them, unless one of these is asked for:

    - `convert`: greyscale, palette, CMYK and transparent pictures become RGB, without their transparency
    - `skip`: what cannot be used is left out, and named on stderr

    Raises `InvalidInput` for a folder of another form, fewer than two classes, classes without pictures or that
    differ between train and test, and pictures that are not RGB; `DamagedFile` for broken pictures; `Unavailable` when
    the result cannot be kept, as on a full disk. What was kept before is then untouched.

    >>> import tempfile
    >>> from PIL import Image
    >>> pets = Path(tempfile.mkdtemp()) / "pets"
    >>> for spread, name in enumerate(["train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"]):
    ...     (pets / name).parent.mkdir(parents=True)
    ...     Image.effect_noise((30, 20), 10 * spread).convert("RGB").save(pets / name)
    >>> load_folder(pets, size=8, folder=pets)
    Dataset(folder-pets-8: 2 training and 2 test images of 3×8×8, 2 classes)
    """
    size = checks.whole("size", size, minimum=8, maximum=512)
    path = files.expanded(path)
    try:
        pictures = folders.find(path.resolve())
        fingerprint = pictures.fingerprint
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read ({error}).") from error
    name = _label(f"folder-{pictures.folder.name[:40]}", size)
    options = "-convert" * bool(convert) + "-skip" * bool(skip)
    kept = _folder(folder) / f"ibteach-{name}-{fingerprint}{options}-v{VERSION}.safetensors"

    def read():
        sources.room(kept.parent, 3e-6 * size**2 * pictures.count)
        tensors, left_out = folders.read(pictures, size, convert, skip)
        if left_out:
            print(left_out, file=sys.stderr)
        return sources.mixed(tensors), pictures.classes

    return _kept(name, kept, read)


def cached(name: str, folder: files.PathLike | None = None, size: int | None = None) -> Path:
    """Where the file of a data set is kept: in `folder`, else in IBTEACH_DATA, else in the user's cache folder."""
    try:
        source = sources.SOURCES[checks.known("data set", name, sources.SOURCES)]
    except UnknownName as error:
        raise UnknownName(f"{error} And there is no folder of pictures called so.") from None
    if size is not None:
        if source.size is None:
            raise InvalidInput(f"size: got {size!r}, but the images of {name} have one size; leave it out.")
        checks.whole("size", size, minimum=8, maximum=512)
    return _folder(folder) / f"ibteach-{_label(name, size or source.size)}-v{VERSION}.safetensors"


def _folder(folder) -> Path:
    if folder is None:
        folder = os.environ.get("IBTEACH_DATA") or platformdirs.user_cache_path("ibteach")
    return files.expanded(folder, "folder")


def _label(name, size) -> str:
    return f"{name}-{size}" if size else name


def _kept(name, path, read) -> Dataset:
    """The data set of a file, which is first made from what `read` returns where there is no whole one."""
    if path.exists():
        try:
            return _opened(name, path)
        except DamagedFile as damage:
            print(damage, file=sys.stderr)
    _make(name, path, read)
    return _opened(name, path)


def _make(name, path, read):
    started = time.perf_counter()
    tensors, classes = read()
    dataset = Dataset(name=name, classes=classes, **tensors)  # checks it, before anything is written
    content = {"name": dataset.name, "classes": dataset.classes}
    content |= {"mean": dataset.mean.tolist(), "std": dataset.std.tolist()}
    files.save_tensors(path, KIND, VERSION, tensors, content)
    print(f"{path}: written in {time.perf_counter() - started:.1f} s.", file=sys.stderr)


def _opened(name, path) -> Dataset:
    remedy = "It is made anew."
    tensors, content = files.load_tensors(path, KIND, VERSION, remedy)
    try:
        if content.pop("name") != name:
            raise InvalidInput("it is another data set")
        mean, std = (torch.tensor(content.pop(statistic)) for statistic in ("mean", "std"))
        content.pop("fingerprint", None)  # of files of earlier versions
        fields: dict[str, Any] = {**content, **tensors}
        return Dataset(name=name, mean=mean, std=std, **fields)
    except (InvalidInput, TypeError, LookupError, AttributeError, ValueError) as error:
        raise DamagedFile(f"{path}: is not a whole data set ({error}). {remedy}") from error


def check_data(name: str, data: Any) -> None:
    """Raise `InvalidInput` for what is no Dataset."""
    if not isinstance(data, Dataset):
        raise InvalidInput(f"{name}: got {type(data).__name__}, expected a Dataset, such as data.load returns.")


def check_images(name: str, images: Any) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        came = f"dtype {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise InvalidInput(f"{name}: got {came}, expected a uint8 torch tensor (N, C, H, W): images are kept as bytes.")
    checks.dense(name, images)
    if images.ndim != 4 or 0 in images.shape:
        raise InvalidInput(f"{name}: got shape {tuple(images.shape)}, expected (N, C, H, W), every axis at least 1.")


def _moments(images) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, exact: from the counts of the 256 possible values."""
    counts = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]).double()
    probability, value = counts / counts.sum(1, keepdim=True), torch.arange(256, dtype=torch.float64)
    mean = probability @ value
    variance = (probability * (value - mean[:, None]) ** 2).sum(1)
    return mean.float(), variance.sqrt().float()
