"""Chapter 08 is the one that looks for a GPU and for photographs: it runs with either, with both and with none."""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ibteach import errors, networks, training

(CHAPTER,) = (Path(__file__).parents[1] / "notebooks").glob("08_*.ipynb")


def chosen(monkeypatch, gpu, photographs):
    """What the cell that chooses what to train leaves, where there is a GPU or not, and photographs or not."""

    def load(name):
        if name == "cifar10" and not photographs:
            raise errors.Unavailable("cifar10: could not be had.")
        return SimpleNamespace(shape=(3, 32, 32))

    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    (source,) = ("".join(cell["source"]) for cell in cells if "cuda.is_available()" in "".join(cell["source"]))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    names = {"data": SimpleNamespace(load=load), "digits": SimpleNamespace(shape=(1, 8, 8)), "partial": partial}
    names |= {"torch": torch, "errors": errors, "networks": networks, "training": training}
    exec(source, names)
    return names["pictures"].shape, names["make"]().latent_dimension, names["how"]["epochs"]


@pytest.mark.parametrize(("gpu", "photographs"), [(True, False), (False, True), (False, False)])
def test_without_a_gpu_or_a_network_digits_are_trained(monkeypatch, capsys, gpu, photographs):
    assert chosen(monkeypatch, gpu, photographs) == ((1, 8, 8), 64, 8)
    assert capsys.readouterr().out == ("cifar10: could not be had.\n" if gpu else "")


def test_with_both_photographs_are(monkeypatch):
    assert chosen(monkeypatch, gpu=True, photographs=True) == ((3, 32, 32), 512, 24)
