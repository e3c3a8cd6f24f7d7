"""Training that is killed and resumed leaves what training without a break leaves, bit for bit."""

import functools
import os
import subprocess
import sys
import textwrap
import time

import pytest
import torch

from ibteach.errors import DamagedFile, InvalidInput, Unavailable
from ibteach.networks.bottleneck import Bottleneck, mlp, resnet
from ibteach.training.checkpoints import load_network, save_network
from ibteach.training.loop import Run, build, fit

SCRIPT = """
import functools
import math
import time

from ibteach.training import checkpoints
from ibteach import data
from ibteach import networks
from ibteach.training import loop

digits = data.load("digits")
TRAININGS = {
    "resnet": (
        functools.partial(networks.resnet, digits.shape, 10, width=8),
        loop.Run.of("log-variance", gamma=0.003, seed=2),
        {"optimizer": "sgd", "weight_decay": 1e-3, "augment": ["shift", "cutout"], "information": True,
         "low_precision": True, "train_examples": 320, "eval_examples": 40},
    ),
    "ensemble": (
        functools.partial(networks.mlp, digits.shape, 10, dropout=0.3),
        loop.grid(["l2"], gammas=[0.01, 0.1], seeds=[0, 1]),
        {"eval_examples": 100},
    ),
}

def train(name, **more):
    make, runs, settings = TRAININGS[name]
    model = loop.build(make, runs)
    record = loop.fit(
        model, digits, runs, epochs=6, measure_every=2, device="cpu", progress=False, **settings, **more
    )
    return model, record
"""
HERE: dict = {}
exec(SCRIPT, HERE)  # the same that a process to be killed runs
digits, train = HERE["digits"], HERE["train"]


@pytest.mark.parametrize("name", HERE["TRAININGS"])
def test_resumed_after_sigkill_is_as_never_interrupted(name, tmp_path):
    checkpoint = tmp_path / "run.checkpoint"
    slowly = textwrap.dedent(f"""
        step = loop._Training.step
        def slow(self, *arguments):
            if self.epoch > 3: time.sleep(30)  # killed in the middle of an epoch
            step(self, *arguments)
        loop._Training.step = slow
        checkpoints.SHARE = math.inf  # after every epoch
        train({name!r}, checkpoint={str(checkpoint)!r})
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", "import math, time\nfrom ibteach.training import checkpoints\n" + SCRIPT + slowly],
        env=os.environ,
    )
    try:
        began = time.monotonic()
        while not checkpoint.exists() or _epoch(checkpoint) < 3:
            assert child.poll() is None and time.monotonic() - began < 120
            time.sleep(0.05)
    finally:
        child.kill()  # SIGKILL; on Windows what is like it
        child.wait()

    resumed, record = train(name, checkpoint=checkpoint)
    whole, expected = train(name)
    assert record.epochs.tolist() == [0, 2, 4, 6]
    for table, other in [(record.quantities, expected.quantities), (record.errors, expected.errors)]:
        assert all(torch.equal(table[key], other[key]) for key in other) and table.keys() == other.keys()
    assert torch.equal(record.latents, expected.latents)
    assert all(torch.equal(tensor, resumed.state_dict()[key]) for key, tensor in whole.state_dict().items())
    again = train(name, checkpoint=checkpoint)[1]  # what is finished is not trained again
    assert torch.equal(again.latents, expected.latents)


def _epoch(checkpoint):
    from ibteach import files

    try:
        return files.load(checkpoint, "checkpoint", 1, "")[1]["content"]["epoch"]
    except (Unavailable, DamagedFile):
        return 0


def test_a_checkpoint_of_another_training_is_refused_before_any_work(tmp_path):
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)
    small = functools.partial(fit, data=digits, epochs=1, eval_examples=20, progress=False, checkpoint=checkpoint)
    small(build(functools.partial(mlp, 64, 10), run), runs=run)
    content = checkpoint.read_bytes()
    with pytest.raises(InvalidInput, match=r"another training \(runs .*0.2.* Remove it"):
        other = Run.of("l2", gamma=0.2)
        small(build(functools.partial(mlp, 64, 10), other), runs=other)
    with pytest.raises(InvalidInput, match=r"configuration .*'hidden': \[8\]"):
        small(build(functools.partial(mlp, 64, 10, hidden=(8,)), run), runs=run)
    checkpoint.write_bytes(content[:-100])
    with pytest.raises(DamagedFile, match="not a whole safetensors file"):
        small(build(functools.partial(mlp, 64, 10), run), runs=run)


def test_networks_are_kept_with_what_builds_their_like(tmp_path):
    network = resnet((1, 8, 8), classes=10, latent_dimension=3, width=8)
    run, path = Run.of("variance", gamma=0.01), tmp_path / "network.safetensors"
    fit(network, digits, run, epochs=1, train_examples=128, eval_examples=20, low_precision=True, progress=False)
    network.low_precision = True  # as where the device has it
    save_network(path, network, digits.shape)
    again, images = load_network(path), digits.normalize(digits.test_images[:5])
    assert again.architecture == network.architecture and again.low_precision
    with torch.no_grad():
        for one, other in zip(network(images, torch.zeros(5, 3)), again(images, torch.zeros(5, 3)), strict=True):
            assert torch.equal(one, other)


def test_what_is_no_network_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    with pytest.raises(InvalidInput, match="without an architecture"):
        save_network(path, Bottleneck(torch.nn.Flatten(), 64, 10), (1, 8, 8))
    with pytest.raises(Unavailable, match="cannot be read"):
        load_network(path)
    save_network(path, mlp((1, 8, 8), classes=10), (1, 8, 8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedFile, match="not a whole safetensors"):
        load_network(path)
