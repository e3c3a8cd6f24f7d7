"""Files are whole or not there, whoever reads, writes, dies or runs out of space at the same time."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from ibteach import errors, files
from ibteach.records.record import Record

LATER = time.time() + 2 * files.OLD


def written(path, value=0, size=1000):
    files.save_tensors(path, "numbers", 1, {"numbers": torch.full((size,), value)}, {"value": value})


def read(path):
    tensors, content = files.load_tensors(path, "numbers", 1, "Write it again.")
    assert (tensors["numbers"] == content["value"]).all()
    return content["value"]


def process(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], **options)


def parts(folder):
    return [path for path in folder.iterdir() if path.name.startswith(files.PARTS)]


# What is no file


@pytest.fixture
def special(tmp_path, monkeypatch):
    """Everything that has a name and is no file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    there = ["folder", "link"]
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    if sys.platform == "win32":
        yield [tmp_path / name for name in there]
        return
    os.mkfifo("pipe")
    Path("to the pipe").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        yield [*(tmp_path / name for name in (*there, "pipe", "to the pipe", "socket")), Path("/dev/null")]


@pytest.mark.timeout(60)
def test_pipes_devices_and_folders_are_neither_read_nor_replaced(special, tmp_path):
    before = sorted(os.listdir(tmp_path))
    for path in special:
        kind = path.stat().st_mode
        with pytest.raises(errors.Unavailable, match=r"cannot be read \(it is a .*, no file\)"):
            read(path)
        with pytest.raises(errors.Unavailable, match=r"could not be written \(.*is a .*, no file"):
            written(path)
        assert path.stat().st_mode == kind
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("path", [None, 3, b"bytes", ["a"], "zero\0byte"], ids=str)
def test_what_names_no_file_is_refused(path):
    for use in (read, written, Record.load, files.named):
        with pytest.raises(errors.InvalidInput, match=r"path: got .*, expected the name of a file"):
            use(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are UTF-8, or UTF-16")
def test_a_name_that_is_no_text_is_said_before_anything_is_written(tmp_path, monkeypatch):
    written(tmp_path / "ü 日本 and spaces")
    assert read(tmp_path / "ü 日本 and spaces") == 0
    folder = tmp_path / os.fsdecode(b"latin \xfc")
    folder.mkdir()
    monkeypatch.chdir(folder)
    for path in (folder / "r", tmp_path / os.fsdecode(b"\xfc")):
        for use in (read, written, files.check_writable):
            with pytest.raises(errors.Unavailable, match="its name is not UTF-8"):
                use(path)
    assert not list(folder.iterdir()) and len(os.listdir(tmp_path)) == 2
    written("r")
    assert read("r") == 0


def test_a_name_that_is_too_long(tmp_path):
    written(tmp_path / ("n" * 250))  # the longest that systems have is 255
    assert read(tmp_path / ("n" * 250)) == 0
    with pytest.raises(errors.Unavailable, match="could not be written"):
        written(tmp_path / ("n" * 300))
    with pytest.raises(errors.Unavailable, match="cannot be read"):
        read(tmp_path / ("n" * 300))
    assert len(os.listdir(tmp_path)) == 1


# A reader beside a writer


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    """safetensors opens it twice; here it is replaced between the two, by one of another size."""
    path, real, times = tmp_path / "r", files.safe_open, []
    written(path, 1)

    class Slow:
        def __init__(self, path, framework):
            self.file = real(path, framework)
            if len(times) < 3:
                times.append(1)
                written(path, 1 + len(times), size=100 * len(times))

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return self.file.__exit__(*_)

    monkeypatch.setattr(files, "safe_open", Slow)
    assert read(path) == 4 and len(times) == 3


def test_a_file_that_never_rests_is_given_up(tmp_path, monkeypatch):
    written(tmp_path / "r")
    real = files.safe_open
    monkeypatch.setattr(files, "READS", 3)
    monkeypatch.setattr(files, "safe_open", lambda path, framework: (written(path), real(path, framework))[1])
    with pytest.raises(errors.Unavailable, match="replaced all the time"):
        read(tmp_path / "r")


WRITER = """
    import sys, torch
    from ibteach import files
    path, first = sys.argv[1], int(sys.argv[2])
    print("begins", flush=True)
    for value in range(first, first + 150):
        size = 1000 + 37 * (value % 50)
        files.save_tensors(path, "numbers", 1, {"numbers": torch.full((size,), value)}, {"value": value})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is read cannot be replaced")
def test_two_writers_and_a_reader(tmp_path):
    """Two processes replace one file while a third reads it: each time it is one of theirs, and whole."""
    path = tmp_path / "r"
    written(path, 0)
    writers = [process(WRITER, path, first, stdout=subprocess.PIPE) for first in (1000, 2000)]
    for writer in writers:
        assert writer.stdout.readline()
    values = [read(path)]
    while any(writer.poll() is None for writer in writers):
        values.append(read(path))
    assert [writer.wait() for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdout.close()
    assert read(path) in (1149, 2149)
    assert set(values) <= {0, *range(1000, 1150), *range(2000, 2150)} and os.listdir(tmp_path) == ["r"]


# What killed writers leave

KILLED = """
    import os, signal, sys, torch
    from ibteach import files
    def die(tensors, path, metadata):
        path.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    files.save_file = die
    files.save_tensors(sys.argv[1], "numbers", 1, {"numbers": torch.zeros(1)}, {})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    written(tmp_path / "r", 5)
    killed = process(KILLED, tmp_path / "r")
    assert killed.wait() == -signal.SIGKILL
    assert len(parts(tmp_path)) == 1 and read(tmp_path / "r") == 5
    written(tmp_path / "another")
    assert sorted(os.listdir(tmp_path)) == ["another", "r"] and read(tmp_path / "r") == 5


def test_who_still_writes_is_left_alone(tmp_path):
    with files.replacing(tmp_path / "slow") as part:
        part.write_text("half", encoding="utf-8")
        written(tmp_path / "quick")
        assert part.read_text(encoding="utf-8") == "half"
    assert (tmp_path / "slow").read_text(encoding="utf-8") == "half" and not parts(tmp_path)


def test_what_another_machine_left_is_removed_after_a_day(tmp_path, monkeypatch):
    left, others = f"{files.PARTS}0a1b2c3d-1-xyz", [".ibteach", f"{files.PARTS}data", f"{files.PARTS}mine-1-x"]
    for name in [left, *others]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "r").write_text("half", encoding="utf-8")
    (tmp_path / f"{files.PARTS}0a1b2c3d-1-file").write_text("a file", encoding="utf-8")
    written(tmp_path / "r")
    assert (tmp_path / left).exists()
    monkeypatch.setattr(time, "time", lambda: LATER)
    written(tmp_path / "r")
    assert sorted(os.listdir(tmp_path)) == sorted(["r", f"{files.PARTS}0a1b2c3d-1-file", *others])
    assert all((tmp_path / name / "r").exists() for name in others)


def test_a_tensor_may_have_any_stride(tmp_path):
    for view in (torch.arange(10)[::2], torch.zeros(1).expand(8), torch.arange(6).view(2, 3).T, torch.arange(10)[:0:2]):
        assert files.digest({"view": view}) == files.digest({"view": view.clone(memory_format=torch.contiguous_format)})
    odd = torch.arange(6).as_strided((1,), (2,))
    assert files.digest({"odd": odd}) == files.digest({"odd": torch.tensor([0])})
    files.save_tensors(tmp_path / "odd", "kind", 1, {"odd": odd}, {})
    assert files.load_tensors(tmp_path / "odd", "kind", 1, "")[0]["odd"].tolist() == [0]


def test_the_machine_is_the_same_in_another_process():
    there = process("from ibteach import files; print(files._machine())", stdout=subprocess.PIPE, encoding="utf-8")
    assert there.communicate()[0].strip() == files._machine()
