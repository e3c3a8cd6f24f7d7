"""Where data sets come from: one table, and one way to read or download what it names.

Each source is a function that reads a data set from a folder, downloading it there first when it is told to.
Files that lie in the cache folder already are used without a network. A download goes to a folder of its own that
is gone afterwards, so that a part of it can never be taken for the whole.
"""

import contextlib
import dataclasses
import http.client
import shutil
import socket
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ibteach import files
from ibteach.errors import DamagedFile, Unavailable

ATTEMPTS = 2
PATIENCE = 30  # seconds without a byte until a server counts as gone
BROKEN = (  # what reading or downloading half of something may raise
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, AssertionError),
    *(http.client.HTTPException, tarfile.TarError, zlib.error),
)

Contents = tuple[dict[str, Tensor], tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Source:
    """One data set: how it is read from a folder, and what that takes.

    `read(folder, download)` returns the four tensors and the names of the classes. `files` are what lies in the
    folder when no download is needed (none: the data come with a library); `megabytes` is the disk space that
    downloading and keeping it takes; `digest` is the SHA-256 of the tensors, where it is known.
    """

    read: Callable[[Path, bool], Contents]
    files: tuple[str, ...] = ()
    megabytes: int = 0
    digest: str | None = None


def read(name: str, path: Path | None = None) -> Contents:
    """The tensors and classes of source `name`, from the files beside `path` or from the network.

    Raises `Unavailable` when neither has it; the message says which file goes where.
    """
    source = SOURCES[name]
    if not source.files:
        return source.read(Path(), False)
    folder, reasons = path.parent, []
    for attempt in _attempts(source, folder):
        try:
            with attempt as (where, download):
                tensors, classes = source.read(where, download)
                if source.digest and files.digest(tensors) != source.digest:
                    raise DamagedFile("the SHA-256 of images and labels is not that of the original")
                return tensors, classes
        except BROKEN as error:
            reasons.append(" ".join(str(error).split()) or type(error).__name__)
            print(f"{name}: damaged or out of reach ({reasons[-1]}).", file=sys.stderr)
    raise Unavailable(
        f"{name}: could not be had ({'; '.join(dict.fromkeys(reasons))}). Without a network: copy {path.name} into "
        f"{folder} from a machine where `ibteach data {name} --to FOLDER` wrote it to FOLDER (a memory stick will do), "
        f"or put there {', '.join(source.files)}. The environment variable IBTEACH_DATA names another folder."
    )


def _attempts(source, folder):
    """The folder as it is, if all files are there, then fresh downloads: contexts that give (folder, download)."""
    if all((folder / file).exists() for file in source.files):
        yield contextlib.nullcontext((folder, False))
    for _ in range(ATTEMPTS):
        yield _download(source, folder)


@contextlib.contextmanager
def _download(source, folder):
    """A folder for one download, which is gone afterwards; a server that sends nothing is not waited for for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e6
    if free < source.megabytes:
        raise OSError(f"{free:,.0f} MB are free in {folder}, it takes {source.megabytes:,} MB")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(before or PATIENCE)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            print(f"downloading to {folder} …", file=sys.stderr)
            yield Path(temporary), True
    finally:
        socket.setdefaulttimeout(before)


# The table


def _digits(folder, download) -> Contents:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    random = np.random.RandomState(0)  # its numbers are the same in every version of numpy
    index, place = {"train": [], "test": []}, {"train": [], "test": []}
    for digit in range(10):
        own = random.permutation(np.flatnonzero(bunch.target == digit))
        for part, chosen in (("test", own[:50]), ("train", own[50:])):
            index[part].append(chosen)  # spread evenly, so that any stretch is a fair sample of the classes
            place[part].append((np.arange(len(chosen)) + random.random_sample(len(chosen))) / len(chosen))
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


SOURCES = {
    "digits": Source(_digits),
    "mnist": Source(
        _mnist,
        files=tuple(
            f"MNIST/raw/{file}-ubyte"
            for file in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        ),
        megabytes=130,
        digest="dcb49a55a66b60c77093efdd8b2d4ed67d3ab8dcc97896ce82c12c718a1a9456",
    ),
}
