"""Data sets: the split is fixed and fair, and nothing that is half there is ever taken for the whole."""

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.server
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR10, MNIST

from ibteach import errors, files
from ibteach.data import datasets, sources
from ibteach.data.datasets import Dataset
from ibteach.data.label_noise import with_random_labels

RAW = "MNIST/raw"


# Digits


def test_digits_are_all_of_scikit_learns_each_once():
    digits = datasets.load("digits")
    bunch = load_digits()
    ours = torch.cat([digits.train_images, digits.test_images]).flatten(1).numpy()
    labels = torch.cat([digits.train_labels, digits.test_labels]).numpy()
    table = lambda images, target: sorted(map(tuple, np.column_stack([images, target]).astype(int)))  # noqa: E731
    assert table(ours, labels) == table(bunch.data, bunch.target)
    assert digits.shape == (1, 8, 8) and digits.classes == tuple("0123456789")
    assert (ours.min(), ours.max()) == (0, 16)


def test_the_split_of_digits_is_fixed_balanced_and_mixed():
    digits = datasets.load("digits")
    assert len(digits.train_labels) == 1297
    assert digits.test_labels.bincount().tolist() == [50] * 10
    for labels in (digits.train_labels, digits.test_labels):
        first = labels[:200].bincount(minlength=10)
        assert first.min() >= 18 and first.max() <= 22
    tensors = {name: getattr(digits, name) for name in datasets.TENSORS}
    assert files.digest(tensors) == "7cca8de0f767a0034808d180bd6e603b8e1ef46a0725f1b0b8f859254fed3967"


# A data set


def example(**changes):
    random = np.random.RandomState(0)
    images = torch.from_numpy(random.randint(0, 256, (12, 3, 4, 5), dtype=np.uint8))
    labels = torch.arange(12) % 3
    given = {"train_images": images, "train_labels": labels, "test_images": images[:6], "test_labels": labels[:6]}
    return {"name": "example", "classes": ("a", "b", "c"), **given, **changes}


def test_normalize_agrees_with_numpy_and_leaves_the_bytes_alone():
    dataset = Dataset(**example())
    pixels = dataset.train_images.numpy().astype(np.float64)
    mean, std = pixels.mean((0, 2, 3), keepdims=True), pixels.std((0, 2, 3), keepdims=True)
    before = dataset.train_images.clone()
    normalized = dataset.normalize(dataset.train_images)
    assert normalized.dtype == torch.float32
    np.testing.assert_allclose(normalized.numpy(), (pixels - mean) / std, rtol=1e-5, atol=1e-6)
    assert torch.equal(before, dataset.train_images)


def test_to_moves_every_tensor():
    moved = Dataset(**example()).to("meta")
    assert {getattr(moved, name).device.type for name in (*datasets.TENSORS, "mean", "std")} == {"meta"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_normalize_on_a_gpu_agrees_with_the_cpu():
    dataset = Dataset(**example())
    there = dataset.to("cuda")
    assert there.train_images.dtype == torch.uint8
    normalized = there.normalize(there.train_images)
    assert normalized.device.type == "cuda"
    torch.testing.assert_close(normalized.cpu(), dataset.normalize(dataset.train_images))


# Its fingerprint


def changed(dataset, name):
    tensor = getattr(dataset, name).clone()
    tensor.flatten()[0] = (tensor.flatten()[0] + 1) % 3
    return dataclasses.replace(dataset, **{name: tensor})


def test_the_fingerprint_is_of_the_content():
    dataset = Dataset(**example())
    assert Dataset(**example(name="another", mean=dataset.mean.clone())).fingerprint == dataset.fingerprint
    others = [changed(dataset, name) for name in (*datasets.TENSORS, "mean", "std")]
    others += [dataclasses.replace(dataset, classes=("a", "c", "b"))]
    others += [
        dataclasses.replace(dataset, train_labels=dataset.train_labels[:11], train_images=others[0].train_images[:11])
    ]
    others += [with_random_labels(dataset, 0.5, seed) for seed in (0, 1)]
    assert len({other.fingerprint for other in [dataset, *others]}) == len(others) + 1
    assert others[-1].name == "example, 50% random labels (seed 1)" != others[-2].name


def test_random_labels_are_named_by_their_share_however_small():
    named = [with_random_labels(Dataset(**example()), share).name for share in (0.004, 0.125, 0.29, 1)]
    assert named == [f"example, {share}% random labels" for share in ("0.4", "12.5", "29", "100")]


def test_what_is_changed_in_place_has_another_fingerprint():
    dataset = Dataset(**example())
    first, copied = dataset.fingerprint, dataset.to("cpu")
    dataset.train_labels[:2] = torch.tensor([2, 2])
    assert dataset.fingerprint != first
    assert copied.fingerprint == dataset.fingerprint  # they share their tensors
    dataset.train_labels[:2] = torch.tensor([0, 1])
    assert dataset.fingerprint == first
    labels = dataset.train_labels.numpy()  # of which torch knows nothing
    labels[:2] = labels[1::-1]
    assert dataset.fingerprint != first
    labels[:2] = labels[1::-1]
    with torch.inference_mode():
        assert Dataset(**example()).fingerprint == first


def test_a_file_of_an_earlier_version_is_read(small):
    contents, _, folder = small
    lay_out(folder, contents)
    first = datasets.load("mnist").fingerprint
    path = datasets.cached("mnist")
    tensors, content = files.load_tensors(path, datasets.KIND, datasets.VERSION, "")
    files.save_tensors(path, datasets.KIND, datasets.VERSION, tensors, {**content, "fingerprint": "0" * 64})
    before = path.stat().st_mtime_ns
    assert datasets.load("mnist").fingerprint == first and path.stat().st_mtime_ns == before


BAD = {
    "images real": {"train_images": torch.rand(12, 3, 4, 5)},
    "images of numpy": {"train_images": np.zeros((12, 3, 4, 5), np.uint8)},
    "images without channels": {"train_images": torch.zeros(12, 4, 5, dtype=torch.uint8)},
    "no images": {"train_images": torch.zeros(0, 3, 4, 5, dtype=torch.uint8)},
    "images all the same": {"train_images": torch.zeros(12, 3, 4, 5, dtype=torch.uint8)},
    "too few labels": {"train_labels": torch.zeros(11, dtype=torch.int64)},
    "labels of 32 bits": {"test_labels": torch.zeros(6, dtype=torch.int32)},
    "label out of range": {"test_labels": torch.full((6,), 3)},
    "label negative": {"test_labels": torch.full((6,), -1)},
    "mean NaN": {"mean": torch.full((3,), torch.nan)},
    "mean of other channels": {"mean": torch.ones(2)},
    "std alone, a list": {"std": [1.0, 1.0, 1.0]},
    "classes of no text": {"classes": ["a", "b", float("nan")]},
    "classes as one text": {"classes": "abc"},
    "std zero": {"std": torch.zeros(3)},
    "other test images": {"test_images": torch.ones(6, 1, 4, 5, dtype=torch.uint8)},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_is_no_data_set_is_refused(change):
    with pytest.raises(errors.InvalidInput, match="got"):
        Dataset(**example(**change))


@pytest.mark.parametrize("folder", [3, "zero\0byte", b"bytes"], ids=str)
def test_what_names_no_folder_is_refused(folder):
    for use in (datasets.load, datasets.cached):
        with pytest.raises(errors.InvalidInput, match="folder: got"):
            use("mnist", folder)
    with pytest.raises(errors.InvalidInput, match="path: got"):
        datasets.load_folder(folder)


def test_classes_may_come_one_by_one():
    assert Dataset(**example(classes=(one for one in "abc"))).classes == ("a", "b", "c")


@pytest.mark.parametrize(
    "images", [torch.rand(2, 3, 4, 5), torch.zeros(2, 1, 4, 5, dtype=torch.uint8), torch.zeros(3, 4, 5).byte(), None]
)
def test_normalize_refuses_what_is_no_batch_of_these_images(images):
    with pytest.raises(errors.InvalidInput, match="images: got"):
        Dataset(**example()).normalize(images)


@pytest.mark.parametrize(("name", "near"), [("minst", "mnist"), ("Digits", "digits"), ("digit", "digits")])
def test_an_unknown_name_names_the_nearest(name, near):
    with pytest.raises(errors.UnknownName, match=f"did you mean '{near}'"):
        datasets.load(name)
    with pytest.raises(errors.UnknownName):
        datasets.cached(None)


# A small MNIST in the original's file format, a cache folder, and a server


def idx(array) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def small_mnist() -> dict[str, bytes]:
    random = np.random.RandomState(1)
    contents = {}
    for part, count in (("train", 40), ("t10k", 20)):
        contents[f"{part}-images-idx3-ubyte"] = idx(random.randint(0, 256, (count, 28, 28), dtype=np.uint8))
        contents[f"{part}-labels-idx1-ubyte"] = idx(random.permutation(np.arange(count, dtype=np.uint8) % 10))
    return contents


@pytest.fixture
def small(tmp_path, monkeypatch):
    """IBTEACH_DATA is an empty folder; what is known of MNIST is about the small one; no server is known."""
    contents = small_mnist()
    folder = tmp_path / "cache"
    monkeypatch.setenv("IBTEACH_DATA", str(folder))
    archives = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
    lay_out(tmp_path / "original", contents)
    tensors, _ = sources.SOURCES["mnist"].read(tmp_path / "original", False)
    known = dataclasses.replace(sources.SOURCES["mnist"], digest=files.digest(tensors))
    monkeypatch.setitem(sources.SOURCES, "mnist", known)
    md5 = [(name, hashlib.md5(archives[name]).hexdigest()) for name, _ in MNIST.resources]
    monkeypatch.setattr(MNIST, "resources", md5)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{closed.getsockname()[1]}/"])
    return contents, archives, folder


def lay_out(folder, contents):
    (folder / RAW).mkdir(parents=True)
    for name, content in contents.items():
        (folder / RAW / name).write_bytes(content)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the archives; for the first `faults` requests it does what `fault` says instead."""

    def __init__(self, archives, fault, faults, *arguments):
        self.archives, self.fault, self.faults = archives, fault, faults
        super().__init__(*arguments)

    def do_GET(self):
        content = self.archives[self.path.strip("/")]
        first_time = self.headers.get("Method") != "HEAD"  # torchvision first asks where the file is
        faulty = first_time and self.faults and self.faults.pop()
        if faulty and self.fault == "silent":
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if faulty and self.fault == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif faulty and self.fault == "damaged":
            self.wfile.write(content[:-20] + bytes(20))
        else:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(monkeypatch, archives, fault="", times=0):
    handler = functools.partial(Server, archives, fault, [True] * times)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def assert_small(dataset, contents):
    assert dataset.train_images.shape == (40, 1, 28, 28) and dataset.test_images.shape == (20, 1, 28, 28)
    assert dataset.train_images.numpy().tobytes() == contents["train-images-idx3-ubyte"][16:]
    assert bytes(dataset.test_labels.tolist()) == contents["t10k-labels-idx1-ubyte"][8:]


def names(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


# Files that are there


def test_the_original_files_are_used_without_a_network_and_kept_as_one(small):
    contents, _, folder = small
    lay_out(folder, contents)
    assert_small(datasets.load("mnist"), contents)
    shutil.rmtree(folder / "MNIST")
    again = datasets.load("mnist")  # from the one file
    assert_small(again, contents)
    assert names(folder) == [datasets.cached("mnist").name]
    again.train_images.zero_()  # the memory map is private
    assert_small(datasets.load("mnist"), contents)


def test_a_copied_file_is_enough(small, tmp_path, monkeypatch):
    contents, _, folder = small
    lay_out(folder, contents)
    datasets.load("mnist")
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(datasets.cached("mnist"), stick)
    assert_small(datasets.load("mnist", stick), contents)
    monkeypatch.setenv("IBTEACH_DATA", str(stick))
    assert_small(datasets.load("mnist"), contents)


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[:-1]
    elif how == "changed":
        content[-1] ^= 1
    elif how == "empty":
        content = b""
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "changed", "empty"])
def test_a_damaged_cache_file_is_named_and_made_anew(small, capsys, how):
    contents, _, folder = small
    lay_out(folder, contents)
    datasets.load("mnist")
    capsys.readouterr()
    damage(datasets.cached("mnist"), how)
    assert_small(datasets.load("mnist"), contents)
    said = capsys.readouterr().err
    assert f"{datasets.cached('mnist')}: " in said and "made anew" in said
    assert_small(datasets.load("mnist"), contents)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "version", "content"),
    [
        ("data set", 2, {"name": "mnist"}),
        ("record", 1, {"name": "mnist"}),
        ("data set", 1, {"name": "digits"}),
        ("data set", 1, {"name": "mnist", "mean": [1.0], "std": [1.0]}),
        ("data set", 1, {"name": "mnist", "mean": "x", "std": [1.0], "classes": []}),
        ("data set", 1, ["mnist"]),
    ],
)
def test_a_sealed_file_of_something_else_is_made_anew(small, capsys, kind, version, content):
    contents, _, folder = small
    lay_out(folder, contents)
    files.save_tensors(datasets.cached("mnist"), kind, version, {"train_images": torch.zeros(1).byte()}, content)
    assert_small(datasets.load("mnist"), contents)
    assert "made anew" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["truncated", "changed", "empty"])
@pytest.mark.parametrize("part", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_damaged_original_files_are_named(small, capsys, part, how):
    contents, _, folder = small
    lay_out(folder, contents)
    damage(folder / RAW / part, how)
    with pytest.raises(errors.Unavailable, match="mnist: could not be had"):
        datasets.load("mnist")
    assert names(folder) == ["MNIST"]


# Downloads


def test_a_download_shows_progress_and_leaves_one_file(small, monkeypatch, capsys):
    contents, archives, folder = small
    with serving(monkeypatch, archives):
        assert_small(datasets.load("mnist"), contents)
    assert "100%" in capsys.readouterr().err
    assert names(folder) == [datasets.cached("mnist").name]
    assert_small(datasets.load("mnist"), contents)  # without the server


@pytest.mark.parametrize("fault", ["cut", "damaged", "silent"])
def test_a_download_that_breaks_once_is_named_and_fetched_anew(small, monkeypatch, capsys, fault):
    contents, archives, folder = small
    with serving(monkeypatch, archives, fault, times=1):
        assert_small(datasets.load("mnist"), contents)
    assert "mnist: damaged or out of reach" in capsys.readouterr().err
    assert names(folder) == [datasets.cached("mnist").name]


@pytest.mark.parametrize("fault", ["cut", "damaged", "silent"])
def test_a_download_that_always_breaks_leaves_nothing_and_says_what_to_do(small, monkeypatch, fault):
    _, archives, folder = small
    wanted = r"copy ibteach-mnist-v1.safetensors into .*cache.*ibteach data mnist --to.*MNIST/raw/train-images"
    with serving(monkeypatch, archives, fault, times=99), pytest.raises(errors.Unavailable, match=wanted):
        datasets.load("mnist")
    assert names(folder) == []


def test_a_genuine_archive_of_other_images_is_refused(small, monkeypatch):
    _, archives, folder = small
    monkeypatch.setitem(sources.SOURCES, "mnist", dataclasses.replace(sources.SOURCES["mnist"], digest="0" * 64))
    with serving(monkeypatch, archives), pytest.raises(errors.Unavailable, match="SHA-256"):
        datasets.load("mnist")
    assert names(folder) == []


def test_no_network_says_what_to_do_and_keeps_the_old_timeout(small):
    folder = small[2]
    with pytest.raises(errors.Unavailable, match=f"copy ibteach-mnist-v1.safetensors into {folder}"):
        datasets.load("mnist")
    assert names(folder) == [] and socket.getdefaulttimeout() is None


def nobody(backlog, stack):
    """The port of a server that never answers: it takes so many connections, and any more get no reply at all."""
    server = stack.enter_context(socket.socket())
    server.bind(("127.0.0.1", 0))
    server.listen(backlog)
    if not backlog:  # what is sent to a full queue is dropped, as by a firewall
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
    return server.getsockname()[1]


@pytest.mark.parametrize(
    "backlog",
    [
        pytest.param(0, marks=pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")),
        100,
    ],
)
def test_a_network_that_swallows_everything_is_waited_for_once(small, monkeypatch, capsys, backlog):
    folder = small[2]
    monkeypatch.setattr(sources, "CONNECT", 0.4)
    monkeypatch.setattr(sources, "PATIENCE", 0.4)
    real, asked = socket.create_connection, []

    def counted(address, *arguments, **options):
        asked.append(address[0])
        return real(address, *arguments, **options)

    monkeypatch.setattr(socket, "create_connection", counted)
    with contextlib.ExitStack() as stack:
        port = nobody(backlog, stack)
        mirrors = [f"http://{host}:{port}/" for host in ("localhost", "127.0.0.1")]
        monkeypatch.setattr(MNIST, "mirrors", mirrors)
        with pytest.raises(errors.Unavailable, match=r"mnist: could not be had .*Without a network: copy"):
            datasets.load("mnist")
    assert len(asked) == len(set(asked))  # no host twice
    said = capsys.readouterr().err
    assert said.count("out of reach") == 1
    assert ("127.0.0.1 did not answer within 0.4 s" if backlog == 0 else "timed out") in said
    assert names(folder) == [] and socket.getdefaulttimeout() is None and socket.create_connection is counted


def test_other_peoples_connections_keep_their_own_patience(monkeypatch):
    monkeypatch.setattr(sources, "CONNECT", 0.0)
    with socket.socket() as server, sources._impatient():
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname(), 5) as client:
            assert client.gettimeout() == 5


def test_a_stop_while_downloading_leaves_nothing(small, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(MNIST, "download", stop)
    with pytest.raises(KeyboardInterrupt):
        datasets.load("mnist")
    assert names(small[2]) == [] and socket.getdefaulttimeout() is None


def test_too_little_room_is_said_before_downloading(small, monkeypatch):
    usage = shutil.disk_usage(Path())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2_000_000))
    with pytest.raises(errors.Unavailable, match=r"2 MB are free in .*, it takes 130 MB"):
        datasets.load("mnist")


def test_a_folder_that_cannot_be_made_or_written(small, monkeypatch, tmp_path):
    contents = small[0]
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(errors.Unavailable, match="Not a directory"):
        datasets.load("mnist", tmp_path / "file" / "folder")
    lay_out(tmp_path / "full", contents)

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(errors.Unavailable, match="No space left"):
        datasets.load("mnist", tmp_path / "full")
    assert names(tmp_path / "full") == ["MNIST"]


TWO = """
import sys, torch
from ibteach.data import datasets
from ibteach.data import sources
def read(folder, download):
    images, labels = torch.arange(100_000, dtype=torch.uint8).view(1000, 1, 10, 10), torch.arange(1000) % 3
    classes = ("a", "b", "c")
    return dict(train_images=images, train_labels=labels, test_images=images[:9], test_labels=labels[:9]), classes
sources.SOURCES["small"] = sources.Source(read, files=("there",))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(8):
    assert datasets.load("small").train_images.sum() == torch.arange(100_000).to(torch.uint8).sum()
    path = datasets.cached("small")
    datasets._make("small", path, lambda: sources.read("small", path))
"""


def test_two_processes_at_once(tmp_path):
    (tmp_path / "there").write_text("", encoding="utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    environment = {**os.environ, "IBTEACH_DATA": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-c", TWO], env=environment, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "anew" not in "".join(said)
    assert names(tmp_path) == ["ibteach-small-v1.safetensors", "there"]


# Photographs


def photographs(seed=2):
    random = np.random.RandomState(seed)
    count = {"train": 60, "test": 30}
    tensors = {}
    for part in count:
        shape = (count[part], 3, 32, 32)
        tensors[f"{part}_images"] = torch.from_numpy(random.randint(0, 256, shape, dtype=np.uint8))
        tensors[f"{part}_labels"] = torch.arange(count[part]) * 10 // count[part]  # sorted by class
    return tensors


def test_the_order_is_the_same_whatever_it_was_and_classes_are_mixed_evenly():
    tensors = photographs()
    mixed = sources.mixed(tensors)
    shuffled = dict(tensors)
    for part in ("train", "test"):
        order = torch.randperm(len(tensors[f"{part}_labels"]))
        shuffled |= {f"{part}_{what}": tensors[f"{part}_{what}"][order] for what in ("images", "labels")}
    again = sources.mixed(shuffled)
    assert all(torch.equal(mixed[name], again[name]) for name in datasets.TENSORS)
    assert set(mixed["train_labels"][:20].bincount().tolist()) <= {1, 2, 3}
    pairs = lambda given: {(i.numpy().tobytes(), int(k)) for i, k in zip(given["test_images"], given["test_labels"])}  # noqa: E731, B905
    assert pairs(mixed) == pairs(tensors)


@pytest.fixture
def any_cifar10(monkeypatch):
    """What is known of CIFAR-10 is nothing: other pixels pass."""
    monkeypatch.setitem(sources.SOURCES, "cifar10", dataclasses.replace(sources.SOURCES["cifar10"], digest=None))


def test_a_prepared_file_of_other_pixels_is_refused(tmp_path, monkeypatch):
    save_file(photographs(), tmp_path / "cifar10.safetensors", metadata={"classes": json.dumps(list("0123456789"))})
    monkeypatch.setattr(sources, "ATTEMPTS", 0)
    with pytest.raises(errors.Unavailable, match="SHA-256 of images and labels is not that of the original"):
        datasets.load("cifar10", tmp_path)
    assert names(tmp_path) == ["cifar10.safetensors"]


def test_a_file_of_tensors_that_was_prepared_by_others(tmp_path, any_cifar10):
    tensors, classes = photographs(), [f"class {number}" for number in range(10)]
    save_file(tensors, tmp_path / "cifar10.safetensors", metadata={"classes": json.dumps(classes)})
    dataset = datasets.load("cifar10", tmp_path)
    assert dataset.classes == tuple(classes) and dataset.shape == (3, 32, 32)
    assert torch.equal(dataset.train_labels, sources.mixed(tensors)["train_labels"])


@pytest.mark.parametrize("metadata", [None, {"classes": "ten"}, {"names": "[]"}])
def test_a_prepared_file_of_something_else_is_named(tmp_path, monkeypatch, metadata):
    save_file(photographs(), tmp_path / "cifar10.safetensors", metadata=metadata)
    monkeypatch.setattr(sources, "ATTEMPTS", 0)
    with pytest.raises(errors.Unavailable, match=r"cifar10\.safetensors is not a safetensors file of"):
        datasets.load("cifar10", tmp_path)


def test_cifar10_in_torchvisions_form(tmp_path, monkeypatch, any_cifar10):
    tensors, names_ = photographs(), [f"class {number}" for number in range(10)]
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    rows = {part: tensors[f"{part}_images"].flatten(1).numpy() for part in ("train", "test")}
    parts = {f"data_batch_{i + 1}": slice(12 * i, 12 * i + 12) for i in range(5)}
    batches = {
        name: {"data": rows["train"][part], "labels": tensors["train_labels"][part].tolist()}
        for name, part in parts.items()
    }
    batches["test_batch"] = {"data": rows["test"], "labels": tensors["test_labels"].tolist()}
    batches["batches.meta"] = {"label_names": names_}
    sums = {}
    for name, content in batches.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in parts])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    dataset = datasets.load("cifar10", tmp_path)
    expected = sources.mixed(tensors)
    assert all(torch.equal(getattr(dataset, name), expected[name]) for name in datasets.TENSORS)
    assert dataset.classes == tuple(names_)

    datasets.cached("cifar10", tmp_path).unlink()
    monkeypatch.setattr(sources, "ATTEMPTS", 0)
    (folder / "data_batch_3").write_bytes(b"")
    with pytest.raises(errors.Unavailable, match="corrupted"):
        datasets.load("cifar10", tmp_path)


@pytest.fixture
def imagenette(tmp_path, monkeypatch):
    """Twelve training and eight test pictures of two classes; red grows to the right, every third is grey."""
    monkeypatch.setattr(sources, "IMAGENETTE", {"train": 12, "val": 8})
    monkeypatch.setattr(sources, "ATTEMPTS", 0)
    ramp = np.zeros((40, 60, 3), np.uint8)
    ramp[:, :, 0] = np.arange(60) * 4
    for split, count in (("train", 6), ("val", 4)):
        for label, wnid in enumerate(("n01440764", "n03888257")):
            folder = tmp_path / "imagenette2-160" / split / wnid
            folder.mkdir(parents=True)
            for index in range(count):
                picture = Image.fromarray(ramp + np.array([0, 100 * label, 10 * index], np.uint8))
                picture = picture.convert("L") if index % 3 == 2 else picture
                picture.save(folder / f"{index}.JPEG", quality=95)
    return tmp_path


def test_imagenette_is_cut_square_and_resized_once(imagenette):
    dataset = datasets.load("imagenette", imagenette, size=20)
    assert repr(dataset) == "Dataset(imagenette-20: 12 training and 8 test images of 3×20×20, 2 classes)"
    assert dataset.classes == ("tench", "parachute")
    for image, label in zip(dataset.train_images.int(), dataset.train_labels, strict=True):
        red, green, blue = image
        if not torch.equal(red, blue):  # in colour: the ramp of the middle 40 of 60 columns
            assert abs(int(red[:, 0].float().mean()) - 4 * 10) < 8 and abs(int(red[:, -1].float().mean()) - 4 * 49) < 8
            assert abs(int(green.float().mean()) - 100 * label) < 8
    assert datasets.load("imagenette", imagenette).shape == (3, 96, 96)  # beside it, in a file of its own
    assert sum(name.startswith("ibteach-imagenette") for name in names(imagenette)) == 2


def test_a_broken_picture_is_named(imagenette):
    broken = imagenette / "imagenette2-160/train/n01440764/3.JPEG"
    damage(broken, "truncated")
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(
        errors.Unavailable, match=re.escape(f"{broken} cannot be decoded: Truncated File Read, one of 1")
    ):
        datasets.load("imagenette", imagenette)


def test_too_little_room_for_the_resized_is_said_before_decoding(imagenette, monkeypatch):
    usage = shutil.disk_usage(Path())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(errors.Unavailable, match=r"0 MB are free in .*, it takes 16 MB"):
        datasets.load("imagenette", imagenette, size=512)


def test_a_missing_picture_is_noticed(imagenette):
    (imagenette / "imagenette2-160/val/n01440764/3.JPEG").unlink()
    with pytest.raises(errors.Unavailable, match="7 images of imagenette's val, not 8"):
        datasets.load("imagenette", imagenette)


@pytest.mark.parametrize(("name", "size"), [("mnist", 32), ("digits", 8), ("imagenette", 4), ("imagenette", "big")])
def test_a_size_where_there_is_none_to_choose(name, size):
    with pytest.raises(errors.InvalidInput, match="size: got"):
        datasets.load(name, size=size)
