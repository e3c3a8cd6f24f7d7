"""A disk that is full, in every place that writes: the old file stays as it was, nothing is left, and we say so.

The disk is full for this process alone: it may not make a file larger than a kilobyte.
"""

import contextlib
import io

import pytest
import torch

from ibteach import data, networks, training
from ibteach.display import chapters
from ibteach.errors import Unavailable
from ibteach.records import shipped
from ibteach.training.checkpoints import Checkpoint

resource = pytest.importorskip("resource", reason="Windows has no such limit")


@contextlib.contextmanager
def full_disk(size=1000):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):  # pytest keeps a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _pictures(folder):
    from PIL import Image

    for spread, name in enumerate(["train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((30, 20), 10 * spread).convert("RGB").save(folder / name)


def a_record(path):
    shipped.load("mnist-vib").save(path)


def a_network(path):
    training.save_network(path, networks.mlp((1, 8, 8), classes=10), (1, 8, 8))


def a_checkpoint(path):
    place = Checkpoint(path.with_name("new"), {"epochs": 1})
    place.path = path
    place.save({"model/weight": torch.zeros(1000)}, {"epoch": 1})


def a_page(path):
    explorer = chapters.chapter_04.points()
    explorer.export(path, themes="light", fixed={"count": 2})
    explorer.close()


@pytest.mark.parametrize("write", [a_record, a_network, a_checkpoint, a_page])
def test_the_old_file_stays(write, tmp_path):
    path = tmp_path / "kept"
    path.write_text("the old one", encoding="utf-8")
    with full_disk(), pytest.raises(Unavailable, match=r"could not be written .*; what was there before is untouched"):
        write(path)
    assert path.read_text(encoding="utf-8") == "the old one"
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]
    write(path)
    assert path.stat().st_size > 1000


def test_data_that_cannot_be_kept(tmp_path):
    pictures, cache = tmp_path / "pets", tmp_path / "cache"
    _pictures(pictures)
    cache.mkdir()
    with full_disk(), pytest.raises(Unavailable, match="could not be written"):
        data.datasets.load_folder(pictures, size=32, folder=cache)
    assert not list(cache.iterdir())
    assert len(data.datasets.load_folder(pictures, size=32, folder=cache).train_images) == 2


def test_a_training_goes_on_without_its_checkpoint(tmp_path):
    digits, run = data.load("digits"), training.Run.of("l2", gamma=0.1)
    model = training.build(lambda: networks.mlp(digits.shape, classes=10), run)
    with full_disk():
        record = training.fit(
            model, digits, run, epochs=2, eval_examples=50, progress=False, checkpoint=tmp_path / "checkpoint"
        )
    assert record.epochs[-1] == 2 and not list(tmp_path.iterdir())
