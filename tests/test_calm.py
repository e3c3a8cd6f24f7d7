"""No output that is compared depends on how fast this machine is."""

import configparser
import re
from pathlib import Path

import pytest

from ibteach import data, networks
from ibteach.training import forecast, loop

SANITIZER = configparser.RawConfigParser()
SANITIZER.read(Path(__file__).with_name("nbval_sanitize.cfg"), encoding="utf-8")


def compared(printed):
    """What nbval compares of it."""
    for name in SANITIZER.sections():
        printed = re.sub(SANITIZER.get(name, "regex"), SANITIZER.get(name, "replace"), printed)
    return printed


@pytest.fixture
def trained(capsys, monkeypatch):
    """What a training prints on a machine on which it takes long from so many seconds on."""

    def train(long):
        monkeypatch.setattr(forecast, "LONG", long)
        runs = loop.grid(["l2"], gammas=[0.1])
        model = loop.build(lambda: networks.mlp(64, 10, latent_dimension=2, hidden=(8,)), runs)
        loop.fit(model, data.load("digits"), runs, epochs=2, measure_every=2, device="cpu")
        return capsys.readouterr().out

    return train


def test_what_a_training_prints_is_compared_without_its_speed(trained):
    fast, slow = trained(float("inf")), trained(0.0)
    assert "on this cpu, by its first" in slow and "by its first" not in fast
    assert compared(slow) == compared(fast) and compared(fast).strip() == "PROGRESS"
