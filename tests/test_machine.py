"""What a machine has and lacks is found, and said of the chapters that it concerns."""

import importlib.util

import pytest
import torch

from ibteach import machine
from ibteach.course import CHAPTERS


@pytest.fixture
def look(monkeypatch, tmp_path):
    """Looks at this machine as if it had or lacked something."""

    def at(device="cpu", data=(), without=()):
        monkeypatch.setenv("IBTEACH_DATA", str(tmp_path))
        for name in data:
            machine.cached(name).touch()
        monkeypatch.setattr(machine, "pick_device", lambda: torch.device(device))
        monkeypatch.setattr(machine, "_named", str)
        monkeypatch.setattr(machine, "low_precision_of", lambda _: torch.float16)
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in without else found(name))
        return machine.check()

    return at


def test_this_machine_is_found_with_a_line_for_every_chapter():
    here = machine.check()
    assert here.cores >= 1 and here.versions["torch"] == torch.__version__.partition("+")[0]
    assert list(here.chapters) == [chapter.number for chapter in CHAPTERS]
    shown = here._repr_markdown_()
    assert all(f"| {chapter} | " in shown for chapter in CHAPTERS)


def test_a_bare_machine_is_told_what_it_will_fetch(look):
    here = look(without=("foolbox", "psutil"))
    assert here.data == {"digits": True, "mnist": False, "cifar10": False, "imagenette": False}
    assert "fetches MNIST (0.1 GB of disk must be free)" in here.chapters["05"]
    assert "narrow ResNet" in here.chapters["08"]
    assert here.chapters["09"] == "needs Foolbox" and "ibteach[attacks]" in here.advice[0]
    assert here.free_memory is None and "| memory | not known |" in here._repr_markdown_()


def test_a_gpu_trains_the_large_network(look):
    here = look("cuda", data=["mnist"])
    assert here.chapters["05"] == "trains on the digits, then on MNIST"
    assert here.chapters["08"].startswith("fetches CIFAR-10 (0.6 GB of disk must be free) and trains a ResNet-18")
    assert here.advice == ()


def test_little_memory_is_said(look, monkeypatch):
    monkeypatch.setattr(machine, "_free_memory", lambda: 0.5)
    assert look().advice[0].startswith("0.5 GB of memory are free")
