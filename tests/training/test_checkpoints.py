"""Training that is killed and resumed leaves what training without a break leaves, bit for bit."""

import contextlib
import dataclasses
import functools
import math
import os
import subprocess
import sys
import textwrap
import time

import pytest
import torch

import ibteach
from ibteach import files
from ibteach.data.label_noise import with_random_labels
from ibteach.errors import DamagedFile, Diverged, InvalidInput, Unavailable, UnknownName
from ibteach.networks.bottleneck import Bottleneck, mlp, resnet
from ibteach.training import checkpoints, loop, threads
from ibteach.training.checkpoints import load_network, save_network
from ibteach.training.loop import Run, build, fit
from ibteach.training.settings import OPTIMIZERS

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
        {"eval_examples": 100, "measure_steps": [1, 5, 20, 23]},
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
            if self.epoch > 3: time.sleep(1000)  # killed in the middle of an epoch
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
            assert child.poll() is None and time.monotonic() - began < 600
            time.sleep(0.05)
    finally:
        child.kill()  # SIGKILL; on Windows what is like it
        child.wait()

    resumed, record = train(name, checkpoint=checkpoint)
    whole, expected = train(name)
    assert record.epochs.unique().tolist() == ([0, 2, 4, 6] if name == "resnet" else [0, 1, 2, 4, 6])
    assert torch.equal(record.steps, expected.steps) and torch.equal(record.epochs, expected.epochs)
    for table, other in [(record.quantities, expected.quantities), (record.errors, expected.errors)]:
        assert all(torch.equal(table[key], other[key]) for key in other) and table.keys() == other.keys()
    assert torch.equal(record.latents, expected.latents)
    assert all(torch.equal(tensor, resumed.state_dict()[key]) for key, tensor in whole.state_dict().items())
    again = train(name, checkpoint=checkpoint)[1]  # what is finished is not trained again
    assert torch.equal(again.latents, expected.latents)


def test_resumed_it_names_the_step_that_training_without_a_break_names(tmp_path, monkeypatch):
    """Three steps an epoch; the eleventh, in the fourth, finds a parameter that is no number."""
    checkpoint, run, real = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1), loop._Training.step
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)

    def spoiled(self, streams):
        if self.done == 10:
            self.model.decoder.bias.data.fill_(math.nan)
        real(self, streams)

    def killed(self, streams):
        if self.done == 7:
            raise KeyboardInterrupt
        real(self, streams)

    def train(step):
        monkeypatch.setattr(loop._Training, "step", step)
        how = {"epochs": 4, "batch_size": 400, "eval_examples": 20, "progress": False}
        return fit(build(functools.partial(mlp, 64, 10), run), digits, run, checkpoint=checkpoint, **how)

    with pytest.raises(KeyboardInterrupt):
        train(killed)
    with pytest.raises(Diverged, match=r"epoch 4: the decoder cross-entropy .* from step 11 on"):
        train(spoiled)


def test_the_time_left_is_reckoned_from_where_it_went_on(tmp_path, monkeypatch, capsys):
    """Twenty epochs were trained before; the last two take a minute each."""
    checkpoint, run, real, now = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1), loop._Training.step, [0.0]
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)

    def killed(self, streams):
        if self.done == 20:
            raise RuntimeError("killed")
        real(self, streams)

    def lasting(self, streams):
        now[0] += 60
        real(self, streams)

    def train(step, progress):
        monkeypatch.setattr(loop._Training, "step", step)
        how = {"epochs": 22, "batch_size": 1297, "eval_examples": 20, "progress": progress}
        return fit(build(functools.partial(mlp, 64, 10), run), digits, run, checkpoint=checkpoint, **how)

    with pytest.raises(RuntimeError, match="killed"):
        train(killed, False)
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    train(lasting, True)
    assert "21/22 [01:00<01:00, 60.00s/epoch]" in capsys.readouterr().out


def _epoch(checkpoint):
    from ibteach import files

    try:
        return files.load_tensors(checkpoint, "checkpoint", checkpoints.VERSION, "")[1]["content"]["epoch"]
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
    with pytest.raises(InvalidInput, match=r"\(configuration hidden \[48, 48\], now \[8\]; .*parameters"):
        small(build(functools.partial(mlp, 64, 10, hidden=(8,)), run), runs=run)
    model = build(functools.partial(mlp, 64, 10), run).eval()
    model.low_precision = torch.bfloat16
    with pytest.raises(InvalidInput, match=r"\(configuration batch_size 64, now 32\)"):
        small(model, runs=run, batch_size=32)
    assert model.low_precision is torch.bfloat16 and not model.training  # as on a GPU it would not lie there
    checkpoint.write_bytes(content[:-100])
    with pytest.raises(DamagedFile, match="not a whole safetensors file"):
        small(build(functools.partial(mlp, 64, 10), run), runs=run)


class Own(torch.nn.Sequential):
    def __init__(self, activation):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 2), activation)


def test_a_checkpoint_is_known_by_content_not_by_name(tmp_path):
    """Data of one name, encoders of one architecture's name and the same parameters."""
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)
    plain = {"data": digits, "activation": torch.nn.ReLU()}

    def train(data, activation):
        model = build(lambda: Bottleneck(Own(activation), 2, 10), run)
        fit(model, data, run, epochs=1, eval_examples=20, progress=False, checkpoint=checkpoint)

    train(**plain)
    train(**plain)  # goes on, where there is nothing left to do
    train(**plain | {"data": dataclasses.replace(digits, name="a folder that was renamed")})
    named = {"name": "digits"}
    others = [dataclasses.replace(with_random_labels(digits, 0.5, seed), **named) for seed in (0, 1)]
    others += [dataclasses.replace(digits, train_images=digits.train_images.flip(-1))]
    for other in others:
        with pytest.raises(InvalidInput, match=r"another training \(fingerprints data '\w{12}', now '\w{12}'\)"):
            train(**plain | {"data": other})
    checkpoint.unlink()
    train(**plain | {"data": others[0]})
    with pytest.raises(InvalidInput, match="fingerprints data"):
        train(**plain | {"data": others[1]})
    checkpoint.unlink()
    train(**plain)
    with pytest.raises(InvalidInput, match=r"another training \(fingerprints network '\w{12}', now '\w{12}'\)"):
        train(**plain | {"activation": torch.nn.Tanh()})


def test_a_checkpoint_knows_what_is_frozen(tmp_path):
    """What is not trained is part of what a training is, by its values."""
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)

    def train(value):
        model = build(lambda: Bottleneck(Own(torch.nn.ReLU()), 2, 10), run)
        torch.nn.init.constant_(model.encoder[1].bias.requires_grad_(False), value)
        fit(model, digits, run, epochs=1, eval_examples=20, progress=False, checkpoint=checkpoint)

    train(1.0)
    train(1.0)
    with pytest.raises(InvalidInput, match=r"another training \(fingerprints frozen '\w{12}', now '\w{12}'\)"):
        train(2.0)


def test_a_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)
    how = {"epochs": 1, "eval_examples": 20, "progress": False, "checkpoint": checkpoint}
    fit(build(functools.partial(mlp, 64, 10), run), digits, run, **how)
    monkeypatch.setattr(ibteach, "__version__", "9.9")
    with pytest.raises(InvalidInput, match=r"another training \(ibteach '[^']*', now '9.9'\)"):
        fit(build(functools.partial(mlp, 64, 10), run), digits, run, **how)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="Linux says which files are mapped")
def test_it_is_not_mapped_when_it_is_replaced(tmp_path, monkeypatch):
    """The rule of Windows: a file that is mapped into memory can be neither replaced nor removed."""
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)
    replace, replaced = os.replace, []

    def strict(source, target):
        with open("/proc/self/maps", encoding="utf-8") as maps:
            if any(line.rstrip().endswith(os.path.realpath(target)) for line in maps):
                raise PermissionError(13, "the file is mapped", str(target))
        replaced.append(target)
        replace(source, target)

    def train(epoch):
        class Stop(Exception):
            pass

        def stopped(self, *arguments):
            if self.epoch == epoch:
                raise Stop
            step(self, *arguments)

        with contextlib.suppress(Stop), monkeypatch.context() as patch:
            step = loop._Training.step
            patch.setattr(loop._Training, "step", stopped)
            patch.setattr(checkpoints, "SHARE", math.inf)
            how = {"epochs": 4, "batch_size": 400, "eval_examples": 20, "progress": False}
            return fit(build(functools.partial(mlp, 64, 10), run), digits, run, checkpoint=checkpoint, **how)

    train(epoch=2)
    monkeypatch.setattr(os, "replace", strict)
    assert train(epoch=None).epochs.tolist() == [0, 4] and len(replaced) == 3
    mapped = files.load_tensors(checkpoint, "checkpoint", checkpoints.VERSION, "")  # as long as this lives
    with pytest.raises(Unavailable, match="the file is mapped"):
        files.save_tensors(checkpoint, "checkpoint", checkpoints.VERSION, *mapped)


def test_resumed_on_the_threads_that_it_began_with(tmp_path, monkeypatch):
    checkpoint, run = tmp_path / "run.checkpoint", Run.of("l2", gamma=0.1)
    how = {"epochs": 1, "batch_size": 400, "eval_examples": 20, "progress": False, "device": "cpu"}
    began = torch.get_num_threads()

    def train():
        return fit(build(functools.partial(mlp, 64, 10), run), digits, run, checkpoint=checkpoint, **how)

    with threads.Threads(3), monkeypatch.context() as patch:
        patch.setattr(threads, "SMALL", 0)
        assert train().provenance["threads"] == 3 == torch.get_num_threads()
    assert train().provenance["threads"] == 3 and torch.get_num_threads() == began
    checkpoint.unlink()
    with threads.Threads(2):
        assert train().provenance["threads"] == 1  # it is small


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_steps_are_fused_where_the_device_has_it_not_where_the_checkpoint_was_written(kind):
    def stepped(optimizer, parameter):
        parameter.grad = torch.tensor([1.0, -2.0])
        optimizer.step()

    (one, first), (other, second) = (
        (torch.nn.Parameter(torch.ones(2)), functools.partial(OPTIMIZERS[kind], lr=0.1, fused=fused))
        for fused in (True, False)
    )
    first, second = first([one]), second([other])
    stepped(first, one)
    other.data.copy_(one.data)
    tensors, groups = checkpoints.optimizer_state(first)
    checkpoints.restore_optimizer(second, {name: tensor.clone() for name, tensor in tensors.items()}, groups)
    assert first.param_groups[0]["fused"] and not second.param_groups[0]["fused"]
    for optimizer, parameter in ((first, one), (second, other)):
        stepped(optimizer, parameter)
    torch.testing.assert_close(one, other)


def test_networks_are_kept_with_what_builds_their_like(tmp_path):
    network = resnet((1, 8, 8), classes=10, latent_dimension=3, width=8)
    run, path = Run.of("variance", gamma=0.01), tmp_path / "network.safetensors"
    fit(network, digits, run, epochs=1, train_examples=128, eval_examples=20, low_precision=True, progress=False)
    network.low_precision = torch.bfloat16  # as where the device has it
    save_network(path, network, digits.shape)
    again, images = load_network(path), digits.normalize(digits.test_images[:5])
    assert again.architecture == network.architecture and again.low_precision is torch.bfloat16
    with torch.no_grad():
        for one, other in zip(network(images, torch.zeros(5, 3)), again(images, torch.zeros(5, 3)), strict=True):
            assert torch.equal(one, other)


def test_a_network_is_kept_in_half_the_size(tmp_path):
    network, whole, half = resnet((1, 8, 8), 10, width=8), tmp_path / "whole", tmp_path / "half"
    save_network(whole, network, digits.shape)
    save_network(half, network, digits.shape, half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    for (name, one), other in zip(network.state_dict().items(), load_network(half).state_dict().values(), strict=True):
        assert other.dtype == one.dtype and torch.allclose(one, other, rtol=2**-11, atol=2**-24), name
    with torch.no_grad():
        network.decoder.weight[0, 0] = 1e5
    with pytest.raises(InvalidInput, match=r"half: got numbers in decoder\.weight that float16 does not reach"):
        save_network(half, network, digits.shape, half=True)
    assert load_network(half).decoder.weight[0, 0] < 1e5  # what was there is still there


def test_what_is_no_network_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    with pytest.raises(InvalidInput, match="without an architecture"):
        save_network(path, Bottleneck(torch.nn.Flatten(), 64, 10), (1, 8, 8))
    several = build(functools.partial(mlp, 64, 10), [Run.of("l2", gamma=gamma) for gamma in (0.1, 1.0)])
    for network, shape, what in [
        (several, (1, 8, 8), r"got Ensemble, expected a Bottleneck; of an ensemble"),
        (mlp(64, 10), (1, 9, 8), r"inputs: got \(1, 9, 8\), which is not the shape"),
        (resnet((3, 32, 32), 10, width=8), (1, 32, 32), "which is not the shape"),
        (mlp(64, 10), (8, 0), "inputs: got 0"),
        (mlp(64, 10), None, "inputs: got None"),
    ]:
        with pytest.raises(InvalidInput, match=what):
            save_network(path, network, shape)
    with pytest.raises(Unavailable, match="cannot be read"):
        load_network(path)
    save_network(path, mlp((1, 8, 8), classes=10), (1, 8, 8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedFile, match="not a whole safetensors"):
        load_network(path)
    with pytest.raises(UnknownName, match=r"trained network: got 'cifar10-resnets'.*did you mean 'cifar10-resnet'"):
        load_network("cifar10-resnets")
