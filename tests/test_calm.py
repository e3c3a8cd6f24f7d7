"""No output that is compared depends on how fast this machine is."""

import re
from pathlib import Path

import pytest
from nbval.plugin import get_sanitize_patterns

from ibteach import data, networks
from ibteach.training import forecast, loop

SANITIZER = Path(__file__).with_name("nbval_sanitize.cfg")


def compared(printed):
    """What nbval compares of it; an empty replacement is one that nbval does not read."""
    for regex, replacement in get_sanitize_patterns(SANITIZER.read_text(encoding="utf-8")):
        printed = re.sub(regex, replacement, printed)
    return printed


def test_nbval_reads_every_pattern():
    text = SANITIZER.read_text(encoding="utf-8")
    assert len(get_sanitize_patterns(text)) == text.count("regex:") == text.count("replace:")


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
    seen = re.sub(r"[^\n]*\r", "", slow)  # what a notebook keeps of lines that were written over
    assert "on this cpu, by its first" in slow and "by its first" not in fast
    assert compared(slow) == compared(seen) == compared(fast) and compared(fast).strip() == "PROGRESS"
