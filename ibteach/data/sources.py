"""Where data sets come from: one table, and one way to read or download what it names.

Each source is a function that reads a data set from a folder, downloading it there first when it is told to.
Files that lie in the cache folder already are used without a network; so is NAME.safetensors, a file of the four
tensors that anyone may prepare. A download goes to a folder of its own that
is gone afterwards, so that a part of it can never be taken for the whole.
"""

import contextlib
import dataclasses
import functools
import hashlib
import http.client
import json
import queue
import shutil
import socket
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ibteach import files
from ibteach.data import folders
from ibteach.errors import DamagedFile, Unavailable

ATTEMPTS = 2
CONNECT = 8.0  # seconds until a server that never answered counts as out of reach: a network may swallow all it is sent
PATIENCE = 30.0  # seconds without a byte until one that did answer counts as gone
BROKEN = (  # what reading or downloading half of something may raise
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, AssertionError),
    *(http.client.HTTPException, tarfile.TarError, zlib.error),
)

Contents = tuple[dict[str, Tensor], tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Source:
    """One data set: how it is read from a folder, and what that takes.

    `read(folder, download)` returns the four tensors and the names of the classes; with a default `size`, it takes
    the height and width to resize to as well. `files` are what lies in the folder when no download is needed (none:
    the data come with a library); `megabytes` is the disk space that downloading and keeping it takes; `mixed` says
    that its own order of images means nothing; `digest` is the SHA-256 of the tensors, where it is known.
    """

    read: Callable[..., Contents]
    files: tuple[str, ...] = ()
    megabytes: int = 0
    size: int | None = None
    mixed: bool = False
    digest: str | None = None


def read(name: str, path: Path | None = None, size: int | None = None) -> Contents:
    """The tensors and classes of source `name`, from the files beside `path` or from the network.

    Raises `Unavailable` when neither has it; the message says which file goes where.
    """
    source = SOURCES[name]
    if path is None or not source.files:
        return source.read(Path(), False)
    folder, reasons = path.parent, []
    for opened, reader in _attempts(name, source, folder, {"size": size} if source.size else {}):
        try:
            with opened as where:
                tensors, classes = reader(where)
                tensors = mixed(tensors) if source.mixed else tensors
                if source.digest and files.digest(tensors) != source.digest:
                    raise DamagedFile("the SHA-256 of images and labels is not that of the original")
                return tensors, classes
        except BROKEN as error:
            reasons.append(" ".join(str(error).split()) or type(error).__name__)
            print(f"{name}: damaged or out of reach ({reasons[-1]}).", file=sys.stderr)
            if isinstance(error, _Silent):
                break  # who waited once need not wait twice
    raise Unavailable(
        f"{name}: could not be had ({'; '.join(dict.fromkeys(reasons))}). Without a network: copy {path.name} into "
        f"{folder} from a machine where `ibteach data {name} --to FOLDER` wrote it to FOLDER (a memory stick will do), "
        f"or put there {', '.join(source.files)}. The environment variable IBTEACH_DATA names another folder."
    )


def _attempts(name, source, folder, size):
    """What there is to try, as pairs of a context that opens a folder and a function that reads it."""
    if not source.size and (folder / f"{name}.safetensors").exists():
        yield contextlib.nullcontext(folder / f"{name}.safetensors"), _prepared
    if all((folder / file).exists() for file in source.files):
        yield contextlib.nullcontext(folder), functools.partial(source.read, download=False, **size)
    for _ in range(ATTEMPTS):
        yield _download(source, folder), functools.partial(source.read, download=True, **size)


def _prepared(path) -> Contents:
    """The four tensors from a safetensors file that anyone may have made; its metadata has the classes as JSON."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            return tensors, tuple(json.loads(file.metadata()["classes"]))
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path} is not a safetensors file of a data set: {error}") from error


def _places(count, random) -> np.ndarray:
    """Random places in 0 … 1 for the images of one class, evenly, so that any stretch is a fair sample of classes."""
    return (np.arange(count) + random.random_sample(count)) / count


def mixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same images in an order that is fixed whatever order they came in, with the classes evenly mixed."""
    random, ordered = np.random.RandomState(0), {}
    for part in ("train", "test"):
        images, labels = tensors[f"{part}_images"], tensors[f"{part}_labels"]
        names = [hashlib.sha256(image).digest() for image in images.numpy()]
        ranked = np.array(sorted(range(len(names)), key=lambda index: (names[index], labels[index].item())))
        place = np.empty(len(labels))
        for label in labels.unique():
            own = random.permutation(ranked[labels[ranked] == label])
            place[own] = _places(len(own), random)
        order = torch.from_numpy(np.argsort(place))
        ordered |= {f"{part}_images": images[order], f"{part}_labels": labels[order]}
    return ordered


def room(folder: Path, megabytes: float) -> None:
    """Make `folder`, and raise `Unavailable` where it cannot be made or has less space than that."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        raise Unavailable(f"{folder}: cannot be written ({error}); choose another by IBTEACH_DATA") from error
    if free < megabytes:
        raise Unavailable(f"{free:,.0f} MB are free in {folder}, it takes {megabytes:,.0f} MB")


@contextlib.contextmanager
def _download(source, folder):
    """A folder for one download, which is gone afterwards."""
    room(folder, source.megabytes)
    with _impatient(), files.temporary(folder) as temporary:
        print(f"downloading to {folder} …", file=sys.stderr)
        yield temporary


class _Silent(TimeoutError):
    """A server that did not answer in time."""


@contextlib.contextmanager
def _impatient():
    """Within it servers have `CONNECT` seconds to answer, and then `PATIENCE` to go on: urllib waits for ever.

    The time to connect is that of all addresses of a host together, and of asking for them, which no timeout of a
    socket covers; hence the thread. A host that was silent is not asked again: torchvision tries each three times.
    """
    before, connect, silent = socket.getdefaulttimeout(), socket.create_connection, []

    def connected(address, timeout=None, *arguments, **options):
        if timeout is None or isinstance(timeout, int | float):  # somebody's who knows how long to wait
            return connect(address, timeout, *arguments, **options)
        if address[0] not in silent:
            answer, late = queue.SimpleQueue(), threading.Event()

            def ask():
                try:
                    came = connect(address, CONNECT, *arguments, **options)
                except OSError as error:
                    came = error
                if late.is_set() and isinstance(came, socket.socket):
                    came.close()
                answer.put(came)

            threading.Thread(target=ask, daemon=True).start()
            with contextlib.suppress(queue.Empty):
                came = answer.get(timeout=CONNECT)
                if isinstance(came, socket.socket):
                    came.settimeout(before or PATIENCE)
                    return came
                if not isinstance(came, TimeoutError):
                    raise came
            late.set()
            silent.append(address[0])
        raise _Silent(f"{address[0]} did not answer within {CONNECT:g} s")

    socket.setdefaulttimeout(before or PATIENCE)
    socket.create_connection = connected
    try:
        yield
    except BROKEN as error:
        # Of several mirrors torchvision says only that all failed; what a socket waited for may be wrapped.
        if silent or isinstance(getattr(error, "reason", error), TimeoutError):
            raise _Silent(str(error)) from error
        raise
    finally:
        socket.create_connection = connect
        socket.setdefaulttimeout(before)


# The table


def _digits(folder, download) -> Contents:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    random = np.random.RandomState(0)  # its numbers are the same in every version of numpy
    index, place = {"train": [], "test": []}, {"train": [], "test": []}
    for digit in range(10):
        own = random.permutation(np.flatnonzero(bunch.target == digit))
        for part, chosen in (("test", own[:50]), ("train", own[50:])):
            index[part].append(chosen)
            place[part].append(_places(len(chosen), random))
    tensors = {}
    for part in index:
        order = np.concatenate(index[part])[np.argsort(np.concatenate(place[part]))]
        tensors[f"{part}_images"] = torch.from_numpy(bunch.images[order].astype(np.uint8))[:, None]
        tensors[f"{part}_labels"] = torch.from_numpy(bunch.target[order].astype(np.int64))
    return tensors, tuple("0123456789")


def _mnist(folder, download) -> Contents:
    from torchvision.datasets import MNIST
    from torchvision.datasets.mnist import read_image_file, read_label_file

    if download:
        MNIST(folder, download=True)
    tensors = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        tensors[f"{part}_images"] = read_image_file(folder / "MNIST/raw" / f"{prefix}-images-idx3-ubyte")[:, None]
        tensors[f"{part}_labels"] = read_label_file(folder / "MNIST/raw" / f"{prefix}-labels-idx1-ubyte")
    return tensors, tuple("0123456789")


def _cifar10(folder, download) -> Contents:
    from torchvision.datasets import CIFAR10

    tensors = {}
    for part, train in (("train", True), ("test", False)):
        original = CIFAR10(folder, train=train, download=download)
        tensors[f"{part}_images"] = torch.from_numpy(original.data).permute(0, 3, 1, 2).contiguous()
        tensors[f"{part}_labels"] = torch.tensor(original.targets)
    return tensors, tuple(original.classes)


def _imagenette(folder, download, size) -> Contents:
    from torchvision.datasets import Imagenette

    room(folder, 3e-6 * size**2 * sum(IMAGENETTE.values()))
    tensors = {}
    for part, split in (("train", "train"), ("test", "val")):
        original = Imagenette(folder, split, size="160px", download=download and part == "train", loader=Path)
        images = [original[index] for index in range(len(original))]
        if len(images) != IMAGENETTE[split]:
            raise DamagedFile(f"{folder} has {len(images):,} images of imagenette's {split}, not {IMAGENETTE[split]:,}")
        tensors[f"{part}_images"], broken = folders.decoded([path for path, _ in images], size, convert=True)
        if broken:
            first, error = next(iter(broken.items()))
            raise DamagedFile(f"{images[first][0]} {error}, one of {len(broken)}")
        tensors[f"{part}_labels"] = torch.tensor([label for _, label in images])
    return tensors, tuple(names[0] for names in original.classes)


IMAGENETTE = {"train": 9469, "val": 3925}
SOURCES = {
    "digits": Source(_digits),
    "mnist": Source(
        _mnist,
        files=tuple(
            f"MNIST/raw/{part}-ubyte"
            for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        ),
        megabytes=130,
        digest="dcb49a55a66b60c77093efdd8b2d4ed67d3ab8dcc97896ce82c12c718a1a9456",
    ),
    "cifar10": Source(
        _cifar10,
        files=("cifar-10-batches-py",),
        megabytes=600,
        mixed=True,
        digest="e1aa9ef84be3b03117a8ddc12d6cd75c7a7527a14ea880e69fbc9ced6102a657",
    ),
    "imagenette": Source(
        _imagenette,
        files=("imagenette2-160/train", "imagenette2-160/val"),
        megabytes=700,
        size=96,
        mixed=True,
    ),
}
