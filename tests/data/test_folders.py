"""Folders of pictures: real files of every kind, and everything that may be wrong with them, named in one pass."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ibteach import cli, errors
from ibteach.data import datasets, folders
from ibteach.records.record import Record

COUNT = {"train": 4, "test": 2}
COLOURS = {"cat": (200, 40, 90), "dog": (20, 160, 220), "eel": (90, 90, 10)}


def picture(colour, seed, width=30, height=24):
    """Noise about a colour."""
    noise = np.random.RandomState(seed).randint(-15, 16, (height, width, 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


@pytest.fixture
def pets(tmp_path):
    """Three classes of PNG files in sizes of all sorts, and what lies about in folders."""
    for part, count in COUNT.items():
        for label, (name, colour) in enumerate(COLOURS.items()):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            for index in range(count):
                seed = 100 * label + 10 * index + (part == "test")
                picture(colour, seed, 20 + 5 * index).save(tmp_path / "pets" / part / name / f"{index}.png")
    (tmp_path / "pets" / "train" / "cat" / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "pets" / "train" / "cat" / "._0.png").write_text("a system left this", encoding="utf-8")
    (tmp_path / "pets" / "train" / ".DS_Store").write_text("", encoding="utf-8")
    return tmp_path / "pets"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IBTEACH_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(path, **options):
    return datasets.load_folder(path, size=16, **options)


def same(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in datasets.TENSORS)


def test_a_folder_becomes_a_data_set(pets, cache):
    dataset = load(pets)
    assert repr(dataset) == "Dataset(folder-pets-16: 12 training and 6 test images of 3×16×16, 3 classes)"
    assert dataset.classes == tuple(COLOURS)
    for part in COUNT:
        images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
        expected = torch.tensor(list(COLOURS.values()))[labels]
        assert (images.float().mean((2, 3)) - expected).abs().max() < 5
        assert labels.bincount().tolist() == [COUNT[part]] * 3
        assert sorted(labels[:3].tolist()) == [0, 1, 2]  # mixed evenly
    [kept] = cache.iterdir()
    assert re.fullmatch(r"ibteach-folder-pets-16-[0-9a-f]{16}-v1\.safetensors", kept.name)


def test_pixels_are_pillows_own_of_the_central_square(pets):
    with Image.open(pets / "test/dog/1.png") as image:
        assert image.size == (25, 24)
        square = image.resize((16, 16), Image.Resampling.BICUBIC, box=(0.5, 0, 24.5, 24))
    dataset = load(pets)
    expected = torch.from_numpy(np.array(square)).permute(2, 0, 1)
    assert any(torch.equal(expected, image) for image in dataset.test_images[dataset.test_labels == 1])


def test_it_is_decoded_once_and_anew_when_a_file_changes(pets, cache, monkeypatch):
    first = load(pets)
    with monkeypatch.context() as patched:
        patched.setattr(folders, "decoded", None)  # not needed for what is kept
        assert same(first, load(str(pets))) and same(first, load(os.path.relpath(pets)))
    picture((0, 0, 0), 5).save(pets / "train/cat/0.png")
    changed = load(pets)
    assert not torch.equal(changed.train_images, first.train_images)
    assert torch.equal(changed.test_images, first.test_images)
    (pets / "train/cat/0.png").unlink()
    assert len(load(pets).train_labels) == 11
    assert len(list(cache.iterdir())) == 3
    assert datasets.load_folder(pets, size=20).shape == (3, 20, 20)


def test_the_order_of_listing_and_the_names_of_files_change_nothing(pets, tmp_path, monkeypatch):
    dataset = load(pets)
    other = tmp_path / "renamed"
    shutil.copytree(pets, other)
    for number, file in enumerate(sorted(other.glob("*/*/[0-9].png"), reverse=True)):
        file.rename(file.with_name(f"{number:03}.PNG"))
    genuine = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(sorted(genuine(folder), reverse=True)))
    assert same(dataset, load(other))


def test_a_changed_file_in_the_cache_is_made_anew(pets, cache, capsys):
    dataset = load(pets)
    [kept] = cache.iterdir()
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.unlink()  # `dataset` is that very file, read by memory map
    kept.write_bytes(content)
    assert same(dataset, load(pets)) and "made anew" in capsys.readouterr().err


def test_load_takes_the_name_of_a_folder(pets, monkeypatch):
    monkeypatch.chdir(pets.parent)
    assert same(load(pets), datasets.load("pets", size=16)) and same(load(pets), datasets.load(pets, size=16))
    assert datasets.load("./pets").shape == (3, 96, 96)
    pets.rename(pets.with_name("digits"))
    assert datasets.load("digits").shape == (1, 8, 8)  # a data set's name goes before a folder's
    assert datasets.load("./digits", size=8).shape == (3, 8, 8)
    with pytest.raises(errors.InvalidInput, match="convert, skip: got one for 'digits'"):
        datasets.load("digits", skip=True)
    with pytest.raises(errors.UnknownName, match="And there is no folder of pictures called so"):
        datasets.load("cats")
    with pytest.raises(errors.InvalidInput, match="got no folder, expected pictures in train"):
        datasets.load("./cats")


def test_a_folder_on_the_command_line(pets, tmp_path, monkeypatch, capsys):
    """Looked at, trained, swept and made again; a job is the same wherever the folder lies."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "pets", "--size", "8"]) == 0
    assert "Dataset(folder-pets-8: 12 training and 6 test images of 3×8×8, 3 classes)" in capsys.readouterr().out
    options = ["--size", "8", "--hidden", "4", "--epochs", "1", "--batch-size", "6", "--device", "cpu"]
    assert cli.main(["train", "pets", *options, "--out", "one"]) == 0
    assert cli.main(["sweep", "pets", *options, "--gamma", "0.01", "--folder", "kept"]) == 0
    record = Record.load("one")
    assert record.provenance["data"] == "folder-pets-8" and str(tmp_path) not in str(record.provenance)
    (tmp_path / "elsewhere").mkdir()
    pets.rename("elsewhere/pets")
    there = sorted(Path("kept").iterdir())
    assert cli.main(["sweep", "elsewhere/pets", *options, "--folder", "kept"]) == 0
    assert sorted(Path("kept").iterdir()) == there
    capsys.readouterr()
    assert cli.main(["records", "remake", "one", "--out", "two"]) == 1
    assert "`--data FOLDER` on the command line" in capsys.readouterr().err
    assert cli.main(["records", "remake", "one", "--out", "two", "--data", "elsewhere/pets", "--size", "8"]) == 0
    assert "two: equals one exactly" in capsys.readouterr().out
    assert cli.main(["train", "elsewhere/dogs", *options, "--out", "three"]) == 1
    assert "got no folder, expected pictures in train/CLASS" in capsys.readouterr().err
    Image.new("L", (9, 9)).save("elsewhere/pets/train/cat/grey.png")
    assert cli.main(["train", "elsewhere/pets", *options, "--out", "three"]) == 1
    assert "mode L, not RGB" in capsys.readouterr().err
    assert cli.main(["train", "elsewhere/pets", "--convert", *options, "--out", "three"]) == 0


# What is refused before a picture is opened


def remove(*names):
    return lambda pets: [shutil.rmtree(pets / name) for name in names]


def empty(pets):
    for file in (pets / "test/eel").iterdir():
        file.unlink()


FORMS = {
    "not there": (shutil.rmtree, r"got no folder, expected pictures in train/CLASS/\*\.jpg and test/CLASS"),
    "no test": (remove("test"), "got no folder test in it"),
    "neither": (remove("train", "test"), "got no folder train and no folder test in it"),
    "one class": (remove("train/cat", "test/cat", "train/dog", "test/dog"), "got 1 classes, expected 2 or more"),
    "no class": (remove(*(f"{part}/{name}" for part in COUNT for name in COLOURS)), "got 0 classes"),
    "other classes": (remove("test/cat", "train/dog"), "got cat in train only, dog in test only, expected the same"),
    "no pictures": (empty, "got no pictures in test/eel, expected files such as .jpg"),
}


@pytest.mark.parametrize(("change", "message"), FORMS.values(), ids=FORMS)
def test_a_folder_of_another_form(pets, cache, monkeypatch, change, message):
    change(pets)
    monkeypatch.setattr(folders, "decoded", None)
    with pytest.raises(errors.InvalidInput, match=message):
        load(pets)
    assert not cache.exists()


@pytest.mark.parametrize("path", [None, 3, ["pets"]])
def test_a_path_that_is_none(path):
    with pytest.raises(errors.InvalidInput, match="path: got"):
        load(path)


@pytest.mark.parametrize("size", [7, 513, 16.0, "big"])
def test_a_size_out_of_range(pets, size):
    with pytest.raises(errors.InvalidInput, match="size: got"):
        datasets.load_folder(pets, size=size)


def test_too_little_room_is_said_before_decoding(pets, cache, monkeypatch):
    usage = shutil.disk_usage(Path())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    monkeypatch.setattr(folders, "decoded", None)
    with pytest.raises(errors.Unavailable, match=r"0 MB are free in .*cache, it takes 14 MB"):
        datasets.load_folder(pets, size=512)


def test_a_cache_folder_that_cannot_be_made(pets, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(errors.Unavailable, match="cannot be written"):
        load(pets, folder=tmp_path / "file" / "cache")


def test_a_disk_that_fills_up_while_writing_leaves_nothing(pets, cache, monkeypatch):
    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(errors.Unavailable, match="No space left"):
        load(pets)
    assert list(cache.iterdir()) == []


# Pictures that cannot be used


def greyscale(file):
    with Image.open(file) as image:
        image.convert("L").save(file)


def truncate(file):
    file.write_bytes(file.read_bytes()[:-300])


def change_within(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def test_folders_that_differ_in_a_byte_alone_are_not_taken_for_each_other(pets, tmp_path):
    """Of the same name, with files of the same names, sizes and times."""
    first, file = load(pets), pets / "train/cat/1.png"
    twin = tmp_path / "elsewhere" / "pets"
    shutil.copytree(pets, twin)
    assert load(twin).fingerprint == first.fingerprint
    with Image.open(file) as image:
        other = Image.fromarray(255 - np.array(image))
    times, size = file.stat(), file.stat().st_size
    other.save(twin / "train/cat/1.png")
    content = (twin / "train/cat/1.png").read_bytes()
    longest = max(size, len(content))
    for path, of in ((file, file.read_bytes()), (twin / "train/cat/1.png", content)):
        path.write_bytes(of.ljust(longest, b"\0"))  # Pillow reads until the picture's end
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (load(pets).fingerprint == first.fingerprint) and load(twin).fingerprint != first.fingerprint


@pytest.mark.parametrize("how", [truncate, change_within, lambda file: file.write_bytes(b""), Path.unlink])
def test_a_broken_picture_is_named(pets, cache, monkeypatch, how):
    file = pets / "test/dog/1.png"
    if how is Path.unlink:  # gone after it was listed
        genuine = folders.read
        monkeypatch.setattr(folders, "read", lambda *given: (how(file), genuine(*given))[1])
    else:
        how(file)
    named = r"pets: 1 of 18 pictures cannot be used: test/dog/1\.png \(cannot be decoded: .*\)\. Repair or remove them;"
    with pytest.raises(errors.DamagedFile, match=named):
        load(pets)
    assert list(cache.iterdir()) == []


def test_all_that_is_wrong_is_found_in_one_pass(pets):
    for name in ("cat/1", "cat/2", "dog/0", "eel/3"):
        truncate(pets / "train" / f"{name}.png")
    for name in ("cat/0", "eel/1"):
        greyscale(pets / "test" / f"{name}.png")
    with pytest.raises(errors.DamagedFile) as caught:
        load(pets)
    message = str(caught.value)
    assert "6 of 18 pictures" in message and "test/cat/0.png (mode L, not RGB) and 1 more." in message
    assert all(f"train/{name}.png (cannot be decoded: " in message for name in ("cat/1", "cat/2", "dog/0", "eel/3"))
    assert "convert=True" in message and "skip=True" in message
    with pytest.raises(errors.DamagedFile, match="4 of 18 pictures") as caught:
        load(pets, convert=True)
    assert "convert=True" not in str(caught.value)


def test_with_skip_they_are_left_out_and_named(pets, capsys):
    truncate(pets / "train/cat/1.png")
    greyscale(pets / "test/dog/0.png")
    dataset = load(pets, skip=True)
    assert dataset.train_labels.bincount().tolist() == [3, 4, 4]
    assert dataset.test_labels.bincount().tolist() == [2, 1, 2]
    said = capsys.readouterr().err
    assert (
        "train/cat/1.png (cannot be decoded" in said and "test/dog/0.png (mode L, not RGB). They are left out." in said
    )
    assert len(load(pets, skip=True, convert=True).test_labels) == 6
    for index in range(COUNT["test"]):
        truncate(pets / f"test/eel/{index}.png")
    with pytest.raises(errors.InvalidInput, match="Nothing remains of test/eel"):
        load(pets, skip=True)


FORMATS = {  # mode, suffix → the colour it becomes
    ("L", "png"): (93, 93, 93),
    ("1", "png"): (255, 255, 255),
    ("P", "png"): (200, 40, 90),
    ("RGBA", "png"): (200, 40, 90),
    ("LA", "png"): (93, 93, 93),
    ("CMYK", "jpg"): (200, 40, 90),
    ("L", "jpg"): (93, 93, 93),
    ("P", "gif"): (200, 40, 90),
}


@pytest.mark.parametrize(("mode", "suffix"), FORMATS)
def test_what_is_not_rgb_is_named_and_converted_if_asked(pets, mode, suffix):
    colour = FORMATS[mode, suffix]
    file = pets / "train/cat" / f"other.{suffix}"
    flat = Image.new("RGB", (20, 20), (255, 255, 255) if mode == "1" else (200, 40, 90))
    (flat.quantize() if mode == "P" else flat.convert(mode)).save(file, **({"quality": 95} if suffix == "jpg" else {}))
    with pytest.raises(errors.InvalidInput, match=rf"train/cat/other\.{suffix} \(mode {mode}, not RGB\)"):
        load(pets)
    images = load(pets, convert=True).train_images.int()
    far = (images - torch.tensor(colour)[:, None, None]).abs().amax((1, 2, 3))
    assert len(images) == 13 and far.min() <= 3


def test_a_palette_with_transparency_loses_it(pets):
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(pets / "train/cat/other.png", transparency=b"\x00\x80")
    images = load(pets, convert=True).train_images
    assert any((image == torch.tensor([10, 200, 30])[:, None, None].byte()).all() for image in images)


def test_sixteen_bits_are_never_converted(pets):
    deep = Image.fromarray(np.full((20, 20), 40_000, np.uint16))
    deep.save(pets / "train/cat/deep.png")
    with pytest.raises(errors.InvalidInput, match=r"train/cat/deep\.png \(mode I;16, not RGB\)"):
        load(pets, convert=True)


def test_a_photograph_is_set_upright_as_its_camera_says(pets):
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:10] = 250  # light above
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter to the right when shown
    Image.fromarray(pixels).save(pets / "train/cat/phone.jpg", quality=95, exif=exif)
    images = load(pets).train_images.float()
    assert any(image[:, :, 10:].mean() > 200 and image[:, :, :6].mean() < 50 for image in images)


def test_large_pictures_in_jpeg_agree_with_their_colours(pets):
    picture((10, 200, 30), 3, 900, 700).save(pets / "train/cat/large.jpeg", quality=90)
    images = load(pets).train_images.float().mean((2, 3))
    assert ((images - torch.tensor([10.0, 200.0, 30.0])).abs().amax(1) < 3).sum() == 1
